import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import type { EventOf, SaccoEvent } from '#schemas'
import { HOUR_MS, hourOf, MINUTE_MS } from '../calendar.ts'
import { FAMILIES, type Family, formatLabel, type Label, parseLabels } from '../labels.ts'
import { ofType, takeSample } from '../testing/sample.ts'
import { SCENARIOS } from './index.ts'

const sample = takeSample({ seed: 11, members: 2_500, days: 21, flaws: { malformed: 0 } })
const eventsOf = (label: Label): readonly SaccoEvent[] =>
  label.eventIds.map((id) => sample.eventById.get(id)).filter((event) => event !== undefined)
const timeOf = (event: SaccoEvent): number => Date.parse(event.timestamp)
const spanMs = (found: readonly SaccoEvent[]): number => {
  const times = found.map(timeOf)
  return Math.max(...times) - Math.min(...times)
}
const distinct = (values: readonly unknown[]): number => new Set(values).size
const paid = (found: readonly SaccoEvent[]) => ofType(found, 'withdrawal.processed')
const transfers = (found: readonly SaccoEvent[]) => ofType(found, 'transfer.executed')
const deposits = (found: readonly SaccoEvent[]) => ofType(found, 'deposit.completed')
const sum = (found: readonly { readonly data: { readonly amount_minor: number } }[]): number =>
  found.reduce((total, event) => total + event.data.amount_minor, 0)
const firstOf = <T>(items: readonly T[]): T => items[0] as T

/** What each family must look like in its events: what a rule can see. */
const PATTERNS: Readonly<Record<Family, (found: readonly SaccoEvent[], label: Label) => boolean>> = {
  'velocity-burst': (found) => paid(found).length >= 20 && spanMs(paid(found)) <= HOUR_MS,
  structuring: (found) =>
    deposits(found).length >= 3 && deposits(found).every(isJustBelowReport) && spanMs(found) <= 24 * HOUR_MS,
  'large-cash': (found) => deposits(found).every(({ data }) => data.amount_minor >= 194_000_000),
  'rapid-in-out': (found) =>
    deposits(found).length >= 4 && sum(paid(found)) >= 0.8 * sum(deposits(found)) && spanMs(found) <= 24 * HOUR_MS,
  'fan-in': (found) =>
    distinct(transfers(found).map(({ data }) => data.member_id)) >= 12 &&
    distinct(transfers(found).map(({ data }) => data.to_member_id)) === 1,
  'fan-out': (found) => distinct(transfers(found).map(({ data }) => data.to_member_id)) >= 12,
  'transfer-ring': (found, { memberIds }) =>
    transfers(found).length >= 2 * memberIds.length &&
    distinct(transfers(found).map(({ data }) => data.to_member_id)) === memberIds.length,
  'dormant-reactivation': (found, { memberIds }) =>
    paid(found).length > 0 && sample.sacco.members.some(({ id, isDormant }) => isDormant && id === memberIds[0]),
  'repeated-amounts': (found) =>
    paid(found).length >= 6 && distinct(paid(found).map(({ data }) => data.amount_minor)) === 1,
  'first-payee-large': (found) => paid(found).every(({ data }) => data.amount_minor >= 15_000_000),
  'sim-swap': (found) => {
    const swap = firstOf(ofType(found, 'member.credential.changed'))
    return swap.data.credential === 'sim' && paid(found).every((event) => timeOf(event) - timeOf(swap) <= 72 * HOUR_MS)
  },
  'shared-device': (found) =>
    distinct(paid(found).map(({ data }) => data.member_id)) >= 8 &&
    distinct(paid(found).map(({ data }) => data.origin.device_id)) === 1,
  'impossible-travel': (found) => {
    const [left, right] = ofType(found, 'member.device.seen')
    return (
      left !== undefined && right !== undefined && kilometres(left, right) / (spanMs([left, right]) / HOUR_MS) > 900
    )
  },
  'pin-burst': (found) =>
    ofType(found, 'member.authentication.attempted').filter(({ data }) => data.outcome === 'wrong_pin').length >= 6,
  'reversal-abuse': (found) => ofType(found, 'transaction.reversed').length >= 3,
  'receipt-replay': (found) =>
    distinct(deposits(found).map(({ data }) => data.mpesa_receipt)) === 1 && deposits(found).length >= 2,
  'payment-mismatch': (found) =>
    ofType(found, 'payment.processed').every(({ data }) => data.amount_minor < (data.requested_minor ?? 0)),
  'loan-stacking': (found) =>
    ofType(found, 'loan.disbursed').length >= 4 &&
    distinct(ofType(found, 'loan.disbursed').map(({ data }) => data.member_id)) === 1,
  'guarantor-cycle': (found) => hasCycle(ofType(found, 'guarantee.pledged')),
  'ghost-borrowers': (found) =>
    distinct(ofType(found, 'loan.disbursed').map(({ data }) => data.disbursed_to_phone)) === 1 &&
    spanMs(ofType(found, 'member.registered')) <= MINUTE_MS,
  'first-payment-default': (found) =>
    ofType(found, 'loan.disbursed').length === 1 && ofType(found, 'repayment.received').length === 0,
  'disbursement-flight': (found) => {
    const disbursed = firstOf(ofType(found, 'loan.disbursed'))
    return (
      paid(found).every((event) => timeOf(event) - timeOf(disbursed) <= HOUR_MS) &&
      sum(paid(found)) >= 0.9 * disbursed.data.amount_minor
    )
  },
  evergreening: (found) =>
    ofType(found, 'repayment.received').filter(({ data }) => data.paid_by_loan_id !== null).length >= 2,
  'maker-checker': (found) =>
    [...ofType(found, 'adjustment.posted'), ...ofType(found, 'loan.approved')].some(
      ({ data }) => data.control.maker_id === data.control.checker_id,
    ),
  'staff-own-account': (found, { memberIds }) => {
    const staff = sample.sacco.members.find(({ id }) => id === memberIds[0])?.staff
    return (
      staff !== undefined && ofType(found, 'adjustment.posted').every(({ data }) => data.control.maker_id === staff.id)
    )
  },
  'edit-then-payout': (found) =>
    ofType(found, 'member.contact.changed').every(
      ({ data }) => data.maker_id === firstOf(paid(found)).data.control.maker_id,
    ),
  'record-snooping': (found) =>
    found.length >= 30 &&
    spanMs(found) <= HOUR_MS &&
    ofType(found, 'member.record.accessed').every(({ data }) => data.service_request_id === null),
  'approval-out-of-hours': (found) =>
    ofType(found, 'loan.approved').every((event) => hourOf(timeOf(event)) >= 23 || hourOf(timeOf(event)) < 4),
  'approval-burst': (found) =>
    ofType(found, 'loan.approved').length >= 12 && spanMs(ofType(found, 'loan.approved')) <= 5 * MINUTE_MS,
  'teller-shortage': (found) =>
    ofType(found, 'teller.drawer.balanced').every(({ data }) => data.counted_minor < data.expected_minor),
}

const isJustBelowReport = ({ data }: EventOf<'deposit.completed'>): boolean =>
  data.amount_minor >= 0.85 * 194_000_000 && data.amount_minor < 194_000_000 && data.origin.channel === 'cash'

function kilometres(left: EventOf<'member.device.seen'>, right: EventOf<'member.device.seen'>): number {
  const north = (left.data.latitude ?? 0) - (right.data.latitude ?? 0)
  const east = (left.data.longitude ?? 0) - (right.data.longitude ?? 0)
  return 111 * Math.hypot(north, east)
}

function hasCycle(pledges: readonly EventOf<'guarantee.pledged'>[]): boolean {
  const next = new Map(pledges.map(({ data }) => [data.member_id, data.guarantor_member_id]))
  const start = firstOf([...next.keys()])
  let at = next.get(start)
  for (let step = 0; step < next.size && at !== undefined && at !== start; step++) at = next.get(at)
  return at === start
}

describe('scenarios', () => {
  test.each(FAMILIES)('%s is there, labelled, and shows its pattern', (family) => {
    const labels = sample.labels.filter((label) => label.family === family && !label.benign && label.complete)
    expect(labels.length).toBeGreaterThan(0)
    for (const label of labels) {
      expect(PATTERNS[family](eventsOf(label), label), `${label.scenarioId}: ${label.note}`).toBe(true)
    }
  })
  test.each(SCENARIOS.filter(({ benign }) => benign).map(({ family }) => family))(
    'a look-alike of %s does not show its pattern',
    (family) => {
      const labels = sample.labels.filter((label) => label.family === family && label.benign && label.complete)
      expect(labels.length).toBeGreaterThan(0)
      // What is typical of these is what was there before, not what their own events look like.
      if (family === 'dormant-reactivation' || family === 'sim-swap') return
      for (const label of labels) expect(PATTERNS[family](eventsOf(label), label), label.scenarioId).toBe(false)
    },
  )
  test('labels name events of the stream, in order, and the members in them', () => {
    for (const label of sample.labels) {
      const found = eventsOf(label)
      expect(found.length).toBe(label.eventIds.length)
      expect(timeOf(firstOf(found))).toBe(label.fromMs)
      expect(timeOf(found.at(-1) as SaccoEvent)).toBe(label.toMs)
      expect(label.memberIds.length + label.staffIds.length).toBeGreaterThan(0)
    }
    expect(distinct(sample.labels.map(({ scenarioId }) => scenarioId))).toBe(sample.labels.length)
  })
  test('an event belongs to one scenario only', () => {
    const ids = sample.labels.flatMap(({ eventIds }) => eventIds)
    expect(distinct(ids)).toBe(ids.length)
  })
  test('labels survive the file', () => {
    expect(parseLabels(sample.labels.map(formatLabel).join(''))).toEqual(sample.labels)
  })
  test('the document has every family with its words', async () => {
    const text = await readFile(join(import.meta.dirname, '../../docs/LOAD.md'), 'utf8')
    for (const { family, note } of SCENARIOS) {
      expect(text).toContain(`| \`${family}\` |`)
      expect(text).toContain(note)
    }
  })
  test('rates are configurable: one family alone', () => {
    const scenarios = { fraudPerDay: 0, benignPerDay: 0, byFamily: { 'pin-burst': 6 } }
    const { labels } = takeSample({ seed: 3, members: 500, days: 5, scenarios })
    expect(new Set(labels.map(({ family }) => family))).toEqual(new Set(['pin-burst']))
    expect(labels.length).toBeGreaterThan(15)
    expect(labels.length).toBeLessThan(50)
  })
})

describe('ordinary life', () => {
  const quiet = takeSample({ seed: 12, members: 1_500, days: 12, scenarios: { fraudPerDay: 0, benignPerDay: 0 } })
  const all = quiet.records
    .filter(({ phase, kind }) => phase === 'live' && kind !== 'duplicate')
    .map(({ event }) => event)
  test('nobody pays twenty times an hour', () => {
    const perHour = new Map<string, number>()
    for (const event of [...paid(all), ...transfers(all)]) {
      const key = `${event.data.member_id} ${Math.floor(timeOf(event) / HOUR_MS)}`
      perHour.set(key, (perHour.get(key) ?? 0) + 1)
    }
    expect(Math.max(...perHour.values())).toBeLessThan(10)
  })
  test('loans are approved in the office, by somebody else, and not in bursts', () => {
    const approved = ofType(all, 'loan.approved')
    expect(approved.length).toBeGreaterThan(20)
    for (const event of approved) {
      expect(event.data.control.maker_id).not.toBe(event.data.control.checker_id)
      expect(hourOf(timeOf(event))).toBeGreaterThanOrEqual(9)
      expect(hourOf(timeOf(event))).toBeLessThan(16)
    }
  })
  test('cash stays far below the reporting threshold', () => {
    const cash = deposits(all).filter(({ data }) => data.origin.channel === 'cash')
    expect(cash.length).toBeGreaterThan(50)
    expect(Math.max(...cash.map(({ data }) => data.amount_minor))).toBeLessThan(0.5 * 194_000_000)
  })
  test('everybody pays the first instalment, and staff serves nobody but others', () => {
    const everything = quiet.records.filter(({ kind }) => kind !== 'duplicate').map(({ event }) => event)
    const paidLoans = new Set(ofType(everything, 'repayment.received').map(({ data }) => data.loan_id))
    const untilMs = Math.max(...everything.map(timeOf))
    const overdue = ofType(everything, 'loan.disbursed').filter(({ data }) => {
      return Date.parse(data.terms.first_due_date) < untilMs - 4 * 24 * HOUR_MS && !paidLoans.has(data.loan_id)
    })
    expect(overdue).toEqual([])
    const ownDesk = new Map(quiet.sacco.members.map(({ id, staff }) => [id as string, staff?.id as string | undefined]))
    for (const { data } of deposits(everything)) {
      const own = ownDesk.get(data.member_id)
      expect(own !== undefined && (data.control.maker_id === own || data.control.checker_id === own)).toBe(false)
    }
  })
  test('the dormant stay dormant', () => {
    const dormant = new Set(quiet.sacco.members.filter(({ isDormant }) => isDormant).map(({ id }) => id))
    expect([...paid(all), ...transfers(all)].filter(({ data }) => dormant.has(data.member_id))).toEqual([])
  })
})
