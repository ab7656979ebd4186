import type { FlagStatus, ReviewAction } from '#topologies/sacco'
import { isoOf } from '../http/freshness.ts'
import { badParameters, notFound } from '../http/problem.ts'
import type { Read, StoreReader } from './store-reader.ts'
import { LAST, STORES, type StoredFlag, type StoredReview, type StoredRule, timeKey } from './stored.ts'
import { HOME_CURRENCY, type MoneyView, moneyView } from './views.ts'
import { eventWords, sentence, valueName, valueWords } from './words.ts'

export const SEVERITIES = ['low', 'medium', 'high', 'critical'] as const
export type Severity = (typeof SEVERITIES)[number]

/** A fraud flag as answers show it: what fired, about whom, why in words, and the evidence to check it by hand. */
export type FlagView = {
  readonly id: string
  readonly rule: { readonly id: string; readonly version: number; readonly name: string }
  readonly severity: Severity
  readonly outcome: string
  readonly score: number
  readonly subject: { readonly kind: string; readonly id: string; readonly name: string | null }
  readonly memberId: string | null
  readonly memberName: string | null
  readonly accountId: string | null
  readonly loanId: string | null
  readonly staffId: string | null
  readonly agentId: string | null
  readonly deviceId: string | null
  readonly reason: string
  readonly values: readonly {
    readonly name: string
    readonly label: string
    readonly value: number
    readonly unit: string
    readonly words: string
  }[]
  readonly evidence: readonly {
    readonly eventId: string
    readonly eventType: string
    readonly words: string
    readonly time: string
    readonly amount: MoneyView | null
  }[]
  readonly evidenceCount: number
  readonly windowStart: string | null
  readonly windowEnd: string | null
  readonly detectedAt: string
  readonly status: FlagStatus
  readonly assignee: string | null
  readonly review: { readonly by: string; readonly reason: string; readonly at: string } | null
  readonly history: readonly FlagStepView[]
}

/** One thing that somebody did with a flag, or tried to. */
export type FlagStepView = {
  readonly eventId: string
  readonly action: ReviewAction
  readonly status: FlagStatus
  readonly by: string
  readonly checkerId: string | null
  readonly reason: string
  readonly at: string
  readonly refused: string | null
}

export type FlagFilter = {
  readonly member: string | undefined
  readonly rule: string | undefined
  readonly severity: readonly Severity[]
  /** None: any. */
  readonly status: readonly FlagStatus[]
  readonly assignee: string | undefined
  readonly fromMs: number | undefined
  readonly toMs: number | undefined
}
export type FlagPage = { readonly flags: readonly FlagView[]; readonly after: string | undefined }

/** Names that flags themselves do not carry. */
export type FlagNames = {
  readonly memberName: (memberId: string) => string | null
  readonly ruleName: (ruleId: string) => string | undefined
}

/** Flags that one page looks at when a filter lets few through; the cursor goes on behind them. */
const SCANNED_MAX = 5_000
const BATCH_FILTERED = 500

export type FlagReads = {
  find(filter: FlagFilter, limit: number, after: string | undefined): Promise<Read<FlagPage>>
  byId(id: string): Promise<Read<FlagView>>
}

export function createFlagReads(reader: StoreReader, names: FlagNames): FlagReads {
  /**
   * Flags that somebody has worked on are few among many: where only such are asked for, the reviews are looked
   * through instead of the flags.
   */
  const workedOn = async (filter: FlagFilter, after: string | undefined, size: number) => {
    const { value, freshness } = await reader.page({
      store: STORES.fraudFlagReviews.name,
      from: filter.fromMs === undefined ? undefined : timeKey(filter.fromMs),
      to: filter.toMs === undefined ? undefined : `${timeKey(filter.toMs)}${LAST}`,
      reverse: true,
      after,
      limit: size,
    })
    const flags = await Promise.all(
      value.map(async ({ key, value: review }) => {
        const id = String(key)
        if (!hasStatus(review as StoredReview, filter)) return { id, flag: undefined }
        const { value: flag } = await reader.get(STORES.fraudFlags, id)
        const isOther =
          filter.member !== undefined && (flag as StoredFlag | undefined)?.data.member_id !== filter.member
        return { id, flag: isOther ? undefined : (flag as StoredFlag | undefined) }
      }),
    )
    return { flags, freshness, isLast: value.length < size }
  }

  /** Reviews of flags whose ids lie between two ids, by flag. */
  const reviewsBetween = async (from: string, to: string): Promise<ReadonlyMap<string, StoredReview>> => {
    if (!reader.has(STORES.fraudFlagReviews)) return new Map()
    const { value } = await reader.page({ store: STORES.fraudFlagReviews.name, from, to, limit: SCANNED_MAX })
    return new Map(value.map((entry) => [String(entry.key), entry.value as StoredReview]))
  }

  const batchOf = async (filter: FlagFilter, after: string | undefined, size: number) => {
    const from = filter.fromMs === undefined ? undefined : timeKey(filter.fromMs)
    const to = filter.toMs === undefined ? undefined : `${timeKey(filter.toMs)}${LAST}`
    const { member } = filter
    if (isWorkedOn(filter) && reader.has(STORES.fraudFlagReviews)) return workedOn(filter, after, size)
    if (member === undefined) {
      const page = { store: STORES.fraudFlags.name, from, to, reverse: true, after, limit: size }
      const { value, freshness } = await reader.page(page)
      const flags = value.map((entry) => ({ id: String(entry.key), flag: entry.value as StoredFlag | undefined }))
      return { flags, freshness, isLast: value.length < size }
    }
    const { value, freshness } = await reader.page({
      store: STORES.fraudFlagsByMember.name,
      from: `${member}|${from ?? ''}`,
      to: `${member}|${to ?? LAST}`,
      reverse: true,
      after: after === undefined ? undefined : `${member}|${after}`,
      limit: size,
    })
    const ids = value.map(({ key }) => String(key).slice(member.length + 1))
    const flags = await Promise.all(
      ids.map(async (id) => ({ id, flag: (await reader.get(STORES.fraudFlags, id)).value as StoredFlag | undefined })),
    )
    return { flags, freshness, isLast: value.length < size }
  }

  return {
    async find(filter, limit, after) {
      const size = isNarrow(filter) ? BATCH_FILTERED : limit
      const found: FlagView[] = []
      let position = after
      for (let scanned = 0; ; ) {
        const { flags, freshness, isLast } = await batchOf(filter, position, size)
        const reviews = await reviewsBetween(flags.at(-1)?.id ?? '', flags[0]?.id ?? '')
        for (const { id, flag } of flags) {
          position = id
          const review = reviews.get(id)
          if (flag === undefined || !passes(flag, review, filter)) continue
          found.push(flagView(flag.data, names, id, review))
          if (found.length === limit) return { value: { flags: found, after: id }, freshness }
        }
        scanned += flags.length
        if (isLast) return { value: { flags: found, after: undefined }, freshness }
        if (scanned >= SCANNED_MAX) return { value: { flags: found, after: position }, freshness }
      }
    },
    async byId(id) {
      const { value, freshness } = await reader.get(STORES.fraudFlags, id)
      if (value === undefined) throw notFound('fraud flag', id)
      const review = (await reviewsBetween(id, id)).get(id)
      return { value: flagView((value as StoredFlag).data, names, id, review), freshness }
    },
  }
}

const isNarrow = ({ rule, severity, status, assignee }: FlagFilter): boolean =>
  rule !== undefined || severity.length > 0 || status.length > 0 || assignee !== undefined

/** Only flags that have a review can pass. */
const isWorkedOn = ({ status, assignee }: FlagFilter): boolean =>
  assignee !== undefined || (status.length > 0 && !status.includes('open'))

function hasStatus(review: StoredReview | undefined, { status, assignee }: FlagFilter): boolean {
  if (assignee !== undefined && review?.assignee !== assignee) return false
  return status.length === 0 || status.includes((review?.status ?? 'open') as FlagStatus)
}

function passes({ data }: StoredFlag, review: StoredReview | undefined, filter: FlagFilter): boolean {
  const { rule, severity } = filter
  if (rule !== undefined && data.rule_id !== rule) return false
  if (severity.length > 0 && !severity.includes(data.severity)) return false
  return hasStatus(review, filter)
}

export function flagView(
  data: StoredFlag['data'],
  names: FlagNames,
  id: string = data.flag_id,
  review?: StoredReview,
): FlagView {
  const memberId = data.member_id
  const memberName = memberId === null ? null : names.memberName(memberId)
  const isAboutMember = data.subject_kind === 'member'
  return {
    id,
    rule: {
      id: data.rule_id,
      version: data.rule_version,
      name: names.ruleName(data.rule_id) ?? sentence(data.rule_id),
    },
    severity: data.severity,
    outcome: data.outcome,
    score: data.score,
    subject: { kind: data.subject_kind, id: data.subject_id, name: isAboutMember ? memberName : null },
    memberId,
    memberName,
    accountId: data.account_id,
    loanId: data.loan_id,
    staffId: data.staff_id,
    agentId: data.agent_id,
    deviceId: data.device_id,
    reason: data.reason,
    values: data.values.map(({ name, value, unit }) => ({
      name,
      label: valueName(name),
      value,
      unit,
      words: valueWords(value, unit),
    })),
    evidence: data.evidence.map(({ event_id, event_type, timestamp, amount_minor }) => ({
      eventId: event_id,
      eventType: event_type,
      words: eventWords(event_type),
      time: timestamp,
      amount: amount_minor === null ? null : moneyView(amount_minor, HOME_CURRENCY),
    })),
    evidenceCount: data.evidence_count,
    windowStart: data.window_start,
    windowEnd: data.window_end,
    detectedAt: data.detected_at,
    status: (review?.status ?? 'open') as FlagStatus,
    assignee: review?.assignee ?? null,
    review:
      review === undefined || review.reviewed_by === ''
        ? null
        : { by: review.reviewed_by, reason: review.reason, at: isoOf(review.reviewed_ms) },
    history: (review?.steps ?? []).map((step) => ({
      eventId: step.event_id,
      action: step.action as ReviewAction,
      status: step.status as FlagStatus,
      by: step.by,
      checkerId: step.checker_id,
      reason: step.reason,
      at: isoOf(step.time_ms),
      refused: step.refused,
    })),
  }
}

/** Rules and how often each fired, live and in shadow. */
export type RuleView = {
  readonly id: string
  readonly version: number
  readonly name: string
  readonly description: string
  readonly category: string
  readonly kind: string
  readonly status: string
  readonly severity: string
  readonly outcome: string
  readonly score: number
  readonly params: readonly { readonly name: string; readonly label: string; readonly words: string }[]
  readonly effectiveFrom: string
  readonly hits: number
  readonly shadowHits: number
}

export function ruleView(data: StoredRule, hits: number, shadowHits: number): RuleView {
  return {
    id: data.rule_id,
    version: data.rule_version,
    name: data.name,
    description: data.description,
    category: data.category,
    kind: data.kind,
    status: data.status,
    severity: data.severity,
    outcome: data.outcome,
    score: data.score,
    params: data.params.map(({ name, value, unit }) => ({
      name,
      label: valueName(name),
      words: valueWords(value, unit),
    })),
    effectiveFrom: data.effective_from,
    hits,
    shadowHits,
  }
}

export function checkTimes(fromMs: number | undefined, toMs: number | undefined): void {
  if (fromMs !== undefined && toMs !== undefined && fromMs > toMs) {
    throw badParameters([{ field: 'from', reason: 'is after `to`' }])
  }
}
