import { afterEach, beforeEach, expect, test } from 'vitest'
import { nodeClock } from '#host'
import { createMemoryEngine } from '#state-stores'
import { hasCode } from '../base/index.ts'
import {
  createStreamsBuilder,
  keyValueStore,
  type ProcessorSupplier,
  serdes,
  type Topology,
  timestampedKeyValueStore,
  timestampedKeyValueStoreWithHeaders,
  tumblingWindows,
  versionedKeyValueStore,
} from '../index.ts'
import type { Serde } from '../ports/index.ts'
import { createThreadWorld, type ThreadWorld } from './testing/thread-world.ts'

/** One application id on one log and one state: first with one topology, then with another. */
const serde = { key: serdes.string, value: serdes.int64 }

function windowedCounts(graceMs: number): Topology {
  const builder = createStreamsBuilder()
  builder
    .stream('in', serde)
    .groupByKey()
    .windowedBy(tumblingWindows({ sizeMs: 60_000, graceMs }))
    .count({ store: 'counts' })
    .toStream()
    .map((window, count) => ({ key: window.key, value: count ?? 0 }), serde)
    .to('out')
  return builder.build()
}

function withProcessor(supplier: ProcessorSupplier<string, number, string, number>): Topology {
  const builder = createStreamsBuilder()
  builder.stream('in', serde).process(supplier, serde).to('out')
  return builder.build()
}

function plainCounts(logging: { readonly logging?: false } = {}): Topology {
  const spec = keyValueStore({ name: 'counts', ...serde, ...logging })
  return withProcessor({
    stores: [spec],
    get: () => {
      let count: (key: string) => number
      return {
        init(context) {
          const store = context.store(spec)
          count = (key) => {
            const next = (store.get(key) ?? 0) + 1
            store.put(key, next)
            return next
          }
          this.process = (record) => context.forward({ ...record, value: count(record.key) })
        },
        process() {},
      }
    },
  })
}

function timestampedCounts(logging: { readonly logging?: false } = {}): Topology {
  const spec = timestampedKeyValueStore({ name: 'counts', ...serde, ...logging })
  return withProcessor({
    stores: [spec],
    get: () => ({
      init(context) {
        const store = context.store(spec)
        this.process = (record) => {
          const value = (store.get(record.key)?.value ?? 0) + 1
          store.put(record.key, { value, timestampMs: record.timestampMs })
          context.forward({ ...record, value })
        }
      },
      process() {},
    }),
  })
}

function countsWithHeaders(logging: { readonly logging?: false } = {}): Topology {
  const spec = timestampedKeyValueStoreWithHeaders({ name: 'counts', ...serde, ...logging })
  return withProcessor({
    stores: [spec],
    get: () => ({
      init(context) {
        const store = context.store(spec)
        this.process = (record) => {
          const value = (store.get(record.key)?.value ?? 0) + 1
          const headers = [...record.headers, { key: 'count', value: null }]
          store.put(record.key, { value, timestampMs: record.timestampMs, headers })
          context.forward({ ...record, value })
        }
      },
      process() {},
    }),
  })
}

let world: ThreadWorld
let sent = 0

beforeEach(async () => {
  world = await createThreadWorld(['in', 'out'])
  sent = 0
})

afterEach(() => world.close())

/** Sends so many records, and runs the topology until they are committed; gives the error that ended it before. */
async function run(topology: Topology, count: number): Promise<unknown> {
  const record = { key: 'k', value: serdes.int64.serialize(1, 'in'), timestampMs: 1e9 }
  await world.send('in', new Array(count).fill(record))
  sent += count
  return world.run(topology)
}

async function outputs(): Promise<readonly (number | undefined)[]> {
  const records = await world.read('out', sent)
  return records.map(({ value }) => (value === null ? undefined : serdes.int64.deserialize(value, 'out')))
}

const changes: readonly (readonly [string, Topology, Topology])[] = [
  // The grace period makes the retention, and the retention the length of a segment.
  ['another grace period', windowedCounts(1_000_000), windowedCounts(5_000_000)],
  ['a store that keeps timestamps now', plainCounts(), timestampedCounts()],
  ['a store that keeps timestamps no more', timestampedCounts(), plainCounts()],
  ['a store that keeps headers now', timestampedCounts(), countsWithHeaders()],
  ['a store that keeps headers no more', countsWithHeaders(), timestampedCounts()],
]

test.each(changes)('%s: counting goes on', async (_name, before, after) => {
  expect(await run(before, 2)).toBeUndefined()
  expect(await run(after, 1)).toBeUndefined()
  expect(await outputs()).toEqual([1, 2, 3])
})

const noLog = { logging: false } as const

test.each([
  ['a timestamp', timestampedCounts(noLog)],
  ['neither timestamp', plainCounts(noLog)],
])('a store with headers reads what it wrote with %s nor headers, without a changelog', async (_name, before) => {
  expect(await run(before, 2)).toBeUndefined()
  // The second time, nothing is left in the old layout.
  expect(await run(countsWithHeaders(noLog), 1)).toBeUndefined()
  expect(await run(countsWithHeaders(noLog), 1)).toBeUndefined()
  expect(await outputs()).toEqual([1, 2, 3, 4])
  const error = await run(timestampedCounts(noLog), 1)
  expect(hasCode(error, 'TOPOLOGY_INVALID')).toBe(true)
  expect(await run(countsWithHeaders(noLog), 0)).toBeUndefined()
  expect(await outputs()).toEqual([1, 2, 3, 4, 5])
})

test('a store without changelog that cannot be read any more is not wiped', async () => {
  expect(await run(plainCounts(noLog), 2)).toBeUndefined()
  const error = await run(timestampedCounts(noLog), 1)
  expect(hasCode(error, 'TOPOLOGY_INVALID')).toBe(true)
  expect(String(error)).toMatch("store counts of task 0_0 was written as 'key-value'")
  expect(await run(plainCounts(noLog), 0)).toBeUndefined()
  expect(await outputs()).toEqual([1, 2, 3])
})

/** int64 after a schema's number; numbers other than its own are to be loaded before they can be read. */
function versionedInt64(version: number): Serde<number> & { readonly loads: number[] } {
  const known = new Set([version])
  const loads: number[] = []
  return {
    name: `int64 v${version}`,
    loads,
    serialize: (data, topic) => Uint8Array.of(version, ...serdes.int64.serialize(data, topic)),
    deserialize(bytes, topic) {
      if (!known.has(bytes[0] as number)) throw new Error(`schema ${bytes[0]} is not loaded`)
      return serdes.int64.deserialize(bytes.subarray(1), topic)
    },
    prepare(bytes) {
      const schema = bytes[0] as number
      if (known.has(schema)) return undefined
      return nodeClock.sleep(1).then(() => {
        loads.push(schema)
        known.add(schema)
      })
    },
  }
}

test.each(['key-value', 'versioned', 'window'])(
  'a restored %s store reads what an older schema has written',
  async (kind) => {
    const topologyOf = (value: Serde<number>): Topology => {
      const builder = createStreamsBuilder()
      const grouped = builder.stream('in', serde).groupByKey()
      const add = (_key: string, _value: number, sum: number): number => sum + 1
      const windows = tumblingWindows({ sizeMs: 60_000, graceMs: 0 })
      const store =
        kind === 'versioned'
          ? versionedKeyValueStore({ name: 'sums', key: serdes.string, value, historyRetentionMs: 60_000 })
          : 'sums'
      if (kind === 'window') {
        const sums = grouped.windowedBy(windows).aggregate(() => 0, add, { store: 'sums', value })
        sums
          .toStream()
          .map((window, sum) => ({ key: window.key, value: sum ?? 0 }), serde)
          .to('out')
      } else {
        const sums = grouped.aggregate(() => 0, add, { store, value } as never)
        sums
          .toStream()
          .mapValues((sum: number | null) => sum ?? 0, { value: serdes.int64 })
          .to('out')
      }
      return builder.build()
    }
    expect(await run(topologyOf(versionedInt64(1)), 2)).toBeUndefined()
    // The machine dies: state is restored from the changelog, by a program with a newer schema.
    world.engine = createMemoryEngine()
    const newer = versionedInt64(2)
    expect(await run(topologyOf(newer), 1)).toBeUndefined()
    expect(await outputs()).toEqual([1, 2, 3])
    expect(newer.loads[0]).toBe(1)
  },
)
