import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { createTestDriver } from '#testing'
import { createStreamsBuilder, nullable, type StreamsBuilder, serdes } from './testing/door.ts'

/** Filters send tombstones or not, as their parents have old values or not: the same outputs as Java's driver gives. */

const S = { key: serdes.string, value: serdes.string } as const
const V = { value: serdes.string } as const
const TEXT = { key: serdes.string, value: nullable(serdes.string) } as const
const isBig = (_key: string, value: string): boolean => value.length > 1
const plus = (left: string, right: string | null): string => `${left}${right}`

/** Those of OldValues.java. */
const TOPOLOGIES: Readonly<Record<string, (b: StreamsBuilder) => void>> = {
  filter_before: (b) => {
    const table = b.table('t', S)
    table.filter(isBig).toStream().to('out')
    b.stream('s', TEXT).join(table, plus, V).to('out2')
  },
  filter_after: (b) => {
    const table = b.table('t', S)
    b.stream('s', TEXT).join(table, plus, V).to('out2')
    table.filter(isBig).toStream().to('out')
  },
  filter_alone: (b) => b.table('t', S).filter(isBig).toStream().to('out'),
  filter_named: (b) =>
    b
      .table('t', { ...S, store: 'x' })
      .filter(isBig)
      .toStream()
      .to('out'),
  filter_map_filter: (b) =>
    b
      .table('t', { ...S, store: 'x' })
      .mapValues((value) => `${value}!`, V)
      .filter((_key, value) => value.length > 2)
      .toStream()
      .to('out'),
  filter_stored: (b) => b.table('t', S).filter(isBig, { store: 'f' }).toStream().to('out'),
  filter_then_group: (b) => {
    const filtered = b.table('t', S).filter(isBig)
    filtered.toStream().to('out')
    filtered
      .groupBy((_key, value) => ({ key: value.slice(0, 1), value }), S)
      .count()
      .toStream()
      .mapValues((count) => String(count), V)
      .to('out2')
  },
  aggregate_filter: (b) =>
    b
      .stream('t', TEXT)
      .groupByKey()
      .reduce((_old, value) => value)
      .filter(isBig)
      .toStream()
      .to('out'),
  join_filter: (b) =>
    b
      .table('t', S)
      .join(b.table('s', S), plus, V)
      .filter((_key, value) => value.length > 3)
      .toStream()
      .to('out'),
  totable_filter: (b) => b.stream('t', TEXT).toTable().filter(isBig).toStream().to('out'),
  left_join_unfiltered: (b) => {
    const table = b.table('t', S)
    table.filter(isBig).toStream().to('out')
    table.leftJoin(b.table('s', S), plus, V).toStream().to('out2')
  },
  map_group: (b) =>
    b
      .table('t', S)
      .mapValues((value) => `${value}!`, V)
      .filterNot((_key, value) => value.length > 2)
      .groupBy((_key, value) => ({ key: 'all', value }), S)
      .reduce(
        (aggregate, value) => aggregate + value,
        (aggregate, value) => aggregate.replace(value, ''),
      )
      .toStream()
      .to('out'),
}

type Step = { readonly input: string; readonly outputs: string[] }

const cases = readFileSync(new URL('./testdata/old-values.txt', import.meta.url), 'utf8')
  .trimEnd()
  .split('\n')
  .map((line) => {
    const [name = '', ...inputs] = line.split(' <')
    const steps = inputs.map((text): Step => {
      const parts = text.split(' ')
      return { input: `${parts[0]} ${parts[1]}`, outputs: parts.slice(2) }
    })
    return { name, steps }
  })

test.each(cases)('$name gives the outputs of Java', ({ name, steps }) => {
  const builder = createStreamsBuilder()
  TOPOLOGIES[name]?.(builder)
  using driver = createTestDriver(builder.build())
  const written = ['out', 'out2'].filter((topic) => driver.topics().includes(topic))
  const outputs = written.map((topic) => ({ topic, reader: driver.outputTopic(topic, TEXT) }))
  const actual = steps.map(({ input }): Step => {
    const [, topic = '', key = '', value = '', timestamp = ''] = /^(\w+) (\w+)=(\w+)@(\d+)$/.exec(input) ?? []
    driver.inputTopic(topic, TEXT).pipe(key, value === 'null' ? null : value, Number(timestamp))
    const texts = outputs.flatMap(({ topic: from, reader }) =>
      reader.readAll().map((record) => `${from}:${record.key}=${record.value}@${record.timestampMs}`),
    )
    return { input, outputs: texts }
  })
  expect(actual).toEqual(steps)
  expect(steps.length).toBe(60)
})

test('there is a case for each topology', () => {
  expect(cases.map(({ name }) => name)).toEqual(Object.keys(TOPOLOGIES))
})
