import { DAY_MS } from '../shared/time.ts'
import { evidenceOf, hashOf } from './memory.ts'
import { type Finding, param, value } from './rule.ts'
import {
  distinctPayers,
  type Evaluator,
  isOut,
  isToOthers,
  type MoneyInput,
  movesBetween,
  sumOf,
} from './rule-input.ts'
import type { RecentMove } from './stores.ts'
import { amountText, durationText, momentText } from './words.ts'

/** Rules about money: asked with every movement of a member. Each begins with what rules it out most often. */
type MoneyRule = Evaluator<MoneyInput>

function found(moves: readonly RecentMove[], parts: Pick<Finding, 'reason' | 'values'>): Finding {
  const first = moves[0] as RecentMove
  const last = moves[moves.length - 1] as RecentMove
  return { ...parts, evidence: moves.map(evidenceOf), fromMs: first.time_ms, toMs: last.time_ms }
}

const velocityBurst: MoneyRule = {
  kind: 'velocity-burst',
  evaluate({ moves, move, timeMs }, rule) {
    if (!isOut(move)) return undefined
    const windowMs = param(rule, 'window_ms')
    const count = param(rule, 'count')
    const outs = movesBetween(moves, timeMs - windowMs, timeMs, isOut)
    if (outs.length < count) return undefined
    return found(outs, {
      reason: `${outs.length} payments out within ${durationText(windowMs)}, ${amountText(sumOf(outs))} in all; ${count} are too many.`,
      values: [
        value('payments', outs.length, 'count'),
        value('threshold', count, 'count'),
        value('sum', sumOf(outs), 'minor_units'),
      ],
    })
  },
}

const structuring: MoneyRule = {
  kind: 'structuring',
  evaluate({ moves, move, timeMs }, rule) {
    if (move.kind !== 'cash_in') return undefined
    const threshold = param(rule, 'threshold_minor')
    const from = threshold * (1 - param(rule, 'margin_bps') / 10_000)
    const isJustBelow = ({ kind, amount_minor }: RecentMove) =>
      kind === 'cash_in' && amount_minor >= from && amount_minor < threshold
    if (!isJustBelow(move)) return undefined
    const windowMs = param(rule, 'window_ms')
    const deposits = movesBetween(moves, timeMs - windowMs, timeMs, isJustBelow)
    if (deposits.length < param(rule, 'count')) return undefined
    return found(deposits, {
      reason: `${deposits.length} cash deposits just below ${amountText(threshold)} within ${durationText(windowMs)}, ${amountText(sumOf(deposits))} together.`,
      values: [
        value('deposits', deposits.length, 'count'),
        value('threshold', threshold, 'minor_units'),
        value('sum', sumOf(deposits), 'minor_units'),
      ],
    })
  },
}

const largeCash: MoneyRule = {
  kind: 'large-cash',
  evaluate({ move, movement }, rule) {
    if (movement.channel !== 'cash') return undefined
    const threshold = param(rule, 'threshold_minor')
    const amount = Math.abs(move.amount_minor)
    if (amount < threshold) return undefined
    return {
      ...found([move], {
        reason: `Cash of ${amountText(amount)}, at or above the ${amountText(threshold)} that must be reported.`,
        values: [value('amount', amount, 'minor_units'), value('threshold', threshold, 'minor_units')],
      }),
      // Each such transaction is a report item of its own.
      subject: move.event_id,
    }
  },
}

const cashAggregate: MoneyRule = {
  kind: 'cash-aggregate',
  evaluate({ moves, move, timeMs }, rule) {
    if (move.kind !== 'cash_in') return undefined
    const threshold = param(rule, 'threshold_minor')
    const isSmallCash = ({ kind, amount_minor }: RecentMove) => kind === 'cash_in' && amount_minor < threshold
    const deposits = movesBetween(moves, timeMs - param(rule, 'window_ms'), timeMs, isSmallCash)
    const sumMinor = sumOf(deposits)
    if (sumMinor < threshold || deposits.length < param(rule, 'count')) return undefined
    return found(deposits, {
      reason: `${deposits.length} cash deposits of one day come to ${amountText(sumMinor)}: together they must be reported.`,
      values: [value('sum', sumMinor, 'minor_units'), value('threshold', threshold, 'minor_units')],
    })
  },
}

const rapidInOut: MoneyRule = {
  kind: 'rapid-in-out',
  evaluate({ moves, move, timeMs, profile }, rule) {
    if (!isOut(move)) return undefined
    const fromMs = timeMs - param(rule, 'window_ms')
    const own = profile?.phone
    const isFromOthers = ({ amount_minor, counterparty }: RecentMove) =>
      amount_minor > 0 && counterparty !== '' && counterparty !== own
    const ins = movesBetween(moves, fromMs, timeMs, isFromOthers)
    const inMinor = sumOf(ins)
    if (inMinor < param(rule, 'in_minor')) return undefined
    const firstInMs = (ins[0] as RecentMove).time_ms
    const outs = movesBetween(moves, firstInMs, timeMs, (each) => isToOthers(each, own))
    const outMinor = sumOf(outs)
    const payers = distinctPayers(ins)
    const payees = distinctPayers(outs)
    const isThrough = outMinor * 10_000 >= inMinor * param(rule, 'share_bps')
    if (!isThrough || payers < param(rule, 'payers') || payees < param(rule, 'payees')) return undefined
    const both = [...ins, ...outs].sort((left, right) => left.time_ms - right.time_ms)
    return found(both, {
      reason: `${amountText(inMinor)} came in from ${payers} others and ${amountText(outMinor)} went out to ${payees} others within ${durationText(timeMs - firstInMs)}.`,
      values: [
        value('in', inMinor, 'minor_units'),
        value('out', outMinor, 'minor_units'),
        value('payers', payers, 'count'),
        value('payees', payees, 'count'),
      ],
    })
  },
}

function fan(kind: 'fan-in' | 'fan-out', moveKind: RecentMove['kind'], verb: string): MoneyRule {
  return {
    kind,
    evaluate({ moves, move, timeMs }, rule) {
      if (move.kind !== moveKind) return undefined
      const windowMs = param(rule, 'window_ms')
      const transfers = movesBetween(moves, timeMs - windowMs, timeMs, (each) => each.kind === moveKind)
      if (transfers.length < param(rule, 'count')) return undefined
      const members = distinctPayers(transfers)
      if (members < param(rule, 'count')) return undefined
      return found(transfers, {
        reason: `${verb} ${members} different members within ${durationText(windowMs)}, ${amountText(sumOf(transfers))} in all.`,
        values: [value('members', members, 'count'), value('sum', sumOf(transfers), 'minor_units')],
      })
    },
  }
}

const dormantReactivation: MoneyRule = {
  kind: 'dormant-reactivation',
  evaluate({ movesBefore, move, movement, profile, timeMs }, rule) {
    if (!isOut(move) || !movement.byMember) return undefined
    const amount = -move.amount_minor
    if (amount < param(rule, 'min_minor')) return undefined
    const lastMs = movesBefore.active_ms || profile?.first_seen_ms
    if (lastMs === undefined || timeMs - lastMs < param(rule, 'dormant_ms')) return undefined
    return found([move], {
      reason: `${amountText(amount)} went out after ${durationText(timeMs - lastMs)} without any movement by the member.`,
      values: [
        value('amount', amount, 'minor_units'),
        value('dormant', (timeMs - lastMs) / DAY_MS, 'days'),
        value('threshold', param(rule, 'dormant_ms') / DAY_MS, 'days'),
      ],
    })
  },
}

const repeatedAmounts: MoneyRule = {
  kind: 'repeated-amounts',
  evaluate({ moves, move, timeMs }, rule) {
    if (!isOut(move) || -move.amount_minor < param(rule, 'min_minor')) return undefined
    const windowMs = param(rule, 'window_ms')
    const same = movesBetween(moves, timeMs - windowMs, timeMs, (each) => each.amount_minor === move.amount_minor)
    if (same.length < param(rule, 'count')) return undefined
    return found(same, {
      reason: `${amountText(move.amount_minor)} went out ${same.length} times within ${durationText(windowMs)}.`,
      values: [value('times', same.length, 'count'), value('amount', -move.amount_minor, 'minor_units')],
    })
  },
}

const firstPayeeLarge: MoneyRule = {
  kind: 'first-payee-large',
  evaluate({ movesBefore, move, profile }, rule) {
    const amount = -move.amount_minor
    if (amount < param(rule, 'min_minor') || !isToOthers(move, profile?.phone)) return undefined
    if (movesBefore.payees.includes(hashOf(move.counterparty))) return undefined
    const mean = movesBefore.out_count === 0 ? 0 : movesBefore.out_minor / movesBefore.out_count
    return {
      ...found([move], {
        reason: `${amountText(amount)} to somebody whom the member has never paid; ${movesBefore.out_count} payments before were ${amountText(mean)} in the mean.`,
        values: [
          value('amount', amount, 'minor_units'),
          value('mean_before', mean, 'minor_units'),
          value('threshold', param(rule, 'min_minor'), 'minor_units'),
        ],
      }),
      subject: move.counterparty,
    }
  },
}

const reversalAbuse: MoneyRule = {
  kind: 'reversal-abuse',
  evaluate({ moves, move, timeMs }, rule) {
    if (move.kind !== 'reversal') return undefined
    const windowMs = param(rule, 'window_ms')
    const reversals = movesBetween(moves, timeMs - windowMs, timeMs, ({ kind }) => kind === 'reversal')
    if (reversals.length < param(rule, 'count')) return undefined
    return found(reversals, {
      reason: `${reversals.length} payments were reversed within ${durationText(windowMs)}, ${amountText(sumOf(reversals))} in all.`,
      values: [value('reversals', reversals.length, 'count'), value('sum', sumOf(reversals), 'minor_units')],
    })
  },
}

/** Money out within a time after the start; the start may come to be known after the money (events overtake). */
const disbursementFlight: MoneyRule = {
  kind: 'disbursement-flight',
  evaluate({ moves, move, timeMs }, rule) {
    if (move.kind !== 'loan_payout' && !isOut(move)) return undefined
    const windowMs = param(rule, 'window_ms')
    const payout = moves.moves.findLast((each) => each.kind === 'loan_payout' && each.time_ms <= timeMs)
    if (payout === undefined || timeMs - payout.time_ms > windowMs) return undefined
    const outs = movesBetween(moves, payout.time_ms, payout.time_ms + windowMs, isOut)
    const outMinor = sumOf(outs)
    if (outMinor * 10_000 < payout.amount_minor * param(rule, 'share_bps')) return undefined
    return found([payout, ...outs], {
      reason: `A loan of ${amountText(payout.amount_minor)} was paid out at ${momentText(payout.time_ms)}; ${amountText(outMinor)} left within ${durationText(windowMs)}.`,
      values: [value('loan', payout.amount_minor, 'minor_units'), value('out', outMinor, 'minor_units')],
    })
  },
}

export const MONEY_EVALUATORS: readonly MoneyRule[] = [
  velocityBurst,
  structuring,
  largeCash,
  cashAggregate,
  rapidInOut,
  fan('fan-in', 'transfer_in', 'Received from'),
  fan('fan-out', 'transfer_out', 'Paid'),
  dormantReactivation,
  repeatedAmounts,
  firstPayeeLarge,
  reversalAbuse,
  disbursementFlight,
]
