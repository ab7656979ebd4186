import { FAMILIES, type Family, type Label } from '#load'

/**
 * How good the rules are, against labels that say what was fraud and what only looks like it.
 *
 * - A flag concerns a label if its evidence has an event of it; if it concerns none that way, then each label of its
 *   subject (member, staff or loan) whose time it falls into.
 * - A label of fraud is found by a rule of its own family only. Labels that the run has cut short are not missed.
 * - A flag that concerns fraud of any family is no false alarm: fraudsters show several patterns. A flag that concerns
 *   only look-alikes, or nothing that is labelled, is one.
 */
export type Flag = {
  readonly flagId: string
  readonly ruleId: string
  readonly memberId: string | null
  readonly staffId: string | null
  readonly loanId: string | null
  readonly subjectId: string
  readonly eventIds: readonly string[]
  readonly fromMs: number
  readonly toMs: number
}

export type RuleScore = {
  readonly rule: string
  readonly family: Family | undefined
  readonly flags: number
  readonly truePositives: number
  readonly falsePositives: number
  /** False positives that are look-alikes, made to be one. */
  readonly lookAlikesFlagged: number
  readonly precision: number | undefined
}
export type FamilyScore = {
  readonly family: Family
  /** Labels of fraud that are complete. */
  readonly labels: number
  readonly found: number
  readonly lookAlikes: number
  /** Look-alikes that a rule of this family has flagged. */
  readonly lookAlikesFlagged: number
  readonly incomplete: number
  readonly recall: number | undefined
}
export type Evaluation = {
  readonly rules: readonly RuleScore[]
  readonly families: readonly FamilyScore[]
  readonly overall: {
    readonly flags: number
    readonly truePositives: number
    readonly falsePositives: number
    readonly precision: number | undefined
    readonly labels: number
    readonly found: number
    readonly recall: number | undefined
    readonly lookAlikes: number
    readonly lookAlikesFlagged: number
  }
}

/** Rules beside the families' own look for a family from another side. */
const FAMILY_OF_RULE: Readonly<Record<string, Family>> = {
  'cash-aggregate': 'structuring',
  'new-device-payout': 'sim-swap',
  'guarantor-overcommitted': 'guarantor-cycle',
  'mass-registration': 'ghost-borrowers',
}
/** A flag may carry the time of the event before or after the first or last one of its scenario. */
const SLACK_MS = 3_600_000

export function familyOfRule(ruleId: string): Family | undefined {
  return FAMILY_OF_RULE[ruleId] ?? FAMILIES.find((family) => family === ruleId)
}

export type EvaluateOptions = {
  readonly flags: readonly Flag[]
  readonly labels: readonly Label[]
  /** Labels that end after it are cut short: part of them was never published. */
  readonly publishedMs?: number
}

export function evaluate({ flags, labels, publishedMs = Number.POSITIVE_INFINITY }: EvaluateOptions): Evaluation {
  const find = createMatcher(labels)
  const isComplete = (label: Label): boolean => label.complete && label.toMs <= publishedMs
  const foundLabels = new Set<Label>()
  const rules = new Map<string, { flags: number; truePositives: number; lookAlikesFlagged: number }>()
  for (const flag of flags) {
    const score = rules.get(flag.ruleId) ?? { flags: 0, truePositives: 0, lookAlikesFlagged: 0 }
    rules.set(flag.ruleId, score)
    const concerned = find(flag)
    score.flags++
    if (concerned.some(({ benign }) => !benign)) score.truePositives++
    else if (concerned.length > 0) score.lookAlikesFlagged++
    const family = familyOfRule(flag.ruleId)
    for (const label of concerned) if (label.family === family) foundLabels.add(label)
  }
  const ruleScores = [...rules].map(([rule, score]): RuleScore => {
    const falsePositives = score.flags - score.truePositives
    return {
      rule,
      family: familyOfRule(rule),
      ...score,
      falsePositives,
      precision: share(score.truePositives, score.flags),
    }
  })
  const families = FAMILIES.map((family): FamilyScore => {
    const own = labels.filter((label) => label.family === family)
    const fraud = own.filter(({ benign }) => !benign)
    const complete = fraud.filter(isComplete)
    const lookAlikes = own.filter(({ benign }) => benign)
    const found = complete.filter((label) => foundLabels.has(label)).length
    return {
      family,
      labels: complete.length,
      found,
      lookAlikes: lookAlikes.length,
      lookAlikesFlagged: lookAlikes.filter((label) => foundLabels.has(label)).length,
      incomplete: fraud.length - complete.length,
      recall: share(found, complete.length),
    }
  })
  return {
    rules: ruleScores.sort((left, right) => (left.rule < right.rule ? -1 : 1)),
    families,
    overall: overallOf(ruleScores, families),
  }
}

function overallOf(rules: readonly RuleScore[], families: readonly FamilyScore[]): Evaluation['overall'] {
  const sum = <T>(items: readonly T[], of: (item: T) => number): number =>
    items.reduce((all, item) => all + of(item), 0)
  const flags = sum(rules, (rule) => rule.flags)
  const truePositives = sum(rules, (rule) => rule.truePositives)
  const labels = sum(families, (family) => family.labels)
  const found = sum(families, (family) => family.found)
  return {
    flags,
    truePositives,
    falsePositives: flags - truePositives,
    precision: share(truePositives, flags),
    labels,
    found,
    recall: share(found, labels),
    lookAlikes: sum(families, (family) => family.lookAlikes),
    lookAlikesFlagged: sum(families, (family) => family.lookAlikesFlagged),
  }
}

function share(part: number, whole: number): number | undefined {
  return whole === 0 ? undefined : part / whole
}

/** Finds the labels that a flag concerns, by indexes over events and subjects. */
function createMatcher(labels: readonly Label[]): (flag: Flag) => readonly Label[] {
  const byEvent = new Map<string, Label[]>()
  const bySubject = new Map<string, Label[]>()
  const add = (index: Map<string, Label[]>, id: string, label: Label): void => {
    const list = index.get(id)
    if (list === undefined) index.set(id, [label])
    else list.push(label)
  }
  for (const label of labels) {
    for (const id of label.eventIds) add(byEvent, id, label)
    for (const id of [...label.memberIds, ...label.staffIds, ...label.loanIds]) add(bySubject, id, label)
  }
  const overlaps = (flag: Flag, label: Label): boolean =>
    flag.toMs >= label.fromMs - SLACK_MS && flag.fromMs <= label.toMs + SLACK_MS
  return (flag) => {
    const byEvidence = new Set(flag.eventIds.flatMap((id) => byEvent.get(id) ?? []))
    if (byEvidence.size > 0) return [...byEvidence]
    const subjects = [flag.memberId, flag.staffId, flag.loanId, flag.subjectId].filter((id) => id !== null)
    const found = new Set(subjects.flatMap((id) => bySubject.get(id) ?? []))
    return [...found].filter((label) => overlaps(flag, label))
  }
}
