import { utf8Decode } from '#streams/base'
import { type Headers, lastHeader, type Serde } from '#streams/ports'
import { MASKED, maskEvent } from '../access/mask.ts'
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
/** The wire format's zero byte and schema id: all that is shown of bytes to who sees no personal data. */
const HEADER_HEX_DIGITS = 10
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
  return {
    id: `${topic}-${partition}@${record.offset}`,
    kind,
    time: isoOf(record.timestampMs),
    reason: reasonOf(record.headers).reason,
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

/** Why a record is in a dead-letter or late topic, in one word, and the topic that it was read from. */
export function reasonOf(headers: Headers): { readonly reason: string; readonly source: string | null } {
  const exception = textOf(headers, `${ERRORS}exception`)
  const reason =
    textOf(headers, REASON_HEADER) ?? (exception === 'StreamsError' ? 'unreadable' : (exception ?? 'unknown'))
  return { reason, source: textOf(headers, `${ERRORS}topic`) }
}

/** Without personal data: of the event what its schema does not classify so, of unreadable bytes the wire header. */
export function maskDeadLetter(letter: DeadLetter): DeadLetter {
  return {
    ...letter,
    // Messages about bytes show the first of them.
    message: letter.message.replace(/[0-9a-f]{6,}/g, MASKED),
    value: letter.value === null ? null : maskEvent(letter.value),
    valueHex: letter.valueHex === null ? null : letter.valueHex.slice(0, HEADER_HEX_DIGITS),
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
