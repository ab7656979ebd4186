import { utf8Decode } from '#streams/base'
import { type Headers, lastHeader, type Serde } from '#streams/ports'
import { type ApiApplication, valueSerdeOf } from '../application.ts'
import { isoOf } from '../http/freshness.ts'
import { plainJson } from '../http/plain-json.ts'
import type { PlacedRecord } from './backward-reader.ts'

export type DeadLetter = {
  readonly id: string
  readonly kind: 'dead-letter' | 'late'
  readonly time: string
  readonly reason: string
  readonly message: string
  readonly source: { readonly topic: string | null; readonly partition: number | null; readonly offset: number | null }
  readonly key: string | null
  /** The event, where its bytes can be read. */
  readonly value: unknown
  readonly valueBytes: number
  /** The first bytes in hexadecimal, where they cannot. */
  readonly valueHex: string | null
}

const HEX_BYTES_MAX = 64
const ERRORS = '__streams.errors.'
/** What an application says itself; short and stable, unlike messages. */
const REASON_HEADER = 'sacco.reason'

export function deadLetterOf(
  { topic, partition, record }: PlacedRecord,
  application: ApiApplication,
  kind: DeadLetter['kind'],
): DeadLetter {
  const text = (name: string): string | null => textOf(record.headers, name)
  const number = (name: string): number | null => {
    const value = text(name)
    return value === null || !/^\d+$/.test(value) ? null : Number(value)
  }
  const sourceTopic = text(`${ERRORS}topic`)
  const serde =
    valueSerdeOf(application.topology, topic) ??
    (sourceTopic === null ? undefined : valueSerdeOf(application.topology, sourceTopic))
  const value = readableValue(record.value, serde, sourceTopic ?? topic, record.headers)
  const exception = text(`${ERRORS}exception`)
  return {
    id: `${topic}-${partition}@${record.offset}`,
    kind,
    time: isoOf(record.timestampMs),
    reason: text(REASON_HEADER) ?? (exception === 'StreamsError' ? 'unreadable' : (exception ?? 'unknown')),
    message: text(`${ERRORS}message`) ?? '',
    source: { topic: sourceTopic, partition: number(`${ERRORS}partition`), offset: number(`${ERRORS}offset`) },
    key: record.key === null ? null : utf8Decode(record.key),
    value: value === undefined ? null : plainJson(value),
    valueBytes: record.value?.length ?? 0,
    valueHex:
      value === undefined && record.value !== null
        ? Buffer.from(record.value.subarray(0, HEX_BYTES_MAX)).toString('hex')
        : null,
  }
}

function textOf(headers: Headers, name: string): string | null {
  const value = lastHeader(headers, name)?.value
  return value == null ? null : utf8Decode(value)
}

/** Undefined where the bytes cannot be read: for a dead letter that is often the reason why it is one. */
function readableValue(
  bytes: Uint8Array | null,
  serde: Serde<unknown> | undefined,
  topic: string,
  headers: Headers,
): unknown {
  if (bytes === null || serde === undefined) return undefined
  try {
    return serde.deserialize(bytes, topic, headers)
  } catch {
    return undefined
  }
}
