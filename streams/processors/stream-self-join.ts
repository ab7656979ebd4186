import type { InternalProcessorContext, Processor, ProcessorContext, ProcessorSupplier } from '../topology/processor.ts'
import type { StreamRecord } from '../topology/record.ts'
import { dropRecord } from './dropped-record.ts'
import type { JoinWindows, ValueJoiner } from './joins.ts'
import { type JoinWindowValues, openJoinWindow } from './stores-with-headers.ts'
import { joinWindowed } from './stream-stream-join.ts'
import { type JoinWindowStoreSpec, joinWindowSizeMs } from './stream-stream-join-stores.ts'

export type StreamSelfJoinOptions<K, V, Out> = {
  readonly windows: JoinWindows
  readonly store: JoinWindowStoreSpec<K, V>
  readonly joiner: ValueJoiner<V, V, Out, K>
}

export type StreamSelfJoin<K, V, Out> = {
  readonly windowed: ProcessorSupplier<K, V, K, V>
  /** Child of `windowed`; takes the place of the merge node (`KSTREAM-MERGE-`). */
  readonly selfJoin: ProcessorSupplier<K, V, K, Out>
}

/** An inner join of a stream with itself over one store, made by the optimiser. Java: KStreamKStreamSelfJoin. */
export function streamSelfJoin<K, V, Out>(options: StreamSelfJoinOptions<K, V, Out>): StreamSelfJoin<K, V, Out> {
  return {
    windowed: joinWindowed(options.store),
    selfJoin: { get: () => new StreamSelfJoinProcessor(options), stores: [options.store] },
  }
}

/** Gives the records that an inner join of the stream with itself gives, in its order. */
class StreamSelfJoinProcessor<K, V, Out> implements Processor<K, V, K, Out> {
  readonly #options: StreamSelfJoinOptions<K, V, Out>
  readonly #retentionMs: number
  readonly #streamTimeName: string
  #context!: InternalProcessorContext<K, Out>
  #store!: JoinWindowValues<K, V>
  #streamTimeMs = -1

  constructor(options: StreamSelfJoinOptions<K, V, Out>) {
    this.#options = options
    this.#retentionMs = joinWindowSizeMs(options.windows) + options.windows.graceMs
    this.#streamTimeName = `${options.store.name}-stream-time`
  }

  init(context: ProcessorContext<K, Out>): void {
    this.#context = context as InternalProcessorContext<K, Out>
    this.#store = openJoinWindow(context, this.#options.store)
    this.#streamTimeMs = this.#context.timeMetadata(this.#streamTimeName) ?? -1
  }

  process(record: StreamRecord<K, V>): void {
    if (record.key === null || record.value === null) {
      dropRecord(this.#context, 'null-key-or-value', record)
      return
    }
    if (record.timestampMs > this.#streamTimeMs) {
      this.#streamTimeMs = record.timestampMs
      this.#context.setTimeMetadata(this.#streamTimeName, record.timestampMs)
    }
    this.#joinAsLeft(record)
    this.#joinAsRightAndWithItself(record)
  }

  #joinAsLeft(record: StreamRecord<K, V>): void {
    const { windows, joiner } = this.#options
    const fromMs = Math.max(0, record.timestampMs - windows.beforeMs)
    const toMs = Math.max(0, record.timestampMs + windows.afterMs)
    for (const other of this.#store.fetchRange(record.key, fromMs, toMs)) {
      this.#forward(record, joiner(record.value, other.value, record.key), other.startMs)
    }
  }

  /** The pair of the record with itself goes out at its place in time, unless its window is gone. */
  #joinAsRightAndWithItself(record: StreamRecord<K, V>): void {
    const { windows, joiner } = this.#options
    let joinsItself = record.timestampMs > this.#streamTimeMs - this.#retentionMs + 1
    const fromMs = Math.max(0, record.timestampMs - windows.afterMs)
    const toMs = Math.max(0, record.timestampMs + windows.beforeMs)
    for (const other of this.#store.fetchRange(record.key, fromMs, toMs)) {
      if (joinsItself && record.timestampMs < other.startMs) {
        joinsItself = false
        this.#forward(record, joiner(record.value, record.value, record.key), record.timestampMs)
      }
      this.#forward(record, joiner(other.value, record.value, record.key), other.startMs)
    }
    if (joinsItself) this.#forward(record, joiner(record.value, record.value, record.key), record.timestampMs)
  }

  #forward(record: StreamRecord<K, V>, value: Out, otherMs: number): void {
    const timestampMs = Math.max(otherMs, record.timestampMs)
    this.#context.forward({ key: record.key, value, timestampMs, headers: record.headers })
  }
}
