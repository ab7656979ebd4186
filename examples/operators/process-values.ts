import {
  createStreamsBuilder,
  type FixedKeyProcessorContext,
  type FixedKeyProcessorSupplier,
  type KeyValueStore,
  keyValueStore,
  serdes,
} from 'mto'

const last = keyValueStore({ name: 'last-amounts', key: serdes.string, value: serdes.int64 })

/** The difference to the payment before. The key cannot change, so counting by it needs no repartition. */
const differences: FixedKeyProcessorSupplier<string, number, number> = {
  get: () => {
    let context: FixedKeyProcessorContext<string, number>
    let store: KeyValueStore<string, number>
    return {
      init: (given) => {
        context = given
        store = context.store(last)
      },
      process: (record) => {
        const before = store.get(record.key)
        store.put(record.key, record.value)
        if (before !== undefined) context.forward({ ...record, value: record.value - before })
      },
    }
  },
}

export function topology() {
  const builder = createStreamsBuilder().addStateStore(last)
  const changes = builder
    .stream('payments', { key: serdes.string, value: serdes.int64 })
    .processValues(differences, { name: 'differences', stores: ['last-amounts'], value: serdes.int64 })
  changes.to('differences')
  changes.groupByKey().count({ store: 'difference-counts' }).toStream().to('difference-counts')
  return builder.build()
}
