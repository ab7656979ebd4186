import type { EventId, LoanId, MemberId, StaffId } from '#schemas'

/**
 * What a fraud scenario is an example of: the rule family that ought to find it. A look-alike has the family whose
 * rule it must not set off.
 */
export const FAMILIES = [
  'velocity-burst',
  'structuring',
  'large-cash',
  'rapid-in-out',
  'fan-in',
  'fan-out',
  'transfer-ring',
  'dormant-reactivation',
  'repeated-amounts',
  'first-payee-large',
  'sim-swap',
  'shared-device',
  'impossible-travel',
  'pin-burst',
  'reversal-abuse',
  'receipt-replay',
  'payment-mismatch',
  'loan-stacking',
  'guarantor-cycle',
  'ghost-borrowers',
  'first-payment-default',
  'disbursement-flight',
  'evergreening',
  'maker-checker',
  'staff-own-account',
  'edit-then-payout',
  'record-snooping',
  'approval-out-of-hours',
  'approval-burst',
  'teller-shortage',
] as const
export type Family = (typeof FAMILIES)[number]

export type Label = {
  readonly scenarioId: string
  readonly family: Family
  /** True for a look-alike: honest behaviour that resembles the family. */
  readonly benign: boolean
  /** The suspects first, then the others involved; empty if it is about staff only. */
  readonly memberIds: readonly MemberId[]
  readonly staffIds: readonly StaffId[]
  readonly loanIds: readonly LoanId[]
  /** In order of business time. */
  readonly eventIds: readonly EventId[]
  readonly fromMs: number
  readonly toMs: number
  /** False if the run ended before the scenario did: recall should not count it. */
  readonly complete: boolean
  readonly note: string
}

/** One label per line, for the labels file. */
export function formatLabel(label: Label): string {
  return `${JSON.stringify(label)}\n`
}

/** Throws with the number of the line that is no label. */
export function parseLabels(text: string): readonly Label[] {
  return text.split('\n').flatMap((line, index) => {
    if (line === '') return []
    const label = parsed(line)
    if (!isLabel(label)) throw new Error(`line ${index + 1} is no label`)
    return [label]
  })
}

function parsed(line: string): unknown {
  try {
    return JSON.parse(line)
  } catch {
    return undefined
  }
}

function isLabel(value: unknown): value is Label {
  if (typeof value !== 'object' || value === null) return false
  const { scenarioId, family, benign, memberIds, staffIds, loanIds, eventIds, fromMs, toMs, complete } =
    value as Partial<Label>
  return (
    typeof scenarioId === 'string' &&
    FAMILIES.includes(family as Family) &&
    typeof benign === 'boolean' &&
    typeof complete === 'boolean' &&
    [memberIds, staffIds, loanIds, eventIds].every(isTexts) &&
    [fromMs, toMs].every(Number.isFinite)
  )
}

function isTexts(list: unknown): boolean {
  return Array.isArray(list) && list.every((each) => typeof each === 'string')
}
