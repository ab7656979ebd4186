import { enumeration, field, list, record, recordDefinition, type SaccoEvent, type TypeOf } from '#schemas'
import type { KStream } from '#streams'
import type { LoanState } from '../loans/stores.ts'
import { STATE_NAMESPACE } from './names.ts'

/**
 * Messages between the tasks of different keys. An event is processed in the task of its member; what it means for
 * somebody or something else is sent there as a signal, since no task reads the state of another one.
 */
const SOURCE_FIELDS = [
  field('event_id', 'string', 'internal', 'The event that caused it.'),
  field('event_type', 'string', 'internal', 'Its type.'),
  field('member_id', 'string', 'internal', 'The member of that event.'),
  field('amount_minor', 'long', 'internal', 'Its amount in minor units; 0 if it has none.'),
] as const

export const MEMBER_SIGNAL = record('MemberSignal', "What another member's event means for this member.", [
  field(
    'kind',
    enumeration('MemberSignalKind', 'What happened.', [
      'transfer_received',
      'transfer_trail',
      'guarantee_pledged',
      'guarantee_released',
      'guarantee_trail',
    ]),
    'internal',
    'What happened.',
  ),
  ...SOURCE_FIELDS,
  field('loan_id', 'string', 'internal', 'The loan of a guarantee; empty otherwise.'),
  field('deposits_minor', 'long', 'internal', 'Deposits of the guarantor as the event says; 0 if it does not.'),
  list('trail', 'string', 'internal', 'Members through whom it went, the first one first.'),
  list('trail_events', 'string', 'internal', 'The events on that way.'),
])
export type MemberSignal = TypeOf<typeof MEMBER_SIGNAL>

export const ENTITY_SIGNAL = record('EntitySignal', 'What an event means for a device, a person of staff, a receipt.', [
  field(
    'kind',
    enumeration('EntitySignalKind', 'What happened.', [
      'device_used',
      'detail_registered',
      'detail_borrowed',
      'loan_paid_to',
      'receipt_used',
      'record_viewed',
      'approved',
      'drawer_short',
    ]),
    'internal',
    'What happened.',
  ),
  ...SOURCE_FIELDS,
])
export type EntitySignal = TypeOf<typeof ENTITY_SIGNAL>

export const memberSignalDefinition = recordDefinition(STATE_NAMESPACE, MEMBER_SIGNAL)
export const entitySignalDefinition = recordDefinition(STATE_NAMESPACE, ENTITY_SIGNAL)

/** What the tasks of members process: events that were taken, and signals from other members. */
export type SignalActivity = { readonly event_type: 'member.signal'; readonly signal: MemberSignal }
/** A running loan that has grown older without any repayment so far. */
export type LoanAged = { readonly event_type: 'loan.aged'; readonly loan: LoanState }
export type Activity = SaccoEvent | SignalActivity | LoanAged
/** Keyed by member, in the partition of the member; never sent anywhere as it is. */
export type Activities = KStream<string, Activity, 'no-value-serde'>
