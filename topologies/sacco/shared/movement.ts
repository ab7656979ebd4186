import type { SaccoEvent } from '#schemas'
import type { Activity } from './signals.ts'

/** Money that moved for a member, in the few words that windows and rules need. */
export type MovementKind = 'deposit' | 'withdrawal' | 'transfer_out' | 'transfer_in' | 'reversal' | 'loan_payout'
export type Movement = {
  readonly kind: MovementKind
  /** In: positive. Out: negative. */
  readonly amountMinor: number
  readonly channel: string
  /** Who paid or was paid: a member, a phone, a bank account, an employer; empty if nobody knows. */
  readonly counterparty: string
  readonly byMember: boolean
  readonly deviceId: string | null
  readonly eventId: string
  readonly eventType: string
}

type Origin = { readonly channel: string; readonly initiated_by: string; readonly device_id: string | null }
type Party = {
  readonly member_id: string | null
  readonly phone: string | null
  readonly bank_account: string | null
  readonly name: string | null
} | null

const nameOf = (party: Party): string => party?.member_id ?? party?.phone ?? party?.bank_account ?? party?.name ?? ''

function movement(
  kind: MovementKind,
  amountMinor: number,
  event: SaccoEvent,
  origin: Origin | null,
  counterparty: string,
) {
  return {
    kind,
    amountMinor,
    channel: origin?.channel ?? 'internal',
    counterparty,
    byMember: origin?.initiated_by === 'member',
    deviceId: origin?.device_id ?? null,
    eventId: event.event_id,
    eventType: event.event_type,
  }
}

/** Undefined for what moves no money of this member. Transfers between own accounts move none either. */
export function movementOf(event: Activity): Movement | undefined {
  switch (event.event_type) {
    case 'deposit.completed': {
      const { amount_minor, origin, counterparty, employer_id } = event.data
      return movement('deposit', amount_minor, event, origin, nameOf(counterparty) || (employer_id ?? ''))
    }
    case 'withdrawal.processed': {
      const { amount_minor, origin, counterparty } = event.data
      return movement('withdrawal', -amount_minor, event, origin, nameOf(counterparty))
    }
    case 'transfer.executed': {
      const { amount_minor, origin, member_id, to_member_id } = event.data
      return member_id === to_member_id
        ? undefined
        : movement('transfer_out', -amount_minor, event, origin, to_member_id)
    }
    case 'transaction.reversed':
      return movement('reversal', event.data.amount_minor, event, event.data.origin, '')
    case 'loan.disbursed':
      return event.data.account_id === null
        ? undefined
        : movement('loan_payout', event.data.amount_minor, event, null, '')
    case 'member.signal': {
      const { kind, amount_minor, member_id, event_id, event_type } = event.signal
      if (kind !== 'transfer_received') return undefined
      return {
        kind: 'transfer_in',
        amountMinor: amount_minor,
        channel: 'internal',
        counterparty: member_id,
        byMember: false,
        deviceId: null,
        eventId: event_id,
        eventType: event_type,
      }
    }
    default:
      return undefined
  }
}
