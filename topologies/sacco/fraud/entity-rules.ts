import type { EntitySignal } from '../shared/signals.ts'
import { evidenceOfStep } from './memory.ts'
import { type CompiledRule, type Finding, param, value } from './rule.ts'
import type { EntityState, ReceiptUse } from './stores.ts'
import { amountText, durationText } from './words.ts'

/** Rules about what several members have in common: a device, a phone number, a member of staff, a receipt. */
type Sighting = EntityState['sightings'][number]
export type EntityInput = {
  /** `device:…`, `phone:…`, `staff:…`. */
  readonly entity: string
  readonly timeMs: number
  readonly signal: EntitySignal
  /** The signal included. */
  readonly sightings: readonly Sighting[]
}
export type EntityEvaluator = {
  readonly kind: string
  readonly on: readonly EntitySignal['kind'][]
  evaluate(input: EntityInput, rule: CompiledRule): Finding | undefined
}

export const nameOfEntity = (entity: string): string => entity.slice(entity.indexOf(':') + 1)

function lately(input: EntityInput, rule: CompiledRule, kinds: readonly EntitySignal['kind'][]): readonly Sighting[] {
  const { sightings, timeMs } = input
  const fromMs = timeMs - param(rule, 'window_ms')
  return sightings.filter(
    ({ kind, time_ms }) => time_ms > fromMs && time_ms <= timeMs && (kinds as readonly string[]).includes(kind),
  )
}

function membersOf(sightings: readonly Sighting[]): number {
  return new Set(sightings.map(({ member_id }) => member_id)).size
}

function found(sightings: readonly Sighting[], timeMs: number, reason: string, values: Finding['values']): Finding {
  return {
    reason,
    values,
    evidence: sightings.map((each) => evidenceOfStep(each, each.event_type, each.amount_minor || null)),
    fromMs: (sightings[0] as Sighting).time_ms,
    toMs: timeMs,
  }
}

/** One newest sighting per member, so that the evidence names all of them. */
function perMember(sightings: readonly Sighting[]): readonly Sighting[] {
  return [...new Map(sightings.map((each) => [each.member_id, each])).values()]
}

function byMembers(
  kind: string,
  on: EntityEvaluator['on'],
  sentence: (members: number, name: string) => string,
): EntityEvaluator {
  return {
    kind,
    on,
    evaluate(input, rule) {
      const sightings = perMember(lately(input, rule, on))
      const members = membersOf(sightings)
      if (members < param(rule, 'members')) return undefined
      const words = `${sentence(members, nameOfEntity(input.entity))} within ${durationText(param(rule, 'window_ms'))}.`
      return found(sightings, input.timeMs, words, [
        value('members', members, 'count'),
        value('threshold', param(rule, 'members'), 'count'),
      ])
    },
  }
}

const approvalBurst: EntityEvaluator = {
  kind: 'approval-burst',
  on: ['approved'],
  evaluate(input, rule) {
    const approvals = lately(input, rule, ['approved'])
    if (approvals.length < param(rule, 'count')) return undefined
    const windowMs = param(rule, 'window_ms')
    return found(
      approvals,
      input.timeMs,
      `${nameOfEntity(input.entity)} approved ${approvals.length} loans within ${durationText(windowMs)}.`,
      [value('approvals', approvals.length, 'count'), value('threshold', param(rule, 'count'), 'count')],
    )
  },
}

const tellerShortage: EntityEvaluator = {
  kind: 'teller-shortage',
  on: ['drawer_short'],
  evaluate(input, rule) {
    const least = param(rule, 'min_minor')
    const short = lately(input, rule, ['drawer_short']).filter(({ amount_minor }) => amount_minor >= least)
    if (short.length < param(rule, 'count')) return undefined
    const sumMinor = short.reduce((sum, { amount_minor }) => sum + amount_minor, 0)
    return found(
      short,
      input.timeMs,
      `The drawer of ${nameOfEntity(input.entity)} was short ${short.length} times within ${durationText(param(rule, 'window_ms'))}, ${amountText(sumMinor)} in all.`,
      [value('shortages', short.length, 'count'), value('sum', sumMinor, 'minor_units')],
    )
  },
}

export const ENTITY_EVALUATORS: readonly EntityEvaluator[] = [
  byMembers('shared-device', ['device_used'], (members, name) => `Device ${name} was used by ${members} members`),
  byMembers(
    'ghost-borrowers',
    ['detail_borrowed', 'loan_paid_to'],
    (members, name) => `${members} borrowers have ${name} in common, or their loans were paid to it,`,
  ),
  byMembers(
    'mass-registration',
    ['detail_registered'],
    (members, name) => `${members} members were registered with ${name}`,
  ),
  byMembers(
    'record-snooping',
    ['record_viewed'],
    (members, name) => `${name} opened the records of ${members} members without a request`,
  ),
  approvalBurst,
  tellerShortage,
]

export function evaluateReceipt(
  use: ReceiptUse,
  receipt: string,
  signal: EntitySignal,
  timeMs: number,
  rule: CompiledRule,
): Finding | undefined {
  if (use.uses < param(rule, 'uses')) return undefined
  return {
    reason: `M-Pesa receipt ${receipt} was credited ${use.uses} times, first to member ${use.member_id}, now to ${signal.member_id}.`,
    evidence: [
      evidenceOfStep(use, use.event_type),
      evidenceOfStep({ event_id: signal.event_id, time_ms: timeMs }, signal.event_type, signal.amount_minor),
    ],
    values: [value('uses', use.uses, 'count'), value('amount', signal.amount_minor, 'minor_units')],
    fromMs: use.time_ms,
    toMs: timeMs,
    subject: receipt,
  }
}
