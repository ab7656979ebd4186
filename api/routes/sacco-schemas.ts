import { FLAG_STATUSES, REVIEW_ACTIONS } from '#topologies/sacco'
import {
  array,
  boolean,
  dateTime,
  integer,
  type JsonSchema,
  nullable,
  object,
  oneOf,
  partial,
  personal,
  ref,
  string,
} from '../http/json-schema.ts'
import { SEVERITIES } from '../queries/flags.ts'
import { RISK_LEVELS } from '../queries/members.ts'
import { MONEY_SCHEMA } from '../queries/views.ts'

const money = ref('Money')

export const SACCO_SCHEMAS = {
  Money: MONEY_SCHEMA,
  MemberSummary: object({
    memberId: string(),
    name: personal(nullable(string())),
    phone: personal(nullable(string())),
    status: string(),
    segment: string(),
    branchId: nullable(string()),
    riskScore: nullable(integer('0 to 1000.')),
    riskLevel: nullable(oneOf(RISK_LEVELS)),
  }),
  Device: object({ deviceId: personal(string()), firstSeen: dateTime('First use.'), lastSeen: dateTime('Last use.') }),
  Profile: object({
    memberId: string(),
    name: personal(nullable(string())),
    status: string(),
    segment: string('What the member lives on.'),
    branchId: nullable(string()),
    employerId: nullable(string()),
    staffId: nullable(string(), 'Set if the member works for the SACCO.'),
    phone: personal(nullable(string())),
    email: personal(nullable(string())),
    nextOfKinPhone: personal(nullable(string())),
    postalAddress: personal(nullable(string())),
    bankAccount: personal(nullable(string())),
    registeredAt: dateTime('When the member joined.'),
    verified: boolean('Identity verified.'),
    kyc: object({ level: integer('0 none, 1 basic, 2 full, 3 enhanced.'), rating: nullable(string()) }),
    politicallyExposed: boolean(),
    sanctionsHit: boolean(),
    devices: array(ref('Device')),
    updatedAt: dateTime('Time of the event that changed the profile last.'),
  }),
  Account: object({
    accountId: string(),
    product: string(),
    status: string(),
    balance: money,
    available: money,
    held: money,
    asOf: nullable(dateTime('Time of the last change before the moment asked for.')),
  }),
  Movement: object({
    accountId: string(),
    time: dateTime('When.'),
    eventId: string(),
    eventType: string(),
    words: string('The event in plain words.'),
    amount: money,
    balance: ref('Money'),
  }),
  MemberEvent: object({
    eventId: string(),
    eventType: string(),
    words: string('The event in plain words.'),
    time: dateTime('When.'),
    amount: nullable(money),
    topic: string(),
    partition: integer(),
    offset: integer(),
    data: { description: 'What the event says, field by field.' },
  }),
  Risk: object({
    memberId: string(),
    score: integer('0 (no risk seen) to 1000.'),
    level: oneOf(RISK_LEVELS, 'The score in fifths, for reading.'),
    model: string(),
    modelVersion: integer(),
    reasons: array(
      object({
        code: string(),
        words: string(),
        points: integer('What it adds to the score.'),
        values: array(object({ label: string(), words: string() })),
      }),
      'The heaviest first.',
    ),
    causedByEventId: nullable(string()),
    calculatedAt: dateTime('Stream time of the calculation.'),
  }),
  VelocityWindow: object({
    start: dateTime('Inclusive.'),
    end: dateTime('Exclusive.'),
    in: object({ count: integer(), amount: money }),
    out: object({ count: integer(), amount: money }),
  }),
  FraudFlag: object({
    id: string('Begins with its time.'),
    rule: object({ id: string(), version: integer(), name: string() }),
    severity: oneOf(SEVERITIES),
    outcome: string('What the rule asks for.'),
    score: integer(),
    subject: object({
      kind: string(),
      id: personal(string('A member, a member of staff, a device, a phone number …')),
      name: personal(nullable(string())),
    }),
    memberId: nullable(string()),
    memberName: personal(nullable(string())),
    accountId: nullable(string()),
    loanId: nullable(string()),
    staffId: nullable(string()),
    agentId: nullable(string()),
    deviceId: personal(nullable(string())),
    reason: personal(string('Why it fired, in a sentence.')),
    values: array(
      object({ name: string(), label: string(), value: integer(), unit: string(), words: string() }),
      'What was measured, and the thresholds.',
    ),
    evidence: array(
      object({
        eventId: string(),
        eventType: string(),
        words: string(),
        time: dateTime('When.'),
        amount: nullable(money),
      }),
      'The events, the oldest first.',
    ),
    evidenceCount: integer('How many there were in all.'),
    windowStart: nullable(dateTime('Of the window looked at.')),
    windowEnd: nullable(dateTime('Of the window looked at.')),
    detectedAt: dateTime('Stream time of the detection.'),
    status: oneOf(FLAG_STATUSES, 'Where the work stands; open: nobody has it.'),
    assignee: nullable(string(), 'Who works on it; once it is closed, who did.'),
    review: nullable(
      object({ by: string(), reason: personal(string()), at: dateTime('When.') }),
      'What brought it there; null while nobody has done anything.',
    ),
    history: array(
      object({
        eventId: string(),
        action: oneOf(REVIEW_ACTIONS),
        status: oneOf(FLAG_STATUSES, 'Where the work stood afterwards.'),
        by: string(),
        checkerId: nullable(string(), 'Who agreed.'),
        reason: personal(string('The note.')),
        at: dateTime('When.'),
        refused: nullable(string(), 'Why it changed nothing; null if it took effect.'),
      }),
      'What was done, the oldest first.',
    ),
  }),
  FraudRule: object({
    id: string(),
    version: integer(),
    name: string(),
    description: string(),
    category: string(),
    kind: string(),
    status: string('live, shadow, draft or retired.'),
    severity: oneOf(SEVERITIES),
    outcome: string(),
    score: integer(),
    params: array(object({ name: string(), label: string(), words: string() })),
    effectiveFrom: dateTime('From when on.'),
    hits: integer('Flags that it raised.'),
    shadowHits: integer('Flags that it would have raised.'),
  }),
  LoanSummary: object(loanSummary()),
  Loan: object({
    ...loanSummary(),
    annualRateBps: integer('Basis points.'),
    repayments: integer(),
    restructures: integer(),
    refinancesLoanId: nullable(string()),
    provision: money,
    arrearsAsOf: nullable(string('Day for which arrears and band hold.')),
    guarantors: array(object({ memberId: string(), amount: money })),
    schedule: array(object({ dueDate: string(), principal: money, interest: money, paid: money, isPaid: boolean() })),
  }),
  Exposure: object({
    total: money,
    deposits: money,
    guarantees: array(object({ loanId: string(), borrowerId: string(), amount: money })),
  }),
  Member: object({
    profile: ref('Profile'),
    accounts: array(ref('Account')),
    risk: nullable(ref('Risk')),
    loans: array(ref('LoanSummary')),
    guarantees: nullable(ref('Exposure'), 'What the member vouches for.'),
    openFlags: array(ref('FraudFlag')),
    freshness: ref('Freshness'),
  }),
  Portfolio: partial(
    {
      ...totals(),
      par30Bps: integer('Outstanding principal of loans more than 30 days past due, in basis points of all.'),
      bands: array(
        object({
          code: string(),
          name: string(),
          daysFrom: integer(),
          daysTo: nullable(integer()),
          provisionBps: integer(),
          ...totals(),
        }),
      ),
      bandTable: object({ version: integer(), verified: boolean(), source: string() }),
      products: array(object({ product: string(), name: string(), ...totals() })),
      freshness: ref('Freshness'),
    },
    [],
  ),
  RiskDistribution: object({
    members: integer('Members with a score.'),
    bins: array(object({ from: integer(), to: integer('Inclusive.'), members: integer() })),
    levels: array(object({ level: oneOf(RISK_LEVELS), members: integer() })),
    freshness: ref('Freshness'),
  }),
} satisfies Record<string, JsonSchema>

function loanSummary(): Record<string, JsonSchema> {
  return {
    loanId: string(),
    memberId: string(),
    product: string(),
    status: string(),
    principal: money,
    outstanding: money,
    arrears: money,
    daysPastDue: integer(),
    band: nullable(string('Band of delinquency; null unless it runs.')),
    disbursedAt: nullable(dateTime('When it was paid out.')),
    lastRepaymentAt: nullable(dateTime('Last repayment.')),
  }
}

function totals(): Record<string, JsonSchema> {
  return { loans: integer(), outstanding: money, arrears: money, provision: money, atRisk: money }
}

/** A page of items. */
export function pageOf(name: string): JsonSchema {
  return object({
    items: array(ref(name)),
    next: nullable(string(), 'Cursor of the next page; null on the last one.'),
    freshness: ref('Freshness'),
  })
}
