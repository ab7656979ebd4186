import { StreamsError } from '../base/errors.ts'
import type { LogRecord, Serde } from '../ports/index.ts'

export type PartInput = {
  readonly topic: string
  readonly source: { readonly name: string }
  /** Internal topics hold what the engine wrote: nulls there are data. */
  readonly nullsAllowed: boolean
}

/** Reads key or value of a record; throws where it is null and the serde does not say that null is data (ADR 5). */
export function readPart(
  serde: Serde<unknown>,
  bytes: Uint8Array | null,
  part: 'key' | 'value',
  input: PartInput,
  raw: LogRecord,
): unknown {
  if (bytes !== null) return serde.deserialize(bytes, input.topic, raw.headers)
  if (input.nullsAllowed || serde.nullable === true) return null
  throw new StreamsError(
    'RECORD_UNREADABLE',
    `the ${part} is null, but the serde ${serde.name} of source ${input.source.name} allows none; wrap it with nullable(…) and handle null`,
  )
}
