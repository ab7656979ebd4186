import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { nullable, serdes } from '#streams'
import type { CommittedOffset, Headers } from '#streams/ports'
import { encodeOffsetMetadata } from '#streams/runtime'
import { createTestDriver, type TestDriver, type TestDriverOptions } from '../test-driver/index.ts'
import { takeoverCases, takeoverTopology } from './topologies.ts'

type Input = readonly [topic: string, key: string, value: string, timestampMs: number]
type Internal = readonly [
  topic: string,
  key: string | null,
  value: string | null,
  timestampMs: number | null,
  headers: readonly (readonly [string, string | null])[],
]
type TakeoverCase = {
  readonly case: string
  readonly first: readonly Input[]
  readonly internal: readonly Internal[]
  readonly configs: Readonly<Record<string, Readonly<Record<string, string>>>>
  readonly second: readonly Input[]
  readonly outputs: readonly (readonly [number, string, string | null, string | null, number])[]
}

const cases = readFileSync(new URL('./testdata/takeover.jsonl', import.meta.url), 'utf8')
  .trim()
  .split('\n')
  .map((line) => JSON.parse(line) as TakeoverCase)

const TEXT = { key: nullable(serdes.string), value: nullable(serdes.string) }
const BYTES = { key: nullable(serdes.bytes), value: nullable(serdes.bytes) }
const fromHex = (hex: string | null): Uint8Array | null =>
  hex === null ? null : new Uint8Array(Buffer.from(hex, 'hex'))
const toHex = (bytes: Uint8Array | null): string | null => (bytes === null ? null : Buffer.from(bytes).toString('hex'))

function feed(driver: TestDriver, inputs: readonly Input[]): readonly (readonly unknown[])[] {
  const output = driver.outputTopic('out', TEXT)
  return inputs.flatMap(([topic, key, value, timestampMs], index) => {
    driver.inputTopic(topic, TEXT).pipe(key, value, timestampMs)
    return output.readAll().map((record) => [index, 'out', record.key, record.value, record.timestampMs])
  })
}

/** The topics as Java left them: inputs consumed and committed, state in the changelogs. */
function leftByJava({ first, internal }: TakeoverCase): NonNullable<TestDriverOptions['existing']> {
  const records = [
    ...first.map(([topic, key, value, timestampMs]) => ({
      topic,
      partition: 0,
      key: serdes.string.serialize(key, topic),
      value: serdes.string.serialize(value, topic),
      timestampMs,
      headers: [] as Headers,
    })),
    ...internal.map(([topic, key, value, timestampMs, headers]) => ({
      topic,
      partition: 0,
      key: fromHex(key),
      value: fromHex(value),
      timestampMs: timestampMs ?? 0,
      headers: headers.map(([name, bytes]) => ({ key: name, value: fromHex(bytes) })),
    })),
  ]
  const topics = new Set(records.map(({ topic }) => topic).filter((topic) => !topic.endsWith('-changelog')))
  const committed = [...topics].map((topic): CommittedOffset => {
    const own = records.filter((record) => record.topic === topic)
    const partitionTimeMs = Math.max(...own.map(({ timestampMs }) => timestampMs))
    const metadata = encodeOffsetMetadata({ partitionTimeMs, times: new Map() })
    return { topic, partition: 0, offset: own.length, metadata }
  })
  return { records, committed }
}

describe('taking over from a Java application', () => {
  test('every topology of the data is here', () => {
    expect(cases.map((found) => found.case).sort()).toEqual([...takeoverCases].sort())
  })

  test.each(cases)('$case: goes on with the state that Java left as Java itself does', (found) => {
    const driver = createTestDriver(takeoverTopology(found.case), { applicationId: 'app', existing: leftByJava(found) })
    expect(feed(driver, found.second)).toEqual(found.outputs)
    driver.close()
  })

  test.each(cases)('$case: internal topics have the names and settings that Java gives them', (found) => {
    const driver = createTestDriver(takeoverTopology(found.case), { applicationId: 'app' })
    const settings = driver.topology.internalTopics.map(({ name, config = {} }) => {
      const { cleanupPolicy, retentionMs, segmentBytes, minCompactionLagMs } = config
      const named = {
        'cleanup.policy': cleanupPolicy,
        'retention.ms': retentionMs,
        'segment.bytes': segmentBytes,
        'min.compaction.lag.ms': minCompactionLagMs,
        // Kafka's default, which Java says explicitly.
        'message.timestamp.type': 'CreateTime',
      }
      const given = Object.entries(named).filter(([, value]) => value !== undefined)
      return [name, Object.fromEntries(given.map(([key, value]) => [key, String(value)]))]
    })
    expect(Object.fromEntries(settings)).toEqual(found.configs)
    driver.close()
  })

  test.each(cases)(
    '$case: writes what Java writes to repartition topics, and leaves the same in changelogs',
    (found) => {
      const driver = createTestDriver(takeoverTopology(found.case), { applicationId: 'app' })
      feed(driver, found.first)
      for (const topic of new Set(found.internal.map(([name]) => name))) {
        const javas = found.internal.filter(([name]) => name === topic)
        // Buffers: Java leaves the time to its producer, which takes the wall clock. Ours is the record's.
        const isTimed = javas.every((record) => record[3] !== null)
        const ours = driver
          .outputTopic(topic, BYTES)
          .readAll()
          .map(({ key, value, timestampMs, headers }): Internal => {
            const named = headers.map((header) => [header.key, toHex(header.value)] as const)
            return [topic, toHex(key), toHex(value), isTimed ? timestampMs : null, named]
          })
        // A changelog is a table: several writes of a key in one commit leave one record.
        const left = (records: readonly Internal[]) =>
          topic.endsWith('-changelog') ? new Map(records.map((record) => [record[1], record])) : records
        expect(left(ours), topic).toEqual(left(javas))
      }
      driver.close()
    },
  )
})
