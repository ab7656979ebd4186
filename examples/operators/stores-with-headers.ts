import {
  createStreamsBuilder,
  type ProcessorContext,
  type ProcessorSupplier,
  serdes,
  type TimestampedKeyValueStoreWithHeaders,
  timestampedKeyValueStoreWithHeaders,
} from 'mto'

const limits = timestampedKeyValueStoreWithHeaders({ name: 'limits', key: serdes.string, value: serdes.int64 })

const text = (bytes: Uint8Array | null | undefined): string => new TextDecoder().decode(bytes ?? new Uint8Array())

/** Keeps each limit with the header that says who set it, and tells of each change who had set the one before. */
const keep: ProcessorSupplier<string, number, string, string> = {
  stores: [limits],
  get: () => {
    let context: ProcessorContext<string, string>
    let store: TimestampedKeyValueStoreWithHeaders<string, number>
    return {
      init: (given) => {
        context = given
        store = context.store(limits)
      },
      process: (record) => {
        const { key, value, timestampMs } = record
        const before = store.get(key)
        const setBy = { key: 'set-by', value: new TextEncoder().encode(value > 1_000 ? 'manager' : 'clerk') }
        store.put(key, { value, timestampMs, headers: [...record.headers, setBy] })
        if (before === undefined) return
        const author = before.headers.findLast((header) => header.key === 'set-by')
        context.forward({ ...record, value: `was ${before.value}, set by the ${text(author?.value)}` })
      },
    }
  },
}

export function topology() {
  const builder = createStreamsBuilder()
  builder
    .stream('limits', { key: serdes.string, value: serdes.int64 })
    .process(keep, { name: 'keep', key: serdes.string, value: serdes.string })
    .to('changes')
  return builder.build()
}
