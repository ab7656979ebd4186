import { createHash } from 'node:crypto'
import { beforeAll, describe, expect, test } from 'vitest'
import { asSchemaRegistry, createEmbeddedRegistry, createMemoryStore } from '#connectors/schema-registry'
import { definitionOf, keyOfEvent, type RegisteredSchemas, registerSchemas, SACCO_EVENTS } from '#schemas'
import { DAY_MS, hourOf, MINUTE_MS } from './calendar.ts'
import { DERIVED_EVENT_TYPES } from './calendar-jobs.ts'
import { createEncoder } from './encoder.ts'
import { events } from './event-stream.ts'
import { LATE_MAX_MS, LATE_MIN_MS, OUT_OF_ORDER_MAX_MS, PUBLISH_DELAY_MS, YEAR_LATE_MS } from './options.ts'
import { createSacco } from './population.ts'
import { isFlawed, type RecordKind } from './records.ts'
import { NO_FLAWS, SAMPLE_START_MS, type Sample, takeSample } from './testing/sample.ts'

let schemas: RegisteredSchemas
let sample: Sample
beforeAll(async () => {
  const registry = asSchemaRegistry(await createEmbeddedRegistry(createMemoryStore()))
  schemas = await registerSchemas({ registry, definitions: SACCO_EVENTS })
  sample = takeSample({ seed: 1, members: 1_000, days: 12 })
})

function hashOf(seed: number, members = 300): string {
  const encode = createEncoder(schemas)
  const hash = createHash('sha256')
  const { records, labels } = takeSample({ seed, members, days: 2 })
  for (const record of records) {
    hash.update(`${record.topic} ${record.key} ${record.publishAtMs} ${record.kind}`)
    hash.update(encode(record))
  }
  return hash.update(JSON.stringify(labels)).digest('hex')
}

const countOf = (kind: RecordKind): number => sample.records.filter((record) => record.kind === kind).length
const live = () => sample.records.filter((record) => record.phase === 'live')

describe('the same seed', () => {
  test('gives the same bytes and labels', () => expect(hashOf(5)).toBe(hashOf(5)))
  test('another one gives others', () => expect(hashOf(5)).not.toBe(hashOf(6)))
  test('flaws do not change what happens', () => {
    const idsOf = (flaws: typeof NO_FLAWS) =>
      takeSample({ seed: 3, members: 300, days: 2, flaws })
        .records.filter(({ kind }) => kind !== 'duplicate' && !isFlawed(kind))
        .map(({ event }) => event.event_id)
        .sort()
    const flawed = takeSample({ seed: 3, members: 300, days: 2, flaws: { late: 0.2, duplicate: 0.1, malformed: 0.1 } })
    const ids = flawed.records
      .filter(({ kind }) => kind !== 'duplicate' && !isFlawed(kind))
      .map((r) => r.event.event_id)
    expect(ids.sort()).toEqual(idsOf(NO_FLAWS))
  })
})

describe('order and shape', () => {
  test('publication times never fall', () => {
    let beforeMs = Number.NEGATIVE_INFINITY
    for (const { publishAtMs } of sample.records) {
      expect(publishAtMs).toBeGreaterThanOrEqual(beforeMs)
      beforeMs = publishAtMs
    }
  })
  test('the opening comes before live traffic, and the dormant long before', () => {
    const opening = sample.records.filter(({ phase }) => phase === 'opening')
    expect(opening.length).toBeGreaterThan(9_000)
    expect(opening.every(({ timestampMs }) => timestampMs < SAMPLE_START_MS)).toBe(true)
    const dormant = sample.sacco.members.filter(({ isDormant }) => isDormant)
    expect(dormant.length).toBeGreaterThan(20)
    expect(dormant.every(({ openedAtMs }) => openedAtMs <= SAMPLE_START_MS - 399 * DAY_MS)).toBe(true)
  })
  test('topic, key and timestamp are those of the event', () => {
    for (const { topic, key, event, timestampMs, kind } of sample.records) {
      if (kind === 'undecodable') continue
      expect(topic).toBe(definitionOf(event.event_type).topic)
      expect(key).toBe(keyOfEvent(event))
      if (kind !== 'unknown-schema' && kind !== 'wrong-type') expect(Date.parse(event.timestamp)).toBe(timestampMs)
    }
  })
  test('what one member does in one topic is published in order where nothing is wrong', () => {
    const lastMs = new Map<string, number>()
    for (const { topic, key, timestampMs, kind } of sample.records) {
      if (kind !== 'normal') continue
      expect(timestampMs).toBeGreaterThanOrEqual(lastMs.get(topic + key) ?? 0)
      lastMs.set(topic + key, timestampMs)
    }
  })
  test('event ids are unique but for duplicates, which are the same event', () => {
    const originals = new Map<string, unknown>()
    for (const { event, kind } of sample.records) {
      if (kind === 'undecodable') continue
      if (kind === 'duplicate') expect(originals.get(event.event_id) ?? event).toBe(event)
      else {
        expect(originals.has(event.event_id), event.event_id).toBe(false)
        originals.set(event.event_id, event)
      }
    }
  })
  test('every type of event comes that the platform does not derive', () => {
    const seen = new Set(sample.records.map(({ event }) => event.event_type))
    const missing = SACCO_EVENTS.map(({ type }) => type).filter(
      (type) => !seen.has(type) && !DERIVED_EVENT_TYPES.includes(type),
    )
    // Nobody leaves in the model; dividends come in March; reviews, rules and bands are made by people.
    const others = ['account.closed', 'dividend.declared', 'dividend.posted']
    const byPeople = ['delinquency.bands.changed', 'fraud.flag.reviewed', 'fraud.rule.changed']
    expect([...missing].sort()).toEqual([...others, ...byPeople].sort())
    expect(DERIVED_EVENT_TYPES.filter((type) => seen.has(type))).toEqual([])
  })
})

describe('flaws', () => {
  const cases: readonly (readonly [RecordKind, number])[] = [
    ['late', 0.01],
    ['out-of-order', 0.01],
    ['duplicate', 0.01],
  ]
  test.each(cases)('%s records come at the rate asked for', (kind, share) => {
    const expected = live().length * share
    expect(Math.abs(countOf(kind) - expected)).toBeLessThan(5 * Math.sqrt(expected))
  })
  test('rates of zero give none', () => {
    const { records } = takeSample({ seed: 2, members: 300, days: 2, flaws: NO_FLAWS })
    expect(new Set(records.map(({ kind }) => kind))).toEqual(new Set(['normal']))
  })
  test('each kind is as late as its name says', () => {
    for (const { kind, publishAtMs, timestampMs } of sample.records) {
      const delayMs = publishAtMs - timestampMs
      if (kind === 'normal') expect(delayMs).toBe(PUBLISH_DELAY_MS)
      if (kind === 'late') expect(delayMs >= LATE_MIN_MS && delayMs <= LATE_MAX_MS).toBe(true)
      if (kind === 'out-of-order') expect(delayMs >= 1_000 && delayMs < OUT_OF_ORDER_MAX_MS).toBe(true)
      if (kind === 'year-late') expect(delayMs).toBeGreaterThan(YEAR_LATE_MS)
    }
  })
  test('malformed records of every kind come at their rate together', () => {
    const { records } = takeSample({ seed: 4, members: 500, days: 4, flaws: { malformed: 0.05 } })
    const flawed = records.filter(({ kind }) => isFlawed(kind))
    const expected = records.filter(({ phase }) => phase === 'live').length * 0.05
    expect(Math.abs(flawed.length - expected)).toBeLessThan(6 * Math.sqrt(expected))
    expect(new Set(flawed.map(({ kind }) => kind)).size).toBe(6)
  })
  test('a share that is none is refused', () => {
    const sacco = createSacco({ seed: 1, members: 100, startMs: SAMPLE_START_MS })
    expect(() => events(sacco, { flaws: { late: 2 } })).toThrow('flaws.late')
    expect(() => events(sacco, { scenarios: { byFamily: { nonsense: 1 } as never } })).toThrow('nonsense')
  })
})

describe('traffic', () => {
  test('nights are quiet, lunch and evening are busy', () => {
    const byHour = new Array<number>(24).fill(0)
    for (const { timestampMs, event } of live()) {
      if (event.event_type === 'deposit.initiated') byHour[hourOf(timestampMs)] = (byHour[hourOf(timestampMs)] ?? 0) + 1
    }
    const sum = (from: number, to: number): number => byHour.slice(from, to).reduce((total, count) => total + count, 0)
    expect(sum(0, 4)).toBeLessThan(0.03 * sum(0, 24))
    expect(sum(12, 14)).toBeGreaterThan(0.1 * sum(0, 24))
    expect(sum(17, 19)).toBeGreaterThan(0.1 * sum(0, 24))
  })
  test('a member lives at about the pace of a SACCO: four records a day', () => {
    const perMemberDay = live().length / 12 / 1_000
    expect(perMemberDay).toBeGreaterThan(2)
    expect(perMemberDay).toBeLessThan(8)
  })
  test('salaries come on paydays, interest at the end of the month', () => {
    const salaries = live().filter(({ event }) => event.event_type === 'checkoff.remitted')
    expect(salaries.length).toBeGreaterThan(20)
    expect(salaries.every(({ event }) => Number(event.timestamp.slice(8, 10)) >= 25)).toBe(true)
    expect(live().filter(({ event }) => event.event_type === 'interest.posted').length).toBeGreaterThan(900)
  })
  test('steady traffic keeps its rate of records per simulated second', () => {
    const sacco = createSacco({ seed: 1, members: 2_000, startMs: SAMPLE_START_MS })
    const stream = events(sacco, {
      traffic: { kind: 'steady', recordsPerSecond: 50 },
      flaws: NO_FLAWS,
      untilMs: SAMPLE_START_MS + 20 * MINUTE_MS,
    })
    let count = 0
    for (const { phase } of stream) if (phase === 'live') count++
    expect(count / 1_200).toBeGreaterThan(45)
    expect(count / 1_200).toBeLessThan(55)
  })
  test('finish() ends the stream with what is under way', () => {
    const sacco = createSacco({ seed: 1, members: 300, startMs: SAMPLE_START_MS })
    const stream = events(sacco)
    for (let n = 0; n < 5_000; n++) expect(stream.next().done).toBe(false)
    stream.finish()
    expect([...stream].length).toBeLessThan(1_000)
    expect(stream.next().done).toBe(true)
  })
})
