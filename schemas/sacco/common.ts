import { atLeast, enumeration, field, id, openEnumeration, optional, record } from '../avro/avro-types.ts'
import { CURRENCIES } from '../money.ts'

/** Types that several SACCO events share. Amounts are whole minor units (`…_minor`) of the event's one currency. */
export const CURRENCY = enumeration('Currency', 'Currency of every amount of this event.', CURRENCIES)

export const CHANNEL = openEnumeration(
  'Channel',
  'How the money or the request came in or went out.',
  ['mpesa', 'cash', 'bank', 'check_off', 'agent', 'ussd', 'mobile_app', 'web', 'internal', 'other'],
  'other',
)

export const INITIATOR = openEnumeration(
  'Initiator',
  'Who caused it.',
  ['member', 'staff', 'system', 'third_party', 'unknown'],
  'unknown',
)

/** Where a request came from: what the rules on devices, agents, tellers and places look at. */
export const ORIGIN = record('Origin', 'Where and how a request was made.', [
  field('channel', CHANNEL, 'internal', 'How the request came in.'),
  field('initiated_by', INITIATOR, 'internal', 'Who caused it; dormancy counts only what the member did.'),
  optional('branch_id', id('branch-id'), 'internal', 'Branch where it was made.'),
  optional('agent_id', id('agent-id'), 'internal', 'Agent who served the member.'),
  optional('teller_id', id('staff-id'), 'internal', 'Teller who served the member.'),
  optional('device_id', id('device-id'), 'pii', 'Device that the request was made with.'),
  optional('phone', 'string', 'pii', 'Phone number that the request was made with, as 2547XXXXXXXX.'),
  optional('ip_address', 'string', 'pii', 'Network address of the device.'),
  optional('latitude', 'double', 'pii', 'Place of the device or agent, degrees north.'),
  optional('longitude', 'double', 'pii', 'Place of the device or agent, degrees east.'),
])

/** Four eyes: who entered it and who approved it. */
export const CONTROL = record('Control', 'Who entered it and who approved it.', [
  optional('maker_id', id('staff-id'), 'internal', 'Member of staff who entered it; null if nobody of staff did.'),
  optional(
    'checker_id',
    id('staff-id'),
    'internal',
    'Member of staff who approved it; null if no approval was needed.',
  ),
  optional('approved_at', 'string', 'internal', 'When it was approved, ISO format.'),
])

/** The other side of a payment, as far as it is known. */
export const COUNTERPARTY = record('Counterparty', 'The other side of a payment.', [
  optional('member_id', id('member-id'), 'internal', 'If the other side is a member of this SACCO.'),
  optional('account_id', id('account-id'), 'internal', 'Their account in this SACCO.'),
  optional('name', 'string', 'pii', 'Name as the channel gives it.'),
  optional('phone', 'string', 'pii', 'Phone number, as 2547XXXXXXXX.'),
  optional('bank_account', 'string', 'pii', 'Account at another institution.'),
])

export const SIDE = enumeration('Side', 'Side of a posting.', ['debit', 'credit'])

export const memberField = field('member_id', id('member-id'), 'internal', 'The member whom it is about.')
export const accountField = field('account_id', id('account-id'), 'internal', 'The account that it concerns.')
export const amountField = atLeast(
  0,
  field('amount_minor', 'long', 'internal', 'Amount in minor units, never negative.'),
)
export const currencyField = field('currency', CURRENCY, 'internal', 'Currency of every amount here.')
export const originField = field('origin', ORIGIN, 'pii', 'Where and how it was made.')
export const controlField = field('control', CONTROL, 'internal', 'Who entered and who approved it.')
