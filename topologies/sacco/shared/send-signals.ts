import type { SaccoEvent } from '#schemas'
import type { KeyValuePair } from '#streams'
import type { MemberProfile } from '../members/stores.ts'
import type { Activity, EntitySignal, MemberSignal } from './signals.ts'

/** What an event means for guarantors. Transfers are sent by the rules about money, which know the trail. */
export function memberSignalsOf(event: Activity): readonly KeyValuePair<string, MemberSignal>[] {
  if (event.event_type !== 'guarantee.pledged' && event.event_type !== 'guarantee.released') return []
  const { guarantor_member_id, member_id, loan_id, amount_minor } = event.data
  const isPledge = event.event_type === 'guarantee.pledged'
  const value: MemberSignal = {
    kind: isPledge ? 'guarantee_pledged' : 'guarantee_released',
    event_id: event.event_id,
    event_type: event.event_type,
    member_id,
    amount_minor,
    loan_id,
    deposits_minor: isPledge ? (event.data.guarantor_deposits_minor ?? 0) : 0,
    trail: [member_id],
    trail_events: [event.event_id],
  }
  return [{ key: guarantor_member_id, value }]
}

type Signals = KeyValuePair<string, EntitySignal>[]
const NOTHING: Signals = []

/** What an event means for devices, phone numbers, receipts and staff. */
export function entitySignalsOf(event: Activity, profile: MemberProfile | undefined): Signals {
  switch (event.event_type) {
    case 'deposit.completed':
      return receipt(event, event.data.mpesa_receipt)
    case 'repayment.received':
      return receipt(event, event.data.mpesa_receipt)
    case 'member.device.seen':
      return [signal(`device:${event.data.device_id}`, 'device_used', event)]
    case 'member.authentication.attempted': {
      const { outcome, device_id } = event.data
      return device_id === null || outcome !== 'succeeded'
        ? NOTHING
        : [signal(`device:${device_id}`, 'device_used', event)]
    }
    case 'member.registered': {
      const { phone, device_id } = event.data
      const signals = phone === '' ? [] : [signal(`phone:${phone}`, 'detail_registered', event)]
      if (device_id !== null) signals.push(signal(`device:${device_id}`, 'detail_registered', event))
      return signals
    }
    case 'loan.disbursed':
      return loanSignals(event, event.data.disbursed_to_phone, profile)
    case 'loan.approved': {
      const { checker_id } = event.data.control
      return checker_id === null ? NOTHING : [signal(`staff:${checker_id}`, 'approved', event)]
    }
    case 'member.record.accessed': {
      const { staff_id, service_request_id } = event.data
      return service_request_id === null ? [signal(`staff:${staff_id}`, 'record_viewed', event)] : NOTHING
    }
    case 'teller.drawer.balanced': {
      const shortMinor = event.data.expected_minor - event.data.counted_minor
      return shortMinor > 0 ? [signal(`staff:${event.data.staff_id}`, 'drawer_short', event, shortMinor)] : NOTHING
    }
    default:
      return NOTHING
  }
}

function receipt(event: SaccoEvent, receiptNumber: string | null): Signals {
  return receiptNumber === null ? NOTHING : [signal(`receipt:${receiptNumber}`, 'receipt_used', event)]
}

function loanSignals(event: SaccoEvent, paidTo: string | null, profile: MemberProfile | undefined): Signals {
  const signals = paidTo === null ? [] : [signal(`phone:${paidTo}`, 'loan_paid_to', event)]
  const own = profile?.phone ?? ''
  if (own !== '' && own !== paidTo) signals.push(signal(`phone:${own}`, 'detail_borrowed', event))
  return signals
}

type Subject = { readonly member_id?: string | null; readonly amount_minor?: number }

function signal(
  key: string,
  kind: EntitySignal['kind'],
  event: SaccoEvent,
  amountMinor = (event.data as Subject).amount_minor ?? 0,
): KeyValuePair<string, EntitySignal> {
  const { event_id, event_type } = event
  const member_id = (event.data as Subject).member_id ?? ''
  return { key, value: { kind, event_id, event_type, member_id, amount_minor: amountMinor } }
}
