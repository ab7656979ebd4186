import type { SessionStoreSpec, Windowed } from '../stores/types.ts'
import type { ProcessorSupplier } from '../topology/processor.ts'
import type { Change } from '../topology/record.ts'
import type { EmitStrategy } from './emit-strategy.ts'
import type { Aggregator, Initializer, SessionMerger } from './functions.ts'
import type { SessionWindows } from './windows.ts'

export type SessionAggregateOptions<K, V, A> = {
  readonly windows: SessionWindows
  readonly store: SessionStoreSpec<K, A>
  readonly initializer: Initializer<A>
  readonly aggregator: Aggregator<K, V, A>
  readonly merger: SessionMerger<K, A>
  readonly emit: EmitStrategy
  readonly sendOldValues: boolean
}

export function sessionAggregate<K, V, A>(
  _options: SessionAggregateOptions<K, V, A>,
): ProcessorSupplier<K, V, Windowed<K>, Change<A>> {
  throw new Error('in work')
}
