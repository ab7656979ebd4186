import { describe, expect, test } from 'vitest'
import { createStreamsBuilder, tumblingWindows } from '#streams'
import { serdes } from '#streams/serdes'
import { keyValueStore } from '#streams/stores'
import type { Topology } from '#streams/topology'
import { createTestDriver, type TestDriverOptions } from './index.ts'

const { string } = serdes
type Bag = { items: string[] }
const bag = serdes.json<Bag>()
const bags = keyValueStore({ name: 'bags', key: string, value: bag })
const pushes = (_key: string, value: string, aggregate: Bag): Bag => {
  aggregate.items.push(value)
  return aggregate
}
const newBag = (): Bag => ({ items: [] })

/** What users write who come from a library whose stores make copies. */
const mutating: Readonly<Record<string, (builder: ReturnType<typeof createStreamsBuilder>) => void>> = {
  'an aggregator': (builder) => {
    builder
      .stream('in', { key: string, value: string })
      .groupByKey()
      .aggregate(newBag, pushes, { store: 'collected', value: bag })
      .groupBy((_key, { items }) => ({ key: items[0] as string, value: items.length }), {
        key: string,
        value: serdes.int32,
      })
      .aggregate(
        () => 0,
        (_key, count, sum) => sum + count,
        (_key, count, sum) => sum - count,
        { store: 'sums', value: serdes.int32 },
      )
  },
  'an aggregator over windows': (builder) => {
    builder
      .stream('in', { key: string, value: string })
      .groupByKey()
      .windowedBy(tumblingWindows({ sizeMs: 10, graceMs: 0 }))
      .aggregate(newBag, pushes, { store: 'collected', value: bag })
  },
  'a processor that does not put': (builder) => {
    builder.stream('in', { key: string, value: string }).process(
      {
        stores: [bags],
        get: () => {
          let store: { get(key: string): Bag | undefined; put(key: string, value: Bag): void }
          return {
            init: (context) => {
              store = context.store(bags)
            },
            process: ({ key, value }) => {
              const found = store.get(key)
              if (found === undefined) store.put(key, { items: [value] })
              else found.items.push(value)
            },
          }
        },
      },
      { name: 'collector' },
    )
  },
}

function build(add: (builder: ReturnType<typeof createStreamsBuilder>) => void): Topology {
  const builder = createStreamsBuilder()
  add(builder)
  return builder.build()
}

function pipeTwo(topology: Topology, options?: TestDriverOptions) {
  const driver = createTestDriver(topology, options)
  const input = driver.inputTopic('in', { key: string, value: string })
  input.pipe('a', 'x', 1)
  // From the engine this time.
  if (options?.config?.freezeValues !== false) driver.commit()
  input.pipe('a', 'y', 2)
  return driver
}

describe('values that user code changes in place', () => {
  test.each(Object.entries(mutating))('%s is told so by the line that does it', (_name, add) => {
    expect(() => pipeTwo(build(add))).toThrow(
      /^the record at in-0@[01] could not be processed at node \S+ of task 0_0: Cannot add property [01], object is not extensible \(values of stores are not to be changed in place: return or put a new one/,
    )
  })

  test('the line is in the stack of the cause', () => {
    try {
      pipeTwo(build(mutating['a processor that does not put'] as never))
      expect.unreachable()
    } catch (error) {
      expect(((error as Error).cause as Error).stack).toMatch(/frozen-values\.test\.ts/)
    }
  })

  test('freezeValues false lets it pass', () => {
    const options = { config: { freezeValues: false } }
    expect(() => pipeTwo(build(mutating['a processor that does not put'] as never), options)).not.toThrow()
  })

  test('an initial aggregate that is shared is found with the first record', () => {
    const shared: Bag = { items: [] }
    const topology = build((builder) => {
      builder
        .stream('in', { key: string, value: string })
        .groupByKey()
        .aggregate(() => shared, pushes, { store: 'collected', value: bag })
    })
    const driver = createTestDriver(topology)
    expect(() => driver.inputTopic('in', { key: string, value: string }).pipe('a', 'x', 1)).toThrow(/in place/)
    expect(shared.items).toEqual([])
  })
})
