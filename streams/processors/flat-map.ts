import type { Processor, ProcessorContext, ProcessorSupplier } from '../topology/processor.ts'
import type { StreamRecord } from '../topology/record.ts'
import { isNull, type KeyValuePair, type ValueMapper } from './functions.ts'

/** Any number of records for each record; timestamp and headers stay. */
export function flatMap<K, V, KOut, VOut>(
  mapper: (key: K, value: V) => Iterable<KeyValuePair<KOut, VOut>>,
): ProcessorSupplier<K, V, KOut, VOut> {
  return { get: () => new FlatMapProcessor(mapper) }
}

/** Any number of values for each record; the key stays. */
export function flatMapValues<K, V, VOut>(mapper: ValueMapper<K, V, Iterable<VOut>>): ProcessorSupplier<K, V, K, VOut> {
  return { get: () => new FlatMapValuesProcessor(mapper) }
}

class FlatMapProcessor<K, V, KOut, VOut> implements Processor<K, V, KOut, VOut> {
  readonly #mapper: (key: K, value: V) => Iterable<KeyValuePair<KOut, VOut>>
  #context!: ProcessorContext<KOut, VOut>

  constructor(mapper: (key: K, value: V) => Iterable<KeyValuePair<KOut, VOut>>) {
    this.#mapper = mapper
  }

  init(context: ProcessorContext<KOut, VOut>): void {
    this.#context = context
  }

  process(record: StreamRecord<K, V>): void {
    const mapper = this.#mapper
    const pairs = mapper(record.key, record.value)
    if (isNull(pairs)) throw new TypeError('the function given to flatMap returned nothing to iterate over')
    const { timestampMs, headers } = record
    for (const { key, value } of pairs) this.#context.forward({ key, value, timestampMs, headers })
  }
}

class FlatMapValuesProcessor<K, V, VOut> implements Processor<K, V, K, VOut> {
  readonly #mapper: ValueMapper<K, V, Iterable<VOut>>
  #context!: ProcessorContext<K, VOut>

  constructor(mapper: ValueMapper<K, V, Iterable<VOut>>) {
    this.#mapper = mapper
  }

  init(context: ProcessorContext<K, VOut>): void {
    this.#context = context
  }

  process(record: StreamRecord<K, V>): void {
    const mapper = this.#mapper
    const { key, timestampMs, headers } = record
    const values = mapper(record.value, key)
    if (isNull(values)) throw new TypeError('the function given to flatMapValues returned nothing to iterate over')
    for (const value of values) this.#context.forward({ key, value, timestampMs, headers })
  }
}
