import {
  createRecordSerde,
  createTopicSerde,
  enumeration,
  field,
  list,
  optional,
  type RegisteredSchemas,
  record,
  recordDefinition,
  type TypeOf,
} from '#schemas'
import { keyValueStore, serdes, windowStore } from '#streams'
import { SEEN_BUCKET_MS, SEEN_RETENTION_MS } from '../shared/limits.ts'
import { STATE_NAMESPACE } from '../shared/names.ts'
import { DAY_MS } from '../shared/time.ts'

/** Bounds of what rules remember of one member or entity. Rules with wider windows see no more than this. */
export const MOVES_MAX = 48
export const MOVES_AGE_MAX_MS = 8 * DAY_MS
/** Of the moves, so many are in a record of their own before they go to the others. */
export const NEWEST_MOVES_MAX = 8
export const PAYEES_MAX = 96
export const TRAILS_MAX = 6
export const TRAIL_LENGTH_MAX = 6
export const ATTEMPTS_MAX = 16
export const CHANGES_MAX = 8
export const LOAN_STEPS_MAX = 24
export const GUARANTORS_MAX = 32
export const RAISED_MAX = 64
export const SIGHTINGS_MAX = 64
/** Steps of the work on one flag that are kept, and within which a repeated event is recognised. */
export const FLAG_STEPS_MAX = 64

const MOVE = record('RecentMove', 'Money that moved lately.', [
  field('time_ms', 'long', 'internal', 'When.'),
  field('amount_minor', 'long', 'internal', 'In positive, out negative.'),
  field(
    'kind',
    enumeration('MoveKind', 'How.', [
      'deposit',
      'cash_in',
      'withdrawal',
      'transfer_in',
      'transfer_out',
      'reversal',
      'loan_payout',
    ]),
    'internal',
    'How.',
  ),
  field('counterparty', 'string', 'pii', 'Who paid or was paid; empty if not known.'),
  field('event_id', 'string', 'internal', 'The event.'),
])
export type RecentMove = TypeOf<typeof MOVE>

const TOTALS = [
  field('out_count', 'int', 'internal', 'Payments out so far.'),
  field('out_minor', 'long', 'internal', 'Their sum.'),
  field('active_ms', 'long', 'internal', 'Last movement by the member; 0 if none.'),
] as const

/** What rules about money remember; see MoveMemory for how it is kept. */
export const FRAUD_MOVES = record('FraudMoves', 'What rules about money remember of a member.', [
  list('moves', MOVE, 'internal', 'By time, the oldest first; bounded by number and age.'),
  list('payees', 'int', 'internal', 'Hashes of those who were ever paid, the oldest first.'),
  ...TOTALS,
  list(
    'trails',
    record('MoneyTrail', 'The way on which money came to the member.', [
      field('time_ms', 'long', 'internal', 'When it arrived.'),
      field('amount_minor', 'long', 'internal', 'How much.'),
      list('members', 'string', 'internal', 'Through whom, the first one first.'),
      list('events', 'string', 'internal', 'The transfers.'),
    ]),
    'internal',
    'The newest last.',
  ),
])
export type FraudMoves = TypeOf<typeof FRAUD_MOVES>

/** Every movement writes it, so it is small. */
export const NEWEST_MOVES = record('NewestMoves', 'Moves since the others were written, and the totals with them.', [
  list('moves', MOVE, 'internal', 'By time, the oldest first.'),
  ...TOTALS,
])
export type NewestMoves = TypeOf<typeof NEWEST_MOVES>

const STEP = [
  field('time_ms', 'long', 'internal', 'When.'),
  field('event_id', 'string', 'internal', 'The event.'),
] as const

/** What rules remember besides money: changed seldom. */
export const FRAUD_CONTEXT = record('FraudContext', 'What rules remember of a member besides money.', [
  list(
    'changes',
    record('SensitiveChange', 'A contact or credential was changed.', [
      ...STEP,
      field('what', 'string', 'internal', 'sim, pin, phone, bank_account …'),
      field('initiated_by', 'string', 'internal', 'Who did it.'),
      field('staff_id', 'string', 'internal', 'Member of staff; empty if none.'),
      field('checked', 'boolean', 'internal', 'A second person approved it.'),
      field('value', 'string', 'pii', 'Value now; empty for credentials.'),
    ]),
    'internal',
    'The newest last.',
  ),
  list('failures', record('FailedAttempt', 'A wrong PIN.', STEP), 'internal', 'The newest last.'),
  list(
    'devices',
    record('KnownDevice', 'A device of the member.', [...STEP, field('device_id', 'string', 'pii', 'The device.')]),
    'pii',
    'First sighting of each, the newest last.',
  ),
  list(
    'places',
    record('LastPlace', 'Where the member was seen last.', [
      ...STEP,
      field('latitude', 'double', 'pii', 'Degrees north.'),
      field('longitude', 'double', 'pii', 'Degrees east.'),
    ]),
    'pii',
    'One at most.',
  ),
  list(
    'loan_steps',
    record('LoanStep', 'An application, payout or repayment by a new loan.', [
      ...STEP,
      field('what', 'string', 'internal', 'applied, disbursed, refinanced.'),
      field('loan_id', 'string', 'internal', 'The loan.'),
      field('amount_minor', 'long', 'internal', 'Its amount.'),
    ]),
    'internal',
    'The newest last.',
  ),
  list(
    'guarantors',
    record('OwnGuarantor', 'Who vouches for a loan of this member.', [
      ...STEP,
      field('member_id', 'string', 'internal', 'The guarantor.'),
      field('loan_id', 'string', 'internal', 'The loan.'),
    ]),
    'internal',
    'The newest last.',
  ),
  list(
    'raised',
    record('RaisedFlag', 'A flag that was raised for this member.', [
      field('rule_id', 'string', 'internal', 'The rule.'),
      field('time_ms', 'long', 'internal', 'When.'),
      field('subject', 'string', 'internal', 'What it was about, where a rule may fire for several things.'),
      field('score', 'int', 'internal', 'Weight of the flag; 0 in shadow.'),
    ]),
    'internal',
    'The newest last.',
  ),
])
export type FraudContext = TypeOf<typeof FRAUD_CONTEXT>

export const ENTITY_STATE = record('EntityState', 'What rules remember of a device, phone number or person of staff.', [
  list(
    'sightings',
    record('Sighting', 'A signal about the entity.', [
      ...STEP,
      field('kind', 'string', 'internal', 'What happened.'),
      field('event_type', 'string', 'internal', 'Type of the event.'),
      field('member_id', 'string', 'internal', 'The member concerned.'),
      field('amount_minor', 'long', 'internal', 'Amount, if any.'),
    ]),
    'internal',
    'By time, the oldest first; bounded.',
  ),
  list(
    'raised',
    record('RaisedForEntity', 'A flag that was raised.', [
      field('rule_id', 'string', 'internal', 'The rule.'),
      field('time_ms', 'long', 'internal', 'When.'),
    ]),
    'internal',
    'The newest last.',
  ),
])
export type EntityState = TypeOf<typeof ENTITY_STATE>

export const RECEIPT_USE = record('ReceiptUse', 'Where an M-Pesa receipt was credited first.', [
  field('event_id', 'string', 'internal', 'The event.'),
  field('event_type', 'string', 'internal', 'Its type.'),
  field('member_id', 'string', 'internal', 'The member.'),
  field('time_ms', 'long', 'internal', 'When.'),
  field('uses', 'int', 'internal', 'How often so far.'),
])
export type ReceiptUse = TypeOf<typeof RECEIPT_USE>

export const FLAG_STEP = record('FlagStep', 'One thing that somebody did with a flag, or tried to.', [
  field('event_id', 'string', 'internal', 'The event.'),
  field('action', 'string', 'internal', 'take, note, release, escalate, close or reopen.'),
  field('status', 'string', 'internal', 'Where the work stood afterwards.'),
  field('by', 'string', 'internal', 'Who.'),
  optional('checker_id', 'string', 'internal', 'Who agreed, if somebody did.'),
  field('reason', 'string', 'pii', 'Why, in words.'),
  field('time_ms', 'long', 'internal', 'When.'),
  optional('refused', 'string', 'internal', 'Why it changed nothing; null if it took effect.'),
])
export type FlagStep = TypeOf<typeof FLAG_STEP>

export const FLAG_REVIEW = record('FlagReview', 'What became of a flag.', [
  field('status', 'string', 'internal', 'Where the work stands.'),
  field('reviewed_by', 'string', 'internal', 'Who brought it there.'),
  field('reason', 'string', 'pii', 'Why, in words.'),
  field('reviewed_ms', 'long', 'internal', 'When.'),
  optional('assignee', 'string', 'internal', 'Who works on it; null if nobody does.'),
  list('steps', FLAG_STEP, 'pii', 'What was done, the oldest first; bounded.'),
])
export type FlagReview = TypeOf<typeof FLAG_REVIEW>

export const fraudMovesDefinition = recordDefinition(STATE_NAMESPACE, FRAUD_MOVES)
export const newestMovesDefinition = recordDefinition(STATE_NAMESPACE, NEWEST_MOVES)
export const fraudContextDefinition = recordDefinition(STATE_NAMESPACE, FRAUD_CONTEXT)
export const entityStateDefinition = recordDefinition(STATE_NAMESPACE, ENTITY_STATE)
export const receiptUseDefinition = recordDefinition(STATE_NAMESPACE, RECEIPT_USE)
export const flagReviewDefinition = recordDefinition(STATE_NAMESPACE, FLAG_REVIEW)
export const FRAUD_RECORDS = [
  fraudMovesDefinition,
  newestMovesDefinition,
  fraudContextDefinition,
  entityStateDefinition,
  receiptUseDefinition,
  flagReviewDefinition,
] as const

export function createFraudStores(schemas: RegisteredSchemas) {
  const key = serdes.string
  return {
    /** Member id → money that moved lately; see MoveMemory. */
    moves: keyValueStore({ name: 'fraud-moves', key, value: createRecordSerde(fraudMovesDefinition, schemas) }),
    /** Member id → moves that are not in the other one yet. */
    newestMoves: keyValueStore({
      name: 'fraud-moves-newest',
      key,
      value: createRecordSerde(newestMovesDefinition, schemas),
    }),
    /** Member id → changes, devices, attempts, guarantors, flags raised. */
    context: keyValueStore({ name: 'fraud-context', key, value: createRecordSerde(fraudContextDefinition, schemas) }),
    /** `device:…`, `phone:…`, `staff:…` → what happened with it. */
    entities: keyValueStore({ name: 'fraud-entities', key, value: createRecordSerde(entityStateDefinition, schemas) }),
    /** M-Pesa receipt, in the month of its use. */
    receipts: windowStore({
      name: 'mpesa-receipts',
      key,
      value: createRecordSerde(receiptUseDefinition, schemas),
      windowSizeMs: SEEN_BUCKET_MS,
      retentionMs: SEEN_RETENTION_MS,
      segmentIntervalMs: SEEN_BUCKET_MS,
      cleanEntriesMax: 0,
    }),
    /** `rule|version|live or shadow` → how often it fired in the tasks of members. */
    memberHits: keyValueStore({ name: 'fraud-rule-hits', key, value: serdes.int64 }),
    /** The same for the tasks of entities. */
    entityHits: keyValueStore({ name: 'fraud-rule-hits-entities', key, value: serdes.int64 }),
    /** Flag id (begins with its time) → flag. */
    flags: keyValueStore({ name: 'fraud-flags', key, value: createTopicSerde('sacco.analytics.events', schemas) }),
    /** `member|flag id` → rule id. */
    flagsByMember: keyValueStore({ name: 'fraud-flags-by-member', key, value: serdes.string }),
    /** Flag id → review. */
    reviews: keyValueStore({
      name: 'fraud-flag-reviews',
      key,
      value: createRecordSerde(flagReviewDefinition, schemas),
    }),
    /** Rule id → newest version. Global. */
    rules: keyValueStore({ name: 'fraud-rules', key, value: createTopicSerde('sacco.fraud.rules', schemas) }),
  }
}
export type FraudStores = ReturnType<typeof createFraudStores>
