import type { Serde } from '../ports/index.ts'
import type { KeyValueStoreSpec, StorePersistence, WindowStoreSpec } from '../stores/types.ts'
import type { JoinWindows } from './joins.ts'

/** In byte order: by time, then right before left, then by key. */
export type OuterJoinKey<K> = {
  readonly timestampMs: number
  readonly isLeft: boolean
  readonly key: K
}

/** Exactly one of the two is not null. */
export type LeftOrRight<L, R> = {
  readonly left: L | null
  readonly right: R | null
}

export type OuterJoinStoreSpec<K, L, R> = KeyValueStoreSpec<OuterJoinKey<K>, readonly LeftOrRight<L, R>[]>

type StoreOptions = {
  /** With Java's `-store` suffix. */
  readonly name: string
  readonly windows: JoinWindows
  readonly persistence: StorePersistence
  readonly logging: { readonly config?: Readonly<Record<string, string>> } | undefined
}

/** The window store of one side. Java: StreamJoinedStoreFactory (retention, duplicates, cleanup policy `delete`). */
export function joinWindowStoreSpec<K, V>(
  options: StoreOptions & {
    readonly keySerde: Serde<K>
    readonly valueSerde: Serde<V>
  },
): WindowStoreSpec<K, V> {
  throw new Error(`join window store ${options.name} is being written`)
}

/** The store of unmatched records that both sides of a left or outer join share. Java: OuterStreamJoinStoreFactory. */
export function outerJoinStoreSpec<K, L, R>(
  options: Omit<StoreOptions, 'windows'> & {
    readonly keySerde: Serde<K>
    readonly leftSerde: Serde<L>
    readonly rightSerde: Serde<R>
  },
): OuterJoinStoreSpec<K, L, R> {
  throw new Error(`outer join store ${options.name} is being written`)
}
