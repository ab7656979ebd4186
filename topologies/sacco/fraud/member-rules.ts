import {
  type KeyValueStore,
  NO_HEADERS,
  type ProcessorContext,
  type ProcessorSupplier,
  type StreamRecord,
} from '#streams'
import type { GuarantorExposure, LoanStores } from '../loans/stores.ts'
import type { MemberProfile, MembersStoreSpec } from '../members/stores.ts'
import { type Movement, movementOf } from '../shared/movement.ts'
import type { Activity, MemberSignal } from '../shared/signals.ts'
import { nextContext } from './context.ts'
import { countHit, type FraudFlag, flagOf, isInForce } from './flags.ts'
import { AFTER_CHANGE_EVALUATORS, evaluateTravel, IDENTITY_EVALUATORS } from './identity-rules.ts'
import { evaluateCycle, evaluateExposure, LOAN_EVALUATORS } from './loan-rules.ts'
import { appended, moveOf, NO_CONTEXT, withTrail } from './memory.ts'
import { MONEY_EVALUATORS } from './money-rules.ts'
import { MoveMemory } from './move-memory.ts'
import { type CompiledRule, type Finding, param, value } from './rule.ts'
import type { RuleBook } from './rule-book.ts'
import type { Evaluator, MoneyInput, RuleInput } from './rule-input.ts'
import { EVENT_EVALUATORS } from './staff-rules.ts'
import { type FraudContext, type FraudMoves, type FraudStores, RAISED_MAX, TRAIL_LENGTH_MAX } from './stores.ts'
import { durationText } from './words.ts'

export type RuleOutput = FraudFlag | MemberSignal
export const isFlag = (output: RuleOutput): output is FraudFlag => 'metadata' in output
export const isSignal = (output: RuleOutput): output is MemberSignal => !('metadata' in output)

type Needs = {
  readonly stores: FraudStores
  readonly members: MembersStoreSpec
  readonly exposure: LoanStores['exposure']
  readonly rules: RuleBook
}

/**
 * All rules about one member, in one processor: each activity is looked at once, with what is remembered of the member
 * at hand. Emits flags, and signals for the members whom money and guarantees lead to.
 */
export function watchMembers(needs: Needs): ProcessorSupplier<string, Activity, string, RuleOutput> {
  const { stores, members, exposure } = needs
  return {
    stores: [stores.moves, stores.newestMoves, stores.context, stores.memberHits, members, exposure],
    get: () => new MemberWatcher(needs),
  }
}

class MemberWatcher {
  readonly #needs: Needs
  #context!: ProcessorContext<string, RuleOutput>
  #moves!: MoveMemory
  #contexts!: KeyValueStore<string, FraudContext>
  #hits!: KeyValueStore<string, number>
  #members!: KeyValueStore<string, MemberProfile>
  #exposure!: KeyValueStore<string, GuarantorExposure>

  constructor(needs: Needs) {
    this.#needs = needs
  }

  init(context: ProcessorContext<string, RuleOutput>): void {
    const { stores, members, exposure } = this.#needs
    this.#context = context
    this.#moves = new MoveMemory(context.store(stores.moves), context.store(stores.newestMoves))
    this.#contexts = context.store(stores.context)
    this.#hits = context.store(stores.memberHits)
    this.#members = context.store(members)
    this.#exposure = context.store(exposure)
  }

  process({ key: memberId, value: activity, timestampMs }: StreamRecord<string, Activity>): void {
    const profile = this.#members.get(memberId)
    const isMember = profile !== undefined
    const known = this.#contexts.get(memberId)
    const contextBefore = known ?? NO_CONTEXT
    const context = nextContext(contextBefore, activity, timestampMs)
    // Also when it is empty: what is stored is in memory, what is missing is looked for on disk each time.
    if (context !== (isMember ? known : contextBefore)) this.#contexts.put(memberId, context)
    const movesBefore = this.#moves.get(memberId)
    const movement = movementOf(activity)
    const move = movement === undefined ? undefined : moveOf(movement, timestampMs)
    const moves =
      movement === undefined || move === undefined
        ? movesBefore
        : this.#moves.remember(memberId, movesBefore, movement, move)
    const input: RuleInput = {
      memberId,
      timeMs: timestampMs,
      activity,
      profile,
      moves,
      movesBefore,
      context,
      movement,
      move,
    }
    if (movement !== undefined) this.#watchMoney(input as MoneyInput)
    this.#ask(IDENTITY_EVALUATORS, input)
    if (movement !== undefined || context.changes !== contextBefore.changes) this.#ask(AFTER_CHANGE_EVALUATORS, input)
    if (activity.event_type === 'member.signal') this.#followSignal(input, activity.signal)
    else this.#watchEvent(input, contextBefore)
  }

  #watchMoney(input: MoneyInput): void {
    this.#ask(MONEY_EVALUATORS, input)
    if (input.activity.event_type === 'transfer.executed') this.#sendTransfer(input, input.movement)
  }

  #watchEvent(input: RuleInput, contextBefore: FraudContext): void {
    this.#ask(EVENT_EVALUATORS, input)
    this.#ask(LOAN_EVALUATORS, input)
    const [before] = contextBefore.places
    const [now] = input.context.places
    if (before !== undefined && now !== undefined && now !== before) {
      const eventType = input.activity.event_type
      for (const rule of this.#rulesOf('impossible-travel', input.timeMs)) {
        this.#found(input, rule, evaluateTravel(before, now, eventType, rule))
      }
    }
  }

  #rulesOf(kind: string, timeMs: number): readonly CompiledRule[] {
    const rules = this.#needs.rules.rulesOfKind(kind)
    return rules.every((rule) => isInForce(rule, timeMs)) ? rules : rules.filter((rule) => isInForce(rule, timeMs))
  }

  #ask<Input extends RuleInput>(evaluators: readonly Evaluator<Input>[], input: Input): void {
    for (const { kind, evaluate } of evaluators) {
      const rules = this.#needs.rules.rulesOfKind(kind)
      for (const rule of rules) {
        if (isInForce(rule, input.timeMs)) this.#found(input, rule, evaluate(input, rule))
      }
    }
  }

  // Raising flags ----------------------------------------------------------------------------------------------------

  #found(input: RuleInput, rule: CompiledRule, finding: Finding | undefined): void {
    if (finding === undefined) return
    const { memberId, timeMs } = input
    const context = this.#contexts.get(memberId) ?? NO_CONTEXT
    const subject = finding.subject ?? ''
    const { rule_id, score } = rule.data
    const isRepeat = context.raised.some(
      (raised) =>
        raised.rule_id === rule_id &&
        raised.subject === subject &&
        (subject !== '' || Math.abs(timeMs - raised.time_ms) < rule.quietMs),
    )
    if (isRepeat) return
    const raised = { rule_id: rule_id as string, time_ms: timeMs, subject, score: rule.isShadow ? 0 : score }
    this.#contexts.put(memberId, { ...context, raised: appended(context.raised, raised, RAISED_MAX) })
    countHit(this.#hits, rule)
    if (rule.isShadow) return
    // Payments that fit nobody and journals are keyed by themselves.
    const isMember = input.profile !== undefined
    const about = { kind: isMember ? 'member' : 'other', id: memberId, memberId: isMember ? memberId : null } as const
    this.#emit(memberId, flagOf(rule, about, finding, timeMs), timeMs)
  }

  #emit(key: string, output: RuleOutput, timestampMs: number): void {
    this.#context.forward({ key, value: output, timestampMs, headers: NO_HEADERS })
  }

  // Money and guarantees that lead to other members ------------------------------------------------------------------

  /** The receiver hears of the transfer, and on which way the money came here, if it came lately and is as much. */
  #sendTransfer(input: MoneyInput, movement: Movement): void {
    const { memberId, timeMs, moves } = input
    const amountMinor = -movement.amountMinor
    const [rule] = this.#needs.rules.rulesOfKind('transfer-ring')
    const trail =
      rule === undefined ? undefined : moves.trails.findLast((each) => leadsTo(each, timeMs, amountMinor, rule))
    this.#emit(
      movement.counterparty,
      {
        kind: 'transfer_received',
        event_id: movement.eventId,
        event_type: movement.eventType,
        member_id: memberId,
        amount_minor: amountMinor,
        loan_id: '',
        deposits_minor: 0,
        trail: [...(trail?.members ?? []), memberId],
        trail_events: [...(trail?.events ?? []), movement.eventId],
      },
      timeMs,
    )
  }

  #followSignal(input: RuleInput, signal: MemberSignal): void {
    switch (signal.kind) {
      case 'transfer_received':
      case 'transfer_trail':
        return this.#followMoney(input, signal)
      case 'guarantee_pledged':
        this.#watchExposure(input)
        return this.#followGuarantee(input, signal)
      case 'guarantee_trail':
        return this.#followGuarantee(input, signal)
      case 'guarantee_released':
        return
      default:
        signal.kind satisfies never
    }
  }

  #followMoney(input: RuleInput, signal: MemberSignal): void {
    const { memberId, timeMs } = input
    const rules = this.#rulesOf('transfer-ring', timeMs)
    const at = signal.trail.indexOf(memberId)
    if (at >= 0) {
      for (const rule of rules) this.#found(input, rule, ringOf(signal, at, timeMs, rule))
      return
    }
    const [rule] = rules
    if (rule === undefined || signal.amount_minor < param(rule, 'min_minor')) return
    if (signal.trail.length >= TRAIL_LENGTH_MAX) return
    const trail = {
      time_ms: timeMs,
      amount_minor: signal.amount_minor,
      members: signal.trail,
      events: signal.trail_events,
    }
    const moves = this.#moves.get(memberId)
    this.#moves.replace(memberId, withTrail(moves, trail))
    // What went on from here is known already if the signal was overtaken: then it follows the money now.
    for (const move of moves.moves) {
      if (move.kind !== 'transfer_out' || !leadsTo(trail, move.time_ms, -move.amount_minor, rule)) continue
      this.#emit(
        move.counterparty,
        {
          ...signal,
          kind: 'transfer_trail',
          event_id: move.event_id,
          member_id: memberId,
          trail: [...signal.trail, memberId],
          trail_events: [...signal.trail_events, move.event_id],
        },
        move.time_ms,
      )
    }
  }

  #watchExposure(input: RuleInput): void {
    const exposure = this.#exposure.get(input.memberId)
    if (exposure === undefined) return
    for (const rule of this.#rulesOf('guarantor-overcommitted', input.timeMs)) {
      this.#found(input, rule, evaluateExposure(exposure, input.timeMs, rule))
    }
  }

  /** The trail is borrower, guarantor, guarantor's guarantor …; it ends here, and goes on to those who vouch for us. */
  #followGuarantee(input: RuleInput, signal: MemberSignal): void {
    const { memberId, timeMs, context } = input
    const [borrower] = signal.trail
    const longest = Math.max(0, ...this.#rulesOf('guarantor-cycle', timeMs).map((rule) => param(rule, 'length')))
    if (borrower === undefined || signal.trail.includes(memberId)) return
    const trail = [...signal.trail, memberId]
    for (const own of context.guarantors) {
      const events = [...signal.trail_events, own.event_id]
      if (own.member_id === borrower) {
        for (const rule of this.#rulesOf('guarantor-cycle', timeMs)) {
          this.#found(input, rule, evaluateCycle(trail, events, timeMs, signal.loan_id, rule))
        }
      } else if (trail.length < longest && !trail.includes(own.member_id)) {
        this.#emit(own.member_id, { ...signal, kind: 'guarantee_trail', trail, trail_events: events }, timeMs)
      }
    }
  }
}

type Trail = FraudMoves['trails'][number]

function leadsTo(trail: Trail, timeMs: number, amountMinor: number, rule: CompiledRule): boolean {
  if (timeMs < trail.time_ms || timeMs - trail.time_ms > param(rule, 'window_ms')) return false
  const difference = Math.abs(trail.amount_minor - amountMinor)
  return difference * 10_000 <= trail.amount_minor * param(rule, 'tolerance_bps')
}

function ringOf(signal: MemberSignal, at: number, timeMs: number, rule: CompiledRule): Finding | undefined {
  const members = signal.trail.slice(at)
  if (members.length < param(rule, 'members') || signal.amount_minor < param(rule, 'min_minor')) return undefined
  const windowText = durationText(param(rule, 'window_ms'))
  return {
    reason: `Money came back after it had gone by way of ${members.length - 1} other members: ${members.join(' → ')} → ${members[0]}, each step within ${windowText}.`,
    evidence: signal.trail_events.slice(at).map((eventId) => ({
      eventId,
      eventType: 'transfer.executed',
      timeMs,
      amountMinor: signal.amount_minor,
    })),
    values: [value('members', members.length, 'count'), value('amount', signal.amount_minor, 'minor_units')],
    fromMs: timeMs,
    toMs: timeMs,
  }
}
