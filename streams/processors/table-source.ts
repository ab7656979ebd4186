import type { ProcessorSupplier } from '../topology/processor.ts'
import type { Change } from '../topology/record.ts'
import type { TableStoreSpec } from './stream-aggregate.ts'

export type TableSourceOptions<K, V> = {
  /** Undefined: nobody needs the table's state, changes are only passed on. */
  readonly store: TableStoreSpec<K, V> | undefined
  readonly sendOldValues: boolean
  /**
   * Leaves out updates that change nothing (KIP-557): same bytes, timestamp not earlier. Java implemented this and
   * switched it off again (KAFKA-12508); default false.
   */
  readonly emitOnChange?: boolean
}

/** Reads a topic, or a stream (`toTable`), as a table. Also the processor of global tables. */
export function tableSource<K, V>(_options: TableSourceOptions<K, V>): ProcessorSupplier<K, V | null, K, Change<V>> {
  throw new Error('in work')
}
