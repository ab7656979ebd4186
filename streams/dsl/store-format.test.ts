import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { createTestDriver } from '#testing'
import { createStreamsBuilder, nullable, type StreamsBuilder, serdes } from './testing/door.ts'
import { joinWindows, sessionWindows, tumblingWindows } from './windows.ts'

/**
 * The DSL's stores in both formats (dsl.store.format), with and without record cache: the same outputs and changelogs as
 * Kafka Streams 4.3.1's, headers included. Made by testdata/JavaStoreFormat.java: case, topic, key, value, time, headers.
 */
const golden = readFileSync(new URL('./testdata/store-format.tsv', import.meta.url), 'utf8')
  .trimEnd()
  .split('\n')
  .map((line) => line.split('\t') as [string, string, string, string, string, string])

const S = { key: serdes.string, value: serdes.string } as const
const COUNT = { key: serdes.string, value: nullable(serdes.int64) } as const
const BYTES = { key: nullable(serdes.bytes), value: nullable(serdes.bytes) } as const
const TEXT = { key: serdes.string, value: nullable(serdes.string) } as const

const topologies: Readonly<Record<string, (builder: StreamsBuilder, caching: boolean) => void>> = {
  table: (builder, caching) =>
    builder
      .table('in', { ...S, store: { name: 's', caching } })
      .toStream()
      .to('out'),
  count: (builder, caching) =>
    builder
      .stream('in', S)
      .groupByKey()
      .count({ store: { name: 's', caching } })
      .toStream()
      .to('out'),
  window: (builder, caching) =>
    builder
      .stream('in', S)
      .groupByKey()
      .windowedBy(tumblingWindows({ sizeMs: 10_000, graceMs: 0 }))
      .count({ store: { name: 's', caching } })
      .toStream()
      .selectKey(({ key }) => key, { key: serdes.string })
      .to('out'),
  session: (builder, caching) =>
    builder
      .stream('in', S)
      .groupByKey()
      .windowedBy(sessionWindows({ inactivityGapMs: 10_000, graceMs: 0 }))
      .count({ store: { name: 's', caching } })
      .toStream()
      .map(({ key }, value) => ({ key, value }), COUNT)
      .to('out'),
  join: (builder) =>
    builder
      .stream('in', S)
      .leftJoin(
        builder.stream('other', S),
        (left, right) => `${left}+${right}`,
        joinWindows({ beforeMs: 10_000, afterMs: 10_000, graceMs: 0 }),
        // Java's driver sets the interval to 0.
        { name: 'j', storeName: 'j', value: serdes.string, emitIntervalMs: 0 },
      )
      .to('out'),
  'foreign-key': (builder, caching) =>
    builder
      .table('in', { ...S, store: { name: 's', caching } })
      .join(
        builder.table('other', { ...S, store: { name: 'o', caching: false } }),
        (value) => value.slice(0, 1),
        (left, right) => `${left}+${right}`,
        { name: 'f', value: serdes.string, store: { name: 'r', caching: false } },
      )
      .toStream()
      .to('out'),
}

const inputs: readonly (readonly [string, string, string | null, number, string])[] = [
  ['in', 'k', 'a1', 1_000, 'first'],
  ['other', 'a', 'x', 2_000, 'second'],
  ['in', 'k', 'a2', 4_000, 'third'],
  ['in', 'm', 'b1', 8_000, ''],
  ['other', 'k', 'y', 9_000, 'fourth'],
  ['in', 'k', 'a3', 30_000, 'fifth'],
  ['in', 'k', 'a4', 31_000, ''],
  ['in', 'm', null, 32_000, 'sixth'],
  ['other', 'a', 'z', 45_000, 'seventh'],
  ['in', 'z', 'b2', 60_000, 'eighth'],
]

const hex = (bytes: Uint8Array | null): string => (bytes === null ? '-' : Buffer.from(bytes).toString('hex'))

/**
 * In the default format too, Java writes the headers of records beside the entries of join windows and subscriptions.
 * Its stores of that format do not keep them, so nothing reads them; they are not written here.
 */
const writesUnread = (format: string, topic: string): boolean =>
  format === 'default' && /-(this|other)-join-store-changelog$|-subscription-store-changelog$/.test(topic)

test.each([...new Set(golden.map(([name]) => name))])('%s', (label) => {
  const [format, caching, name] = label.split(' ') as [string, string, string]
  const builder = createStreamsBuilder()
  topologies[name]?.(builder, caching === 'cached')
  const topology = builder.build({ storeFormat: format === 'headers' ? 'headers' : 'default' })
  const driver = createTestDriver(topology, { applicationId: 'app', config: { cacheBytesMax: 1e6 } })
  for (const [topic, key, value, timestampMs, header] of inputs) {
    const readsOther = name === 'join' || name === 'foreign-key'
    const readsNulls = name === 'table' || name === 'foreign-key'
    if ((topic === 'other' && !readsOther) || (value === null && !readsNulls)) continue
    const headers = header === '' ? [] : [{ key: header, value: Uint8Array.of(1) }]
    driver.inputTopic(topic, TEXT).pipeRecord({ key, value, timestampMs, headers })
  }
  const own = golden
    .filter(([each]) => each === label)
    .map((line): readonly string[] => (writesUnread(format, line[1]) ? [...line.slice(0, 5), '-'] : line))
  for (const topic of new Set(own.map(([, each]) => each as string))) {
    const java = own.filter(([, each]) => each === topic).map((line) => line.slice(2).join(' '))
    const ours = driver
      .outputTopic(topic, BYTES)
      .readAll()
      .map(({ key, value, timestampMs, headers }) =>
        [hex(key), hex(value), timestampMs, headers.map((each) => each.key).join() || '-'].join(' '),
      )
    // Of a changelog only the last record of each key counts: several writes in one commit leave one.
    const left = (lines: string[]) =>
      topic === 'out' ? lines : Object.fromEntries(lines.map((line) => [line.split(' ')[0], line]))
    expect(left(ours), topic).toEqual(left(java))
  }
  driver.close()
})
