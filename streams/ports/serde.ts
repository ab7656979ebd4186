import type { Bytes } from '../base/bytes.ts'
import type { Headers } from './headers.ts'

/**
 * Turns values of type T into bytes and back, synchronously: it runs on the path of a record.
 *
 * A serde never sees null: null is "no value" in the log itself. Where a topic may hold null keys or values as data
 * (not as a table's tombstones), wrap the serde with `nullable`, so that the type says so too. A null that arrives
 * where the serde is not nullable is an unreadable record and goes to the deserialization exception handler; Java
 * hands out a null there that the types do not show.
 */
export type Serde<T> = {
  /** For messages, `describe` and topology comparison: `string`, `int64`, `avro(sacco.Deposit)`. */
  readonly name: string
  /** True if T includes null (made by `nullable`). */
  readonly nullable?: boolean
  /** Throws an Error that says what is wrong with the value. `headers` may be added to by the serde. */
  serialize(data: NonNullable<T>, topic: string, headers?: Headers): Bytes
  /** Throws an Error that says what is wrong with the bytes. Must not keep `bytes`: it may be a view of a buffer. */
  deserialize(bytes: Bytes, topic: string, headers?: Headers): T
  /**
   * Called when records arrive, before they are queued: loads what `deserialize` will need (an unknown schema id from
   * a registry). Undefined when nothing is missing, which must be the cheap and usual answer.
   */
  prepare?(bytes: Bytes, topic: string): Promise<void> | undefined
}
