import { evidenceOf, evidenceOfStep } from './memory.ts'
import { type CompiledRule, type Finding, param, value } from './rule.ts'
import { type Evaluator, isToOthers, movesBetween, type RuleInput, sumOf } from './rule-input.ts'
import type { FraudContext, RecentMove } from './stores.ts'
import { amountText, durationText, momentText } from './words.ts'

/** Rules about who acts: SIM, PIN, device, place, and contact details that staff changed. */
type Change = FraudContext['changes'][number]

/**
 * Payments to others after a change. Asked on both sides, since the payment may be known before the change: the
 * evidence is looked for in what is remembered, not in what has just come.
 */
function paymentsAfter(input: RuleInput, change: Change, rule: CompiledRule): readonly RecentMove[] {
  const fromMs = change.time_ms
  const { moves, profile } = input
  // A phone that was set in the change is not the member's own for this question.
  const ownPhone = change.what === 'phone' || profile?.phone === change.value ? undefined : profile?.phone
  const payments = movesBetween(moves, fromMs, fromMs + param(rule, 'window_ms'), (move) => isToOthers(move, ownPhone))
  return sumOf(payments) >= param(rule, 'min_minor') ? payments : []
}

function afterChange(input: RuleInput, rule: CompiledRule, fits: (change: Change) => boolean, what: string) {
  for (const change of input.context.changes) {
    if (!fits(change)) continue
    const payments = paymentsAfter(input, change, rule)
    const last = payments.at(-1)
    if (last === undefined) continue
    const isCredential = change.value === ''
    const changeEvent = isCredential ? 'member.credential.changed' : 'member.contact.changed'
    const finding: Finding = {
      reason: `${what} at ${momentText(change.time_ms)}; ${amountText(sumOf(payments))} went out within ${durationText(last.time_ms - change.time_ms)} after it.`,
      evidence: [evidenceOfStep(change, changeEvent), ...payments.map(evidenceOf)],
      values: [
        value('sum', sumOf(payments), 'minor_units'),
        value('payments', payments.length, 'count'),
        value('after', last.time_ms - change.time_ms, 'ms'),
      ],
      fromMs: change.time_ms,
      toMs: last.time_ms,
      subject: change.event_id,
      ...(change.staff_id === '' ? {} : { staffId: change.staff_id }),
    }
    return finding
  }
  return undefined
}

const simSwap: Evaluator = {
  kind: 'sim-swap',
  evaluate(input, rule) {
    if (input.context.changes.length === 0) return undefined
    const wanted = rule.lists.changes ?? ['sim']
    return afterChange(input, rule, ({ what }) => wanted.includes(what), 'The SIM card was replaced')
  },
}

const editThenPayout: Evaluator = {
  kind: 'edit-then-payout',
  evaluate(input, rule) {
    if (input.context.changes.length === 0) return undefined
    const byOneOfStaff = ({ what, staff_id, checked }: Change) =>
      staff_id !== '' && !checked && (what === 'phone' || what === 'bank_account')
    return afterChange(input, rule, byOneOfStaff, 'Staff changed a contact without a second person')
  },
}

const newDevicePayout: Evaluator = {
  kind: 'new-device-payout',
  evaluate({ movement, move, context, timeMs, profile }, rule) {
    if (movement === undefined || move === undefined || movement.deviceId === null) return undefined
    if (-move.amount_minor < param(rule, 'min_minor') || !isToOthers(move, profile?.phone)) return undefined
    if (context.devices.length < 2) return undefined
    const device = context.devices.find(({ device_id }) => device_id === movement.deviceId)
    if (device === undefined || timeMs - device.time_ms > param(rule, 'window_ms')) return undefined
    return {
      reason: `${amountText(move.amount_minor)} went out from a device first seen ${durationText(timeMs - device.time_ms)} before.`,
      evidence: [evidenceOfStep(device, 'member.device.seen'), evidenceOf(move)],
      values: [value('amount', -move.amount_minor, 'minor_units'), value('device_age', timeMs - device.time_ms, 'ms')],
      fromMs: device.time_ms,
      toMs: timeMs,
      subject: device.device_id,
      deviceId: device.device_id,
    }
  },
}

const pinBurst: Evaluator = {
  kind: 'pin-burst',
  evaluate({ activity, context, timeMs }, rule) {
    if (activity.event_type !== 'member.authentication.attempted') return undefined
    if (activity.data.outcome !== 'succeeded') return undefined
    const windowMs = param(rule, 'window_ms')
    const wrong = context.failures.filter(({ time_ms }) => time_ms > timeMs - windowMs && time_ms <= timeMs)
    if (wrong.length < param(rule, 'count')) return undefined
    const first = wrong[0] as (typeof wrong)[number]
    const success = { event_id: activity.event_id, time_ms: timeMs }
    return {
      reason: `${wrong.length} wrong PINs within ${durationText(timeMs - first.time_ms)}, then the right one.`,
      evidence: [...wrong, success].map((step) => evidenceOfStep(step, activity.event_type)),
      values: [value('wrong', wrong.length, 'count'), value('within', timeMs - first.time_ms, 'ms')],
      fromMs: first.time_ms,
      toMs: timeMs,
      ...(activity.data.device_id === null ? {} : { deviceId: activity.data.device_id }),
    }
  },
}

const EARTH_RADIUS_KM = 6_371
const RADIANS = Math.PI / 180

export function distanceKm(fromLat: number, fromLon: number, toLat: number, toLon: number): number {
  const sinLat = Math.sin(((toLat - fromLat) * RADIANS) / 2)
  const sinLon = Math.sin(((toLon - fromLon) * RADIANS) / 2)
  const chord = sinLat ** 2 + Math.cos(fromLat * RADIANS) * Math.cos(toLat * RADIANS) * sinLon ** 2
  return 2 * EARTH_RADIUS_KM * Math.asin(Math.min(1, Math.sqrt(chord)))
}

/** `contextBefore` still has the place before this one. */
export function evaluateTravel(
  before: FraudContext['places'][number],
  now: FraudContext['places'][number],
  eventType: string,
  rule: CompiledRule,
): Finding | undefined {
  const km = distanceKm(before.latitude, before.longitude, now.latitude, now.longitude)
  if (km < param(rule, 'distance_km')) return undefined
  const apartMs = Math.abs(now.time_ms - before.time_ms)
  const hours = Math.max(apartMs / 3_600_000, 1 / 60)
  const speed = km / hours
  if (speed < param(rule, 'speed_kmh')) return undefined
  const steps = before.time_ms <= now.time_ms ? [before, now] : [now, before]
  return {
    reason: `${Math.round(km)} km between two places within ${durationText(apartMs)}: ${Math.round(speed)} km/h.`,
    evidence: steps.map((step) => evidenceOfStep(step, eventType)),
    values: [
      value('distance', km, 'other'),
      value('speed', speed, 'km_per_hour'),
      value('threshold', param(rule, 'speed_kmh'), 'km_per_hour'),
    ],
    fromMs: Math.min(before.time_ms, now.time_ms),
    toMs: Math.max(before.time_ms, now.time_ms),
  }
}

/** Asked with every movement and with every change of contact or credential. */
export const AFTER_CHANGE_EVALUATORS: readonly Evaluator[] = [simSwap, editThenPayout]
export const IDENTITY_EVALUATORS: readonly Evaluator[] = [newDevicePayout, pinBurst]
