import type { Headers, Serde } from '../ports/index.ts'
import type { KeyValueStoreSpec, StorePersistence } from '../stores/types.ts'

/** In byte order: by time, then by key, then by arrival. */
export type GraceBufferKey<K> = {
  readonly timestampMs: number
  readonly key: K
  readonly sequence: number
}

/** The value with the context of its record, which is put back when the record leaves the buffer. */
export type GraceBufferValue<V> = {
  readonly value: V
  readonly timestampMs: number
  readonly offset: number
  readonly topic: string
  readonly partition: number
  readonly headers: Headers
}

export type GraceBufferOptions<K, V> = {
  readonly name: string
  readonly keySerde: Serde<K>
  readonly valueSerde: Serde<V>
  readonly persistence: StorePersistence
  readonly logging: { readonly config?: Readonly<Record<string, string>> } | undefined
}

/** The store in which stream records wait. Java: RocksDBTimeOrderedKeyValueBuffer, whose changelog format it keeps. */
export function graceBufferSpec<K, V>(
  options: GraceBufferOptions<K, V>,
): KeyValueStoreSpec<GraceBufferKey<K>, GraceBufferValue<V>> {
  throw new Error(`grace buffer ${options.name} is being written`)
}
