import type { Processor, ProcessorContext, ProcessorSupplier } from '../topology/processor.ts'
import type { StreamRecord } from '../topology/record.ts'

/** Passes every record on unchanged: where several streams, or the aggregations of a cogroup, become one. */
export function passThrough<K, V>(): ProcessorSupplier<K, V, K, V> {
  return { get: () => new PassThroughProcessor() }
}

class PassThroughProcessor<K, V> implements Processor<K, V, K, V> {
  #context!: ProcessorContext<K, V>

  init(context: ProcessorContext<K, V>): void {
    this.#context = context
  }

  process(record: StreamRecord<K, V>): void {
    this.#context.forward(record)
  }
}
