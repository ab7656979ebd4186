import { type Brand, StreamsError } from '#streams/base'

/**
 * Ids are strings that the producer chose; the brand keeps a loan's id from being used as a member's. The names on
 * the left are the Avro logical types of the fields: readers that do not know them see plain strings.
 */
export type IdTypes = {
  readonly 'account-id': AccountId
  readonly 'agent-id': AgentId
  readonly 'branch-id': BranchId
  readonly 'device-id': DeviceId
  readonly 'employer-id': EmployerId
  readonly 'event-id': EventId
  readonly 'flag-id': FlagId
  readonly 'journal-id': JournalId
  readonly 'loan-id': LoanId
  readonly 'member-id': MemberId
  readonly 'payment-id': PaymentId
  readonly 'rule-id': RuleId
  readonly 'staff-id': StaffId
  readonly 'transaction-id': TransactionId
}

export type AccountId = Brand<string, 'AccountId'>
export type AgentId = Brand<string, 'AgentId'>
export type BranchId = Brand<string, 'BranchId'>
export type DeviceId = Brand<string, 'DeviceId'>
export type EmployerId = Brand<string, 'EmployerId'>
export type EventId = Brand<string, 'EventId'>
export type FlagId = Brand<string, 'FlagId'>
export type JournalId = Brand<string, 'JournalId'>
export type LoanId = Brand<string, 'LoanId'>
export type MemberId = Brand<string, 'MemberId'>
export type PaymentId = Brand<string, 'PaymentId'>
export type RuleId = Brand<string, 'RuleId'>
export type StaffId = Brand<string, 'StaffId'>
export type TransactionId = Brand<string, 'TransactionId'>

export type IdKind = keyof IdTypes

/** Longer ids are refused: an id is a key in logs, stores and URLs, and an unbounded one is an attack on all three. */
export const ID_LENGTH_MAX = 128

/** Printable ASCII without space, quote, slash or backslash: safe in topic keys, URLs, CSV files and logs. */
const ID_PATTERN = /^[!#$%&()*+,\-.0-9:;<=>?@A-Z[\]^_a-z{|}~]+$/

/** Takes a string from outside as an id of this kind, or says why it is none. */
export function parseId<Kind extends IdKind>(kind: Kind, text: string): IdTypes[Kind] {
  if (text.length === 0)
    throw new StreamsError('RECORD_UNREADABLE', `a ${kind} is empty; it must have 1 to 128 characters`)
  if (text.length > ID_LENGTH_MAX) {
    throw new StreamsError(
      'RECORD_UNREADABLE',
      `a ${kind} has ${text.length} characters; at most ${ID_LENGTH_MAX} are allowed`,
    )
  }
  if (!ID_PATTERN.test(text)) {
    throw new StreamsError(
      'RECORD_UNREADABLE',
      `the ${kind} ${JSON.stringify(text)} has characters outside the allowed ones (ASCII letters, digits, - _ . : and the like)`,
    )
  }
  return text as IdTypes[Kind]
}

export const accountId = (text: string): AccountId => parseId('account-id', text)
export const agentId = (text: string): AgentId => parseId('agent-id', text)
export const branchId = (text: string): BranchId => parseId('branch-id', text)
export const deviceId = (text: string): DeviceId => parseId('device-id', text)
export const employerId = (text: string): EmployerId => parseId('employer-id', text)
export const eventId = (text: string): EventId => parseId('event-id', text)
export const flagId = (text: string): FlagId => parseId('flag-id', text)
export const journalId = (text: string): JournalId => parseId('journal-id', text)
export const loanId = (text: string): LoanId => parseId('loan-id', text)
export const memberId = (text: string): MemberId => parseId('member-id', text)
export const paymentId = (text: string): PaymentId => parseId('payment-id', text)
export const ruleId = (text: string): RuleId => parseId('rule-id', text)
export const staffId = (text: string): StaffId => parseId('staff-id', text)
export const transactionId = (text: string): TransactionId => parseId('transaction-id', text)
