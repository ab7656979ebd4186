import type { Processor, ProcessorContext, ProcessorSupplier } from '../topology/processor.ts'
import type { Change, StreamRecord } from '../topology/record.ts'

/** The table's changes as a stream of their new values; null where a row is removed. Java: KTable.toStream. */
export function tableToStream<K, V>(): ProcessorSupplier<K, Change<V>, K, V | null> {
  return { get: () => new TableToStreamProcessor() }
}

class TableToStreamProcessor<K, V> implements Processor<K, Change<V>, K, V | null> {
  #context!: ProcessorContext<K, V | null>

  init(context: ProcessorContext<K, V | null>): void {
    this.#context = context
  }

  process(record: StreamRecord<K, Change<V>>): void {
    const { key, timestampMs, headers } = record
    this.#context.forward({ key, value: record.value.newValue, timestampMs, headers })
  }
}
