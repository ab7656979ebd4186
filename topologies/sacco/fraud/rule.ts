import type { EventDataOf } from '#schemas'

/** A rule as data: what `fraud.rule.changed` says. */
export type FraudRule = EventDataOf<'fraud.rule.changed'>
export type RuleUnit = FraudRule['params'][number]['unit']

/** A rule ready to run: its numbers by name. */
export type CompiledRule = {
  readonly data: FraudRule
  readonly isShadow: boolean
  readonly fromMs: number
  readonly toMs: number
  readonly params: Readonly<Record<string, number>>
  readonly lists: Readonly<Record<string, readonly string[]>>
  /** The same member, rule and subject raise nothing again within this time. */
  readonly quietMs: number
}

export type NamedValue = EventDataOf<'fraud.detected'>['values'][number]
export type EvidenceItem = {
  readonly eventId: string
  readonly eventType: string
  readonly timeMs: number
  readonly amountMinor: number | null
}

/** What an evaluator found: enough to check it by hand. */
export type Finding = {
  /** One sentence, for people. */
  readonly reason: string
  readonly evidence: readonly EvidenceItem[]
  readonly values: readonly NamedValue[]
  readonly fromMs: number
  readonly toMs: number
  /** Where a rule can be about several things of one member: which of them. */
  readonly subject?: string
  readonly accountId?: string
  readonly loanId?: string
  readonly staffId?: string
  readonly agentId?: string
  readonly deviceId?: string
}

export function value(name: string, amount: number, unit: RuleUnit): NamedValue {
  return { name, value: Math.round(amount), unit }
}

export function param(rule: CompiledRule, name: string): number {
  const found = rule.params[name]
  if (found === undefined) throw new Error(`rule ${rule.data.rule_id} has no parameter ${name}`)
  return found
}
