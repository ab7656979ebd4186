import { assert } from '../base/assert.ts'
import type { Processor, ProcessorContext, ProcessorSupplier } from '../topology/processor.ts'
import type { StreamRecord } from '../topology/record.ts'
import type { Predicate } from './functions.ts'

export type BranchOptions<K, V> = {
  readonly predicates: readonly Predicate<K, V>[]
  /** Child node of each predicate; one more = the default branch. */
  readonly childNames: readonly string[]
}

/** Sends a record to the child of the first predicate that is true, else to the default branch, else nowhere. */
export function branch<K, V>(options: BranchOptions<K, V>): ProcessorSupplier<K, V, K, V> {
  const { predicates, childNames } = options
  const extraNames = childNames.length - predicates.length
  assert(extraNames === 0 || extraNames === 1, 'a branch has a child for each predicate and at most one default')
  return { get: () => new BranchProcessor(options) }
}

class BranchProcessor<K, V> implements Processor<K, V, K, V> {
  readonly #predicates: readonly Predicate<K, V>[]
  readonly #childNames: readonly string[]
  readonly #defaultName: string | undefined
  #context!: ProcessorContext<K, V>

  constructor({ predicates, childNames }: BranchOptions<K, V>) {
    this.#predicates = predicates
    this.#childNames = childNames
    this.#defaultName = childNames[predicates.length]
  }

  init(context: ProcessorContext<K, V>): void {
    this.#context = context
  }

  process(record: StreamRecord<K, V>): void {
    const predicates = this.#predicates
    for (let i = 0; i < predicates.length; i++) {
      const predicate = predicates[i] as Predicate<K, V>
      if (predicate(record.key, record.value)) {
        this.#context.forward(record, this.#childNames[i] as string)
        return
      }
    }
    if (this.#defaultName !== undefined) this.#context.forward(record, this.#defaultName)
  }
}
