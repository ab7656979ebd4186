import {
  type FixedKeyProcessorSupplier,
  keyValueStore,
  type ProcessorSupplier,
  type PunctuationType,
  serdes,
  tumblingWindows,
} from '#streams'
import { SECOND_MS, stream, table, text, windowText } from './shared.ts'
import { numberOf, type Text, textOf } from './text.ts'
import type { OracleTopology } from './topologies.ts'

/** Forwards `value-previous` of each key. */
function deltas(): FixedKeyProcessorSupplier<Text, Text, Text> {
  const previous = keyValueStore({ name: 'prev', key: serdes.string, value: serdes.string })
  return {
    stores: [previous],
    get() {
      let forward: (record: Parameters<ReturnType<typeof this.get>['process']>[0]) => void
      let store: ReturnType<typeof openPrevious>
      const openPrevious = (context: Parameters<NonNullable<ReturnType<typeof this.get>['init']>>[0]) =>
        context.store(previous)
      return {
        init(context) {
          store = openPrevious(context)
          forward = (record) => context.forward(record)
        },
        process(record) {
          const { key, value } = record
          if (key === null) return
          if (value === null) {
            store.delete(key)
            forward(record)
            return
          }
          forward({ ...record, value: `${value}-${store.get(key) ?? 'none'}` })
          store.put(key, value)
        },
      }
    },
  }
}

/** Lets a key and value pass again only after more than 10 s. */
function deduplication(): ProcessorSupplier<Text, Text, Text, Text> {
  const seen = keyValueStore({ name: 'seen', key: serdes.string, value: serdes.int64 })
  return {
    stores: [seen],
    get() {
      let context: Parameters<NonNullable<ReturnType<ProcessorSupplier<Text, Text, Text, Text>['get']>['init']>>[0]
      return {
        init(own) {
          context = own
        },
        process(record) {
          const store = context.store(seen)
          const id = `${textOf(record.key)}/${textOf(record.value)}`
          const lastMs = store.get(id)
          if (lastMs !== undefined && record.timestampMs - lastMs <= 10 * SECOND_MS) return
          context.forward(record)
          store.put(id, record.timestampMs)
        },
      }
    },
  }
}

/** Counts by key; every 10 s the counts go out and begin anew. */
function punctuatedCounts(type: PunctuationType): ProcessorSupplier<Text, Text, Text, Text> {
  const counts = keyValueStore({ name: 'n', key: serdes.string, value: serdes.int64 })
  return {
    stores: [counts],
    get() {
      let count: (key: string) => void
      return {
        init(context) {
          const store = context.store(counts)
          count = (key) => store.put(key, (store.get(key) ?? 0) + 1)
          context.schedule({ intervalMs: 10 * SECOND_MS, type }, (timestampMs) => {
            const entries = [...store.all()]
            for (const { key, value } of entries) {
              context.forward({ key, value: `${value}@${timestampMs}`, timestampMs, headers: [] })
            }
            for (const { key } of entries) store.delete(key)
          })
        },
        process({ key }) {
          if (key !== null) count(key)
        },
      }
    },
  }
}

const TEXT_RESULT = { key: text, value: text } as const
const beforeBar = (value: string): number => numberOf(value.split('|')[0] ?? null)

export const processTopologies: Readonly<Record<string, OracleTopology>> = {
  process_values_delta: (builder) => stream(builder, 'in').processValues(deltas(), { value: text }).to('out'),

  process_dedup: (builder) => stream(builder, 'in').process(deduplication(), TEXT_RESULT).to('out'),

  punctuate_stream_time: (builder) =>
    stream(builder, 'in').process(punctuatedCounts('stream-time'), TEXT_RESULT).to('out'),

  punctuate_wall_clock: (builder) =>
    stream(builder, 'in').process(punctuatedCounts('wall-clock-time'), TEXT_RESULT).to('out'),

  pipeline_sacco: (builder) => {
    const members = table(builder, 'members', 'm')
    const joined = stream(builder, 'events').join(members, (event, member) => `${event}|${member}`, {
      value: serdes.string,
    })
    const byMember = joined.groupByKey()
    byMember
      .aggregate(
        () => '0',
        (_key, value, balance) => String(numberOf(balance) + beforeBar(value)),
        { store: 'bal', value: serdes.string },
      )
      .toStream()
      .to('balances')
    byMember
      .windowedBy(tumblingWindows({ sizeMs: 10 * SECOND_MS, graceMs: 5 * SECOND_MS }))
      .aggregate(
        () => '0/0',
        (_key, value, aggregate) => {
          const [total = '0', count = '0'] = aggregate.split('/')
          return `${numberOf(total) + beforeBar(value)}/${numberOf(count) + 1}`
        },
        { store: 'vel', value: serdes.string },
      )
      .toStream()
      .selectKey(windowText, { key: serdes.string })
      .filter((_key, value) => {
        const [total = '0', count = '0'] = (value ?? '0/0').split('/')
        return numberOf(total) > 15 || numberOf(count) > 3
      })
      .to('alerts')
  },
}
