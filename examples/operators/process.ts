import {
  createStreamsBuilder,
  type ProcessorContext,
  type ProcessorSupplier,
  serdes,
  type TimestampedKeyValueStore,
  timestampedKeyValueStore,
} from 'mto'

const HOUR_MS = 3_600_000
const seen = timestampedKeyValueStore({ name: 'seen-receipts', key: serdes.string, value: serdes.string })

/** Lets a receipt through once, and forgets it after an hour of stream time. */
const deduplicate: ProcessorSupplier<string, string, string, string> = {
  stores: [seen],
  get: () => {
    let context: ProcessorContext<string, string>
    let store: TimestampedKeyValueStore<string, string>
    return {
      init: (given) => {
        context = given
        store = context.store(seen)
        context.schedule({ intervalMs: HOUR_MS / 4, type: 'stream-time' }, (nowMs) => {
          for (const { key, value } of store.all()) if (value.timestampMs <= nowMs - HOUR_MS) store.delete(key)
        })
      },
      process: (record) => {
        const { key, value, timestampMs } = record
        if (store.putIfAbsent(value, { value: key, timestampMs }) === undefined) context.forward(record)
      },
    }
  },
}

export function topology() {
  const builder = createStreamsBuilder()
  builder
    .stream('receipts', { key: serdes.string, value: serdes.string })
    .process(deduplicate, { name: 'deduplicate', key: serdes.string, value: serdes.string })
    .to('receipts-once')
  return builder.build()
}
