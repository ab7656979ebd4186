import { describe, expect, test } from 'vitest'
import { createEncoder, createSacco, events } from '#load'
import { DEFAULT_DELINQUENCY_BANDS, type DelinquencyBandsEvent, localSchemas, problemOfBands } from '#schemas'
import { createPrng, type Prng } from '#streams/base'
import { createBandBook } from '../loans/band-book.ts'
import { SACCO_DEFINITIONS } from '../stores.ts'
import { createSaccoDriver } from '../testing/sacco-driver.ts'
import { DEFAULT_FRAUD_RULES } from './default-rules.ts'
import { RULE_KINDS } from './kinds.ts'
import type { FraudRule } from './rule.ts'
import { createRuleBook, problemOfRule } from './rule-book.ts'

/** Rules and tables of bands are data that people write: mutated ones are refused with a reason, or run without harm. */
const SEED = Number(process.env.SEED ?? 20_261_120)
const RULE_CASES = 2_000
const BAND_CASES = 3_000
const RULES_IN_FORCE = 150
const RECORDS_MAX = 1_800

const pick = <T>(prng: Prng, list: readonly T[]): T => list[prng.below(list.length)] as T

const NUMBERS = [
  0,
  1,
  2,
  -1,
  0.5,
  10_000,
  60_000,
  86_400_000,
  3e12,
  1e15,
  9e15,
  2 ** 53,
  -(2 ** 60),
  Number.NaN,
  Number.POSITIVE_INFINITY,
]
const TEXTS = [
  '',
  ' ',
  'constructor',
  '__proto__',
  'toString',
  'velocity',
  '漢',
  '2026-02-30',
  '0000-00-00',
  '9999-99-99T99:99:99Z',
  '+275760-09-13T00:00:00.000Z',
  'x'.repeat(10_000),
]

function mutatedRule(prng: Prng, sound: FraudRule, version: number): FraudRule {
  const change: Record<string, unknown> = {}
  const params = sound.params.map((each) => ({
    ...each,
    value: prng.below(2) === 0 ? pick(prng, NUMBERS) : each.value,
  }))
  if (prng.below(8) === 0) params.splice(prng.below(params.length + 1), 1)
  if (prng.below(8) === 0)
    params.push({
      name: pick(prng, [...TEXTS, 'count', 'window_ms', 'quiet_ms']),
      value: pick(prng, NUMBERS),
      unit: 'other',
    })
  if (prng.below(12) === 0) change.kind = prng.below(2) === 0 ? pick(prng, TEXTS) : pick(prng, Object.keys(RULE_KINDS))
  if (prng.below(12) === 0) change.effective_from = pick(prng, TEXTS)
  if (prng.below(12) === 0) change.effective_to = pick(prng, TEXTS)
  if (prng.below(12) === 0) change.score = pick(prng, NUMBERS)
  if (prng.below(12) === 0) change.checker_id = pick(prng, [null, sound.maker_id])
  if (prng.below(12) === 0) change.status = pick(prng, ['draft', 'shadow', 'live', 'retired'])
  if (prng.below(6) === 0) change.lists = [{ name: pick(prng, TEXTS), values: [pick(prng, TEXTS)] }]
  const rule_version = prng.below(12) === 0 ? pick(prng, NUMBERS) : version
  return { ...sound, params, rule_version, ...change }
}

describe(`mutated rules (seed ${SEED})`, () => {
  test('each is refused with a reason, or in force with numbers that can be counted with', () => {
    const refused = new Set<string>()
    let taken = 0
    for (let i = 0; i < RULE_CASES; i++) {
      const prng = createPrng(SEED + i)
      const book = createRuleBook()
      const before = book.generation
      const rule = mutatedRule(prng, pick(prng, DEFAULT_FRAUD_RULES), 2)
      const problem = book.offer(rule)
      if (problem !== undefined) {
        refused.add(problem.slice(0, 12))
        expect([problem.length > 5, book.generation], `SEED=${SEED + i}`).toEqual([true, before])
        continue
      }
      taken++
      for (const { fromMs, toMs, quietMs, params } of book.all()) {
        expect([fromMs, toMs, quietMs, ...Object.values(params)].some(Number.isNaN), `SEED=${SEED + i}`).toBe(false)
      }
    }
    expect(refused.size).toBeGreaterThan(8)
    expect(taken).toBeGreaterThan(100)
  })

  test('those in force evaluate everything that a SACCO does, and nothing throws', { timeout: 60_000 }, () => {
    using sacco = createSaccoDriver()
    const rules = soundMutations(RULES_IN_FORCE)
    const encode = createEncoder(localSchemas(SACCO_DEFINITIONS))
    const source = events(createSacco({ members: 100, seed: 3, startMs: sacco.nowMs }), {
      ...{ seed: 3, flaws: { late: 0, duplicate: 0, malformed: 0 }, scenarioTimeScale: 0.01 },
      scenarios: { fraudPerDay: 2_000, benignPerDay: 500 },
    })
    let count = 0
    for (const record of source) {
      if (count === RECORDS_MAX) break
      // The opening is members, accounts and loans: rules have something to do behind it.
      const isDue = record.phase === 'live' && count % 4 === 0
      const rule = isDue ? rules.pop() : undefined
      if (rule !== undefined) sacco.send('fraud.rule.changed', rule as never)
      sacco.sendBytes(record.topic, record.key, encode(record))
      if (record.phase === 'live') count++
    }
    expect([count, rules.length]).toEqual([RECORDS_MAX, 0])
    const failed = sacco.refused().filter(({ message }) => message !== '')
    expect(failed.map(({ message }) => message)).toEqual([])
    expect(sacco.flags().length).toBeGreaterThan(20)
  })
})

/** As they come out of a record: no fractions, nothing beyond a long. */
function soundMutations(count: number): FraudRule[] {
  const rules: FraudRule[] = []
  for (let i = 0; rules.length < count; i++) {
    const prng = createPrng(SEED + i)
    const rule = mutatedRule(prng, pick(prng, DEFAULT_FRAUD_RULES), 2 + i)
    if (problemOfRule(rule) === undefined) rules.push(rule)
  }
  return rules
}

test.each<[string, Partial<FraudRule>, RegExp]>([
  ['a kind that every object has', { kind: 'constructor' }, /kind constructor is not one of/],
  [
    'a number that is none',
    {
      params: [
        { name: 'count', value: Number.NaN, unit: 'count' },
        { name: 'window_ms', value: 1, unit: 'ms' },
      ],
    },
    /count is NaN/,
  ],
  [
    'a count of none',
    {
      params: [
        { name: 'count', value: 0, unit: 'count' },
        { name: 'window_ms', value: 1, unit: 'ms' },
      ],
    },
    /at least 1/,
  ],
  [
    'a window of 300 years',
    {
      params: [
        { name: 'count', value: 3, unit: 'count' },
        { name: 'window_ms', value: 1e13, unit: 'ms' },
      ],
    },
    /100 years/,
  ],
  [
    'a parameter twice',
    {
      params: [
        { name: 'count', value: 3, unit: 'count' },
        { name: 'count', value: 4, unit: 'count' },
        { name: 'window_ms', value: 1, unit: 'ms' },
      ],
    },
    /twice/,
  ],
  ['a score that is none', { score: Number.NaN }, /score NaN/],
  ['a version that is none', { rule_version: Number.NaN }, /version NaN/],
])('a rule with %s is refused', (_what, change, problem) => {
  const burst = DEFAULT_FRAUD_RULES.find(({ rule_id }) => rule_id === 'velocity-burst') as FraudRule
  expect(createRuleBook().offer({ ...burst, rule_version: 2, ...change })).toMatch(problem)
})

describe(`mutated tables of delinquency bands (seed ${SEED})`, () => {
  test('each is refused with a reason, or has exactly one band for every day', () => {
    let taken = 0
    for (let i = 0; i < BAND_CASES; i++) {
      const prng = createPrng(SEED + i)
      const table = mutatedTable(prng)
      const book = createBandBook()
      const problem = book.offer(table)
      if (problem !== undefined) expect([problem.length > 5, book.generation], `SEED=${SEED + i}`).toEqual([true, 0])
      else taken++
      for (const day of [-5, 0, 1, 30, 31, 1e6, Number.MAX_SAFE_INTEGER]) {
        const fitting = (problem === undefined ? table : DEFAULT_DELINQUENCY_BANDS).bands.filter(
          ({ days_from, days_to }) =>
            Math.max(0, day) >= days_from && (days_to === null || Math.max(0, day) <= days_to),
        )
        expect(fitting, `SEED=${SEED + i}, day ${day}`).toEqual([book.bandOf(day)])
      }
    }
    expect(taken).toBeGreaterThan(BAND_CASES * 0.01)
    expect(taken).toBeLessThan(BAND_CASES * 0.9)
  })

  test('two bands of one code are refused: their loans could not be told apart', () => {
    const bands = DEFAULT_DELINQUENCY_BANDS.bands.map((band) => ({ ...band, code: 'same' }))
    expect(problemOfBands(bands)).toMatch(/code of its own/)
  })

  test('a refused table is not stored either: it would be offered again with each start', () => {
    using sacco = createSaccoDriver()
    const bands = [{ code: 'x', name: 'X', days_from: 1, days_to: null, provision_bps: 0 }]
    sacco.send('delinquency.bands.changed', { ...DEFAULT_DELINQUENCY_BANDS, table_version: 2, bands } as never)
    expect(sacco.all('delinquency-bands', 1)).toEqual([])
  })
})

function mutatedTable(prng: Prng): DelinquencyBandsEvent['data'] {
  const bands = DEFAULT_DELINQUENCY_BANDS.bands.map((band) => ({ ...band })) as {
    days_from: number
    days_to: number | null
    provision_bps: number
    code: string
    name: string
  }[]
  for (let i = 0; i <= prng.below(2); i++) {
    const band = pick(prng, bands)
    const kind = prng.below(8)
    if (kind === 0) band.days_from = pick(prng, NUMBERS)
    if (kind === 1) band.days_to = pick(prng, [null, ...NUMBERS])
    if (kind === 2) band.provision_bps = pick(prng, NUMBERS)
    if (kind === 3) bands.splice(prng.below(bands.length), 1)
    if (kind === 4) bands.reverse()
    if (kind === 5) band.code = pick(prng, TEXTS)
    if (kind >= 6 || bands.length === 0) break
  }
  const table_version = prng.below(6) === 0 ? pick(prng, NUMBERS) : 2
  const effective_from = prng.below(6) === 0 ? pick(prng, TEXTS) : '2026-01-01'
  return { ...DEFAULT_DELINQUENCY_BANDS, table_version, effective_from, bands }
}
