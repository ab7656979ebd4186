import { type Bytes, messageOf, readInt64, StreamsError } from '../base/index.ts'
import type { Headers, Serde } from '../ports/index.ts'
import { type ReadHeaders, readHeaders, TIMESTAMP_BYTES } from '../serdes/index.ts'

/**
 * What every kind of store is made of: keys of maps, estimates of size, and serdes whose errors name the store.
 */

/** What a write-buffer entry costs beside its serialized bytes, estimated. */
export const ENTRY_OVERHEAD_BYTES = 160
/** Every so many entries that become dirty, one is serialized just to learn its size. */
const SAMPLE_INTERVAL = 256

/** Average serialized bytes of an entry: exact figures come from commits, samples fill the gap before the first. */
export class SizeEstimate {
  averageBytes = 0

  /** True if the entry that is the `count`-th to become dirty should be measured. */
  wants(count: number): boolean {
    return this.averageBytes === 0 || (count & (SAMPLE_INTERVAL - 1)) === 1
  }

  sample(bytes: number): void {
    this.averageBytes = this.averageBytes === 0 ? bytes : this.averageBytes + (bytes - this.averageBytes) / 8
  }

  /** What a commit has measured. */
  measured(totalBytes: number, count: number): void {
    if (count > 0) this.averageBytes = totalBytes / count
  }
}

/** Set before the characters of an object key's bytes, so that no primitive key is taken for it. */
const OBJECT_KEY_MARK = '\uffff'
const CHARACTERS_PER_CALL = 4096

/** An injective string of bytes: what a key that is an object is found by. */
export function mapKeyOfBytes(bytes: Bytes): string {
  return OBJECT_KEY_MARK + charactersOf(bytes)
}

/** A character for each byte. */
export function charactersOf(bytes: Bytes): string {
  if (bytes.length <= CHARACTERS_PER_CALL) return String.fromCharCode.apply(null, bytes as never)
  let text = ''
  for (let offset = 0; offset < bytes.length; offset += CHARACTERS_PER_CALL) {
    text += String.fromCharCode.apply(null, bytes.subarray(offset, offset + CHARACTERS_PER_CALL) as never)
  }
  return text
}

/** The serdes of one store, with errors that say which store and what to do. */
export class StoreCodec<K, V> {
  readonly #name: string
  readonly #topic: string
  readonly #keySerde: Serde<K>
  readonly #valueSerde: Serde<V>

  constructor(name: string, topic: string, keySerde: Serde<K>, valueSerde: Serde<V>) {
    this.#name = name
    this.#topic = topic
    this.#keySerde = keySerde
    this.#valueSerde = valueSerde
  }

  encodeKey(key: K): Bytes {
    try {
      return this.#keySerde.serialize(key as NonNullable<K>, this.#topic)
    } catch (error) {
      throw this.#unwritable('key', this.#keySerde.name, error)
    }
  }

  /** Stores with headers give them to the serde. */
  encodeValue(value: V, headers?: Headers): Bytes {
    try {
      return this.#valueSerde.serialize(value as NonNullable<V>, this.#topic, headers)
    } catch (error) {
      throw this.#unwritable('value', this.#valueSerde.name, error)
    }
  }

  decodeKey(bytes: Bytes): K {
    try {
      return this.#keySerde.deserialize(bytes, this.#topic)
    } catch (error) {
      throw this.#unreadable('key', this.#keySerde.name, error)
    }
  }

  decodeValue(bytes: Bytes, headers?: Headers): V {
    try {
      return this.#valueSerde.deserialize(bytes, this.#topic, headers)
    } catch (error) {
      throw this.#unreadable('value', this.#valueSerde.name, error)
    }
  }

  headersOf(bytes: Bytes): ReadHeaders {
    try {
      return readHeaders(bytes)
    } catch (error) {
      throw this.#unreadable('value', 'headers', error)
    }
  }

  /** Of a stored value. Bytes that are not there would read as zeros. */
  timestampAt(bytes: Bytes, offset: number): number {
    try {
      if (bytes.length < offset + TIMESTAMP_BYTES) throw new Error(`${bytes.length} bytes are too few`)
      return readInt64(bytes, offset)
    } catch (error) {
      throw this.#unreadable('value', 'timestamp', error)
    }
  }

  #unwritable(what: string, serdeName: string, cause: unknown): StreamsError {
    return new StreamsError(
      'RECORD_UNWRITABLE',
      `store '${this.#name}': the serde ${serdeName} cannot write a ${what}: ${messageOf(cause)}; ` +
        'correct the processor that put it, or the serde of the store',
      { cause },
    )
  }

  #unreadable(what: string, serdeName: string, cause: unknown): StreamsError {
    return new StreamsError(
      'RECORD_UNREADABLE',
      `store '${this.#name}': the serde ${serdeName} cannot read a stored ${what}: ${messageOf(cause)}; ` +
        'if the serde of the store was changed, its state must be rebuilt under another name or by a reset',
      { cause },
    )
  }
}
