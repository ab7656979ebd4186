import type { Processor, ProcessorContext, ProcessorSupplier } from '../topology/processor.ts'
import type { StreamRecord } from '../topology/record.ts'
import type { Predicate } from './functions.ts'

/** Passes on the records for which the predicate is true. */
export function filter<K, V>(predicate: Predicate<K, V>): ProcessorSupplier<K, V, K, V> {
  return { get: () => new FilterProcessor(predicate, true) }
}

/** Passes on the records for which the predicate is false. */
export function filterNot<K, V>(predicate: Predicate<K, V>): ProcessorSupplier<K, V, K, V> {
  return { get: () => new FilterProcessor(predicate, false) }
}

class FilterProcessor<K, V> implements Processor<K, V, K, V> {
  readonly #predicate: Predicate<K, V>
  readonly #wanted: boolean
  #context!: ProcessorContext<K, V>

  constructor(predicate: Predicate<K, V>, wanted: boolean) {
    this.#predicate = predicate
    this.#wanted = wanted
  }

  init(context: ProcessorContext<K, V>): void {
    this.#context = context
  }

  process(record: StreamRecord<K, V>): void {
    const predicate = this.#predicate
    if (predicate(record.key, record.value) === this.#wanted) this.#context.forward(record)
  }
}
