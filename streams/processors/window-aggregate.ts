import type { Windowed, WindowStoreSpec } from '../stores/types.ts'
import type { ProcessorSupplier } from '../topology/processor.ts'
import type { Change } from '../topology/record.ts'
import type { EmitStrategy } from './emit-strategy.ts'
import type { Aggregator, Initializer } from './functions.ts'
import type { CustomWindows, TimeWindows, UnlimitedWindows } from './windows.ts'

export type WindowAggregateOptions<K, V, A> = {
  readonly windows: TimeWindows | UnlimitedWindows | CustomWindows
  /** Timestamped; `retentionMs` at least window size + grace. */
  readonly store: WindowStoreSpec<K, A>
  readonly initializer: Initializer<A>
  readonly aggregator: Aggregator<K, V, A>
  /** `on-window-close` only with time windows. */
  readonly emit: EmitStrategy
  readonly sendOldValues: boolean
}

export function windowAggregate<K, V, A>(
  _options: WindowAggregateOptions<K, V, A>,
): ProcessorSupplier<K, V, Windowed<K>, Change<A>> {
  throw new Error('in work')
}
