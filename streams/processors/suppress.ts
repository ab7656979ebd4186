import type { Serde } from '../ports/index.ts'
import type { CustomStoreSpec, StorePersistence, Windowed } from '../stores/types.ts'
import type { ProcessorSupplier, TableValueGetterSupplier } from '../topology/processor.ts'
import type { Change } from '../topology/record.ts'
import type { SuppressBuffer } from './suppress-buffer.ts'

/** `Infinity` = no bound. Bytes are counted as Java counts them (keys and values serialized). */
export type SuppressBufferLimits = {
  readonly recordsMax: number
  readonly bytesMax: number
  readonly whenFull: 'emit-early' | 'shut-down'
}
/** Java: BufferConfig.unbounded(). */
export const UNBOUNDED: SuppressBufferLimits = {
  recordsMax: Infinity,
  bytesMax: Infinity,
  whenFull: 'shut-down',
}

export type SuppressBufferOptions<K, V> = {
  readonly name: string
  readonly keySerde: Serde<K>
  readonly valueSerde: Serde<V>
  /** `memory` is restored whole at start (as Java's); `persistent` keeps a local copy and restores what is missing. */
  readonly persistence: StorePersistence
  readonly logging: { readonly config?: Readonly<Record<string, string>> } | undefined
}

/** The store that a suppression needs. */
export function suppressBufferStore<K, V>(
  _options: SuppressBufferOptions<K, V>,
): CustomStoreSpec<SuppressBuffer<K, V>> {
  throw new Error('in work')
}

export type SuppressOptions<K, V> = {
  readonly store: CustomStoreSpec<SuppressBuffer<K, V>>
  readonly limits: SuppressBufferLimits
}

/** Holds the latest change of each key until `waitMs` of stream time after the first one it stands for. The parent must send old values. */
export function suppressUntilTimeLimit<K, V>(
  _options: SuppressOptions<K, V> & { readonly waitMs: number },
): ProcessorSupplier<K, Change<V>, K, Change<V>> {
  throw new Error('in work')
}

/** Sends only the last change of each window, once, when the window and its grace have passed. `graceMs`: as the windows upstream (sessions: gap + grace). */
export function suppressUntilWindowCloses<K, V>(
  _options: SuppressOptions<Windowed<K>, V> & { readonly graceMs: number },
): ProcessorSupplier<Windowed<K>, Change<V>, Windowed<K>, Change<V>> {
  throw new Error('in work')
}

export function suppressValueGetter<K, V>(
  _store: CustomStoreSpec<SuppressBuffer<K, V>>,
  _parent: TableValueGetterSupplier<K, V>,
): TableValueGetterSupplier<K, V> {
  throw new Error('in work')
}
