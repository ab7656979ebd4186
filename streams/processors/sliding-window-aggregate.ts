import type { Windowed, WindowStoreSpec } from '../stores/types.ts'
import type { ProcessorSupplier } from '../topology/processor.ts'
import type { Change } from '../topology/record.ts'
import type { EmitStrategy } from './emit-strategy.ts'
import type { Aggregator, Initializer } from './functions.ts'
import type { SlidingWindows } from './windows.ts'

export type SlidingWindowAggregateOptions<K, V, A> = {
  readonly windows: SlidingWindows
  /** Timestamped; `retentionMs` at least 2 × timeDifference + grace. */
  readonly store: WindowStoreSpec<K, A>
  readonly initializer: Initializer<A>
  readonly aggregator: Aggregator<K, V, A>
  readonly emit: EmitStrategy
  readonly sendOldValues: boolean
}

export function slidingWindowAggregate<K, V, A>(
  _options: SlidingWindowAggregateOptions<K, V, A>,
): ProcessorSupplier<K, V, Windowed<K>, Change<A>> {
  throw new Error('in work')
}
