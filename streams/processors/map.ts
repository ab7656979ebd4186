import type { Processor, ProcessorContext, ProcessorSupplier } from '../topology/processor.ts'
import type { StreamRecord } from '../topology/record.ts'
import { isNull, type KeyValueMapper, type ValueMapper } from './functions.ts'

/** A new key and value for each record; timestamp and headers stay. */
export function map<K, V, KOut, VOut>(mapper: KeyValueMapper<K, V, KOut, VOut>): ProcessorSupplier<K, V, KOut, VOut> {
  return { get: () => new MapProcessor(mapper) }
}

/** A new value for each record (also for null values); the key, and so the partition, stays. */
export function mapValues<K, V, VOut>(mapper: ValueMapper<K, V, VOut>): ProcessorSupplier<K, V, K, VOut> {
  return { get: () => new MapValuesProcessor(mapper) }
}

/** A new key for each record. */
export function selectKey<K, V, KOut>(selector: (key: K, value: V) => KOut): ProcessorSupplier<K, V, KOut, V> {
  return { get: () => new SelectKeyProcessor(selector) }
}

class MapProcessor<K, V, KOut, VOut> implements Processor<K, V, KOut, VOut> {
  readonly #mapper: KeyValueMapper<K, V, KOut, VOut>
  #context!: ProcessorContext<KOut, VOut>

  constructor(mapper: KeyValueMapper<K, V, KOut, VOut>) {
    this.#mapper = mapper
  }

  init(context: ProcessorContext<KOut, VOut>): void {
    this.#context = context
  }

  process(record: StreamRecord<K, V>): void {
    const mapper = this.#mapper
    const pair = mapper(record.key, record.value)
    if (isNull(pair)) throw new TypeError('the function given to map returned no key-value pair')
    const { timestampMs, headers } = record
    this.#context.forward({
      key: pair.key,
      value: pair.value,
      timestampMs,
      headers,
    })
  }
}

class MapValuesProcessor<K, V, VOut> implements Processor<K, V, K, VOut> {
  readonly #mapper: ValueMapper<K, V, VOut>
  #context!: ProcessorContext<K, VOut>

  constructor(mapper: ValueMapper<K, V, VOut>) {
    this.#mapper = mapper
  }

  init(context: ProcessorContext<K, VOut>): void {
    this.#context = context
  }

  process(record: StreamRecord<K, V>): void {
    const mapper = this.#mapper
    const { key, timestampMs, headers } = record
    this.#context.forward({
      key,
      value: mapper(record.value, key),
      timestampMs,
      headers,
    })
  }
}

class SelectKeyProcessor<K, V, KOut> implements Processor<K, V, KOut, V> {
  readonly #selector: (key: K, value: V) => KOut
  #context!: ProcessorContext<KOut, V>

  constructor(selector: (key: K, value: V) => KOut) {
    this.#selector = selector
  }

  init(context: ProcessorContext<KOut, V>): void {
    this.#context = context
  }

  process(record: StreamRecord<K, V>): void {
    const selector = this.#selector
    const { value, timestampMs, headers } = record
    this.#context.forward({
      key: selector(record.key, value),
      value,
      timestampMs,
      headers,
    })
  }
}
