import type { EventOf } from '#schemas'
import {
  type KeyValueStore,
  NO_HEADERS,
  type ProcessorContext,
  type ProcessorSupplier,
  type StreamRecord,
  type WindowStore,
} from '#streams'
import { MoveMemory } from '../fraud/move-memory.ts'
import type { FraudContext, FraudStores } from '../fraud/stores.ts'
import type { GuarantorExposure, LoanStores, MemberLoans } from '../loans/stores.ts'
import type { MemberProfile, MembersStoreSpec } from '../members/stores.ts'
import type { Activity } from '../shared/signals.ts'
import { DAY_MS, isoOf } from '../shared/time.ts'
import type { VelocityStores, VelocityTotals } from '../velocity/stores.ts'
import { type RiskResult, SCORE_CARD, SCORE_CARD_VERSION, scoreOf } from './score-card.ts'
import type { RiskState, RiskStores } from './stores.ts'

export type RiskEvent = EventOf<'risk.score.calculated'>
export const RISK_SOURCE = 'mto-risk'

/** Smaller moves of the score are kept, but not told. */
export const TELL_POINTS_MIN = 25
const DAY_STORE = 'velocity-24h'

type Needs = {
  readonly risk: RiskStores
  readonly members: MembersStoreSpec
  readonly loans: LoanStores
  readonly fraud: FraudStores
  readonly velocity: VelocityStores
}

/**
 * Profile, loans, guarantees, windows and recent changes of a member, joined into a score after each activity, and once
 * a day of stream time for those who have one (reasons fade without events). Must come after the processors whose
 * stores it reads, so that the activity itself is in them.
 */
export function scoreMembers(needs: Needs): ProcessorSupplier<string, Activity, string, RiskEvent> {
  const { risk, members, loans, fraud } = needs
  return {
    stores: [
      risk.scores,
      members,
      loans.byMember,
      loans.exposure,
      fraud.moves,
      fraud.newestMoves,
      fraud.context,
      dayStore(needs),
    ],
    get: () => new MemberScorer(needs),
  }
}

function dayStore({ velocity }: Needs) {
  const found = velocity.windows.find(({ name }) => name === DAY_STORE)
  if (found === undefined) throw new Error(`there is no store ${DAY_STORE}`)
  return found
}

class MemberScorer {
  readonly #needs: Needs
  #context!: ProcessorContext<string, RiskEvent>
  #scores!: KeyValueStore<string, RiskState>
  #members!: KeyValueStore<string, MemberProfile>
  #loans!: KeyValueStore<string, MemberLoans>
  #exposure!: KeyValueStore<string, GuarantorExposure>
  #moves!: MoveMemory
  #contexts!: KeyValueStore<string, FraudContext>
  #days!: WindowStore<string, VelocityTotals>
  /** Members known to have neither loans nor guarantees: the stores need not be asked with each of their payments. */
  readonly #withoutLoans = new Set<string>()

  constructor(needs: Needs) {
    this.#needs = needs
  }

  init(context: ProcessorContext<string, RiskEvent>): void {
    const { risk, members, loans, fraud } = this.#needs
    this.#context = context
    this.#scores = context.store(risk.scores)
    this.#members = context.store(members)
    this.#loans = context.store(loans.byMember)
    this.#exposure = context.store(loans.exposure)
    this.#moves = new MoveMemory(context.store(fraud.moves), context.store(fraud.newestMoves))
    this.#contexts = context.store(fraud.context)
    this.#days = context.store(dayStore(this.#needs))
    context.schedule({ intervalMs: DAY_MS, type: 'stream-time' }, (timeMs) => {
      for (const { key, value } of [...this.#scores.all()]) if (value.score > 0) this.#score(key, timeMs, '')
    })
  }

  process({ key, value, timestampMs }: StreamRecord<string, Activity>): void {
    if (concernsLoans(value)) this.#withoutLoans.delete(key)
    this.#score(key, timestampMs, causeOf(value))
  }

  #forgetLoans(memberId: string): void {
    if (this.#withoutLoans.size >= WITHOUT_LOANS_MAX) this.#withoutLoans.clear()
    this.#withoutLoans.add(memberId)
  }

  #score(memberId: string, timeMs: number, cause: string): void {
    const profile = this.#members.get(memberId)
    if (profile === undefined) return
    const mayHaveLoans = !this.#withoutLoans.has(memberId)
    const loans = mayHaveLoans ? this.#loans.get(memberId) : undefined
    const exposure = mayHaveLoans ? this.#exposure.get(memberId) : undefined
    if (mayHaveLoans && loans === undefined && exposure === undefined) this.#forgetLoans(memberId)
    const result = scoreOf({
      timeMs,
      profile,
      loans,
      exposure,
      paidOut: this.#moves.totalsOf(memberId),
      context: this.#contexts.get(memberId),
      today: this.#days.fetch(memberId, timeMs - (timeMs % DAY_MS)),
    })
    const before = this.#scores.get(memberId)
    if (before !== undefined && isSame(before, result)) return
    this.#scores.put(memberId, stateOf(result, cause, timeMs))
    if (before !== undefined && Math.abs(before.score - result.score) < TELL_POINTS_MIN) return
    const event = eventOf(memberId, result, before?.score ?? null, cause, timeMs)
    this.#context.forward({ key: memberId, value: event, timestampMs: timeMs, headers: NO_HEADERS })
  }
}

const WITHOUT_LOANS_MAX = 100_000

function concernsLoans({ event_type }: Activity): boolean {
  return event_type === 'member.signal' || !/^(member|deposit|withdrawal|transfer|payment)[.]/.test(event_type)
}

function causeOf(activity: Activity): string {
  if (activity.event_type === 'member.signal') return activity.signal.event_id
  return activity.event_type === 'loan.aged' ? '' : activity.event_id
}

/** Same points for the same reasons: the values behind them may drift without being told. */
function isSame(before: RiskState, after: RiskResult): boolean {
  if (before.score !== after.score || before.reasons.length !== after.reasons.length) return false
  return after.reasons.every(({ code, points }, index) => {
    const known = before.reasons[index]
    return known?.code === code && known.points === points
  })
}

function stateOf({ score, reasons }: RiskResult, cause: string, timeMs: number): RiskState {
  return {
    score,
    model: SCORE_CARD,
    model_version: SCORE_CARD_VERSION,
    reasons,
    caused_by_event_id: cause,
    calculated_ms: timeMs,
  }
}

function eventOf(
  memberId: string,
  { score, reasons }: RiskResult,
  scoreBefore: number | null,
  cause: string,
  timeMs: number,
): RiskEvent {
  type Data = RiskEvent['data']
  return {
    event_id: `RISK-${memberId}-${timeMs}-${score}` as RiskEvent['event_id'],
    event_type: 'risk.score.calculated',
    timestamp: isoOf(timeMs),
    version: '1.0',
    data: {
      member_id: memberId as Data['member_id'],
      score,
      score_before: scoreBefore,
      model: SCORE_CARD,
      model_version: SCORE_CARD_VERSION,
      reasons,
      caused_by_event_id: cause === '' ? null : (cause as Data['caused_by_event_id']),
      calculated_at: isoOf(timeMs),
    },
    metadata: { source: RISK_SOURCE, correlation_id: null, user_id: null },
  }
}
