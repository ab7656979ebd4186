import {
  createStreamsBuilder,
  type KeyValueStore,
  keyValueStore,
  nullable,
  type ProcessorContext,
  type ProcessorSupplier,
  serdes,
} from 'mto'

const limits = keyValueStore({ name: 'limits', key: serdes.string, value: serdes.int64 })
const holidays = keyValueStore({ name: 'holidays', key: serdes.string, value: serdes.string })

/** Keeps a store equal to its topic. */
function keep<V>(store: { readonly name: string }): ProcessorSupplier<string, V | null, never, never> {
  return {
    get: () => {
      let target: KeyValueStore<string, V>
      return {
        init: (context) => {
          target = context.storeByName(store.name)
        },
        process: ({ key, value }) => target.put(key, value),
      }
    },
  }
}

/** Reads both. The limits are those of the record's partition, the holidays are everywhere. */
const check: ProcessorSupplier<string, number, string, string> = {
  get: () => {
    let context: ProcessorContext<string, string>
    let ownLimits: KeyValueStore<string, number>
    let allHolidays: KeyValueStore<string, string>
    return {
      init: (given) => {
        context = given
        ownLimits = context.store(limits)
        allHolidays = context.store(holidays)
      },
      process: (record) => {
        const isAbove = record.value > (ownLimits.get(record.key) ?? 0)
        const holiday = allHolidays.get(new Date(record.timestampMs).toISOString().slice(0, 10))
        if (isAbove || holiday !== undefined) context.forward({ ...record, value: holiday ?? 'above the limit' })
      },
    }
  },
}

export function topology() {
  const builder = createStreamsBuilder()
    // The topic is the changelog: no second copy. Co-partitioned with what reads the store.
    .addReadOnlyStateStore(limits, 'limits', {
      key: serdes.string,
      value: nullable(serdes.int64), // null removes a limit
      supplier: keep(limits),
    })
    // Every instance holds all of it.
    .addGlobalStore(holidays, 'holidays', {
      key: serdes.string,
      value: nullable(serdes.string),
      supplier: keep(holidays),
    })
  builder
    .stream('payments', { key: serdes.string, value: serdes.int64 })
    .process(check, { stores: ['limits'], key: serdes.string, value: serdes.string })
    .to('alerts')
  return builder.build()
}
