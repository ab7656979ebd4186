import { DEVICES_PER_MEMBER_MAX } from '../shared/limits.ts'
import type { Activity } from '../shared/signals.ts'
import { appended } from './memory.ts'
import { ATTEMPTS_MAX, CHANGES_MAX, type FraudContext, GUARANTORS_MAX, LOAN_STEPS_MAX } from './stores.ts'

/** What is remembered of a member besides money, after an activity; the same object if nothing changes. Pure. */
export function nextContext(context: FraudContext, activity: Activity, timeMs: number): FraudContext {
  switch (activity.event_type) {
    case 'member.contact.changed': {
      const { contact, initiated_by, maker_id, checker_id, value_after } = activity.data
      const change = {
        ...stepOf(activity.event_id, timeMs),
        what: contact as string,
        initiated_by: initiated_by as string,
        staff_id: initiated_by === 'staff' ? (maker_id ?? 'unknown') : (maker_id ?? ''),
        checked: checker_id !== null && checker_id !== maker_id,
        value: value_after,
      }
      return { ...context, changes: appended(context.changes, change, CHANGES_MAX) }
    }
    case 'member.credential.changed': {
      const { credential, initiated_by, staff_id } = activity.data
      const change = {
        ...stepOf(activity.event_id, timeMs),
        what: credential as string,
        initiated_by: initiated_by as string,
        staff_id: staff_id ?? '',
        checked: false,
        value: '',
      }
      return { ...context, changes: appended(context.changes, change, CHANGES_MAX) }
    }
    case 'member.authentication.attempted':
      return activity.data.outcome === 'succeeded'
        ? context
        : { ...context, failures: appended(context.failures, stepOf(activity.event_id, timeMs), ATTEMPTS_MAX) }
    case 'member.device.seen':
      return withPlace(withDevice(context, activity.event_id, activity.data.device_id, timeMs), activity, timeMs)
    case 'withdrawal.processed':
    case 'transfer.executed':
      return isOwnDevice(activity.data.origin.channel) ? withPlace(context, activity, timeMs) : context
    default:
      return nextLoanContext(context, activity, timeMs)
  }
}

function nextLoanContext(context: FraudContext, activity: Activity, timeMs: number): FraudContext {
  switch (activity.event_type) {
    case 'loan.application.submitted':
      return withLoanStep(context, activity, 'applied', timeMs)
    case 'loan.disbursed':
      return withLoanStep(context, activity, 'disbursed', timeMs)
    case 'repayment.received':
      return activity.data.paid_by_loan_id === null ? context : withLoanStep(context, activity, 'refinanced', timeMs)
    case 'guarantee.pledged': {
      const guarantor = {
        ...stepOf(activity.event_id, timeMs),
        member_id: activity.data.guarantor_member_id as string,
        loan_id: activity.data.loan_id as string,
      }
      return { ...context, guarantors: appended(context.guarantors, guarantor, GUARANTORS_MAX) }
    }
    case 'guarantee.released': {
      const { loan_id, guarantor_member_id } = activity.data
      const left = context.guarantors.filter(
        (each) => each.loan_id !== (loan_id as string) || each.member_id !== (guarantor_member_id as string),
      )
      return { ...context, guarantors: left }
    }
    default:
      return context
  }
}

const stepOf = (eventId: string, timeMs: number) => ({ time_ms: timeMs, event_id: eventId })
/** Agents and branches have places too, but they are not where the member's own telephone is. */
const isOwnDevice = (channel: string): boolean => channel === 'mobile_app' || channel === 'web'

function withDevice(context: FraudContext, eventId: string, deviceId: string, timeMs: number): FraudContext {
  if (context.devices.some(({ device_id }) => device_id === deviceId)) return context
  const device = { ...stepOf(eventId, timeMs), device_id: deviceId }
  return { ...context, devices: appended(context.devices, device, DEVICES_PER_MEMBER_MAX) }
}

type Placed = Extract<Activity, { event_type: 'member.device.seen' | 'withdrawal.processed' | 'transfer.executed' }>

/** A place is taken anew when it is at another spot or a good while later: not with each payment at home. */
const SAME_SPOT_DEGREES = 0.05
const PLACE_REFRESH_MS = 10 * 60_000

function withPlace(context: FraudContext, activity: Placed, timeMs: number): FraudContext {
  const { latitude, longitude } = 'origin' in activity.data ? activity.data.origin : activity.data
  if (latitude === null || longitude === null) return context
  const [known] = context.places
  if (known !== undefined) {
    const isNear =
      Math.abs(known.latitude - latitude) < SAME_SPOT_DEGREES &&
      Math.abs(known.longitude - longitude) < SAME_SPOT_DEGREES
    if (isNear && Math.abs(timeMs - known.time_ms) < PLACE_REFRESH_MS) return context
  }
  return { ...context, places: [{ ...stepOf(activity.event_id, timeMs), latitude, longitude }] }
}

type LoanActivity = Extract<
  Activity,
  { event_type: 'loan.application.submitted' | 'loan.disbursed' | 'repayment.received' }
>

function withLoanStep(context: FraudContext, activity: LoanActivity, what: string, timeMs: number): FraudContext {
  const step = {
    ...stepOf(activity.event_id, timeMs),
    what,
    loan_id: activity.data.loan_id as string,
    amount_minor: activity.data.amount_minor,
  }
  return { ...context, loan_steps: appended(context.loan_steps, step, LOAN_STEPS_MAX) }
}
