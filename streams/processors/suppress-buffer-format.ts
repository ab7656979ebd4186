import {
  type Bytes,
  equalBytes,
  readInt32,
  readInt64,
  utf8Decode,
  utf8Encode,
  writeInt32,
  writeInt64,
} from '../base/bytes.ts'
import { StreamsError } from '../base/errors.ts'
import { type Header, type Headers, type LogRecord, lastHeader, NO_HEADERS } from '../ports/index.ts'
import type { RecordContext } from '../stores/types.ts'

/**
 * Changelog records of a suppression's buffer, as Java writes them (InMemoryTimeOrderedKeyValueChangeBuffer, BufferValue,
 * ProcessorRecordContext). The key is that of the table; header `v` = 3; the value is
 *
 *   timestamp:int64 offset:int64 topicLength:int32 topic:utf8 partition:int32
 *     headerCount:int32 (keyLength:int32 key:utf8 valueLength:int32 value)*
 *   priorLength:int32 prior   oldLength:int32 old   newLength:int32 new
 *   bufferTime:int64
 *
 * A length of -1 is null; an old value of length -2 is the prior value again. The prior value is what readers of the
 * suppressed table still see; old and new are those of the change that will be sent.
 *
 * Versions 0 to 2 (Kafka Streams 2.1 to 2.3) are read, never written.
 */
export type BufferedParts = { readonly prior: Bytes | null; readonly old: Bytes | null; readonly latest: Bytes | null }
export type BufferedRecord = BufferedParts & { readonly timeMs: number; readonly context: Readonly<RecordContext> }

const NULL_LENGTH = -1
const SAME_AS_PRIOR_LENGTH = -2
const VERSION_HEADER = 'v'

export const BUFFER_HEADERS: Headers = Object.freeze([{ key: VERSION_HEADER, value: Uint8Array.of(3) }])

export function encodeBufferedRecord({ context, prior, old, latest, timeMs }: BufferedRecord): Bytes {
  const topic = utf8Encode(context.topic)
  const headers = context.headers.map(({ key, value }) => ({ key: utf8Encode(key), value }))
  const isOldPrior = prior !== null && old !== null && equalBytes(prior, old)
  let length = 28 + topic.length + 12 + lengthOf(prior) + (isOldPrior ? 0 : lengthOf(old)) + lengthOf(latest) + 8
  for (const { key, value } of headers) length += 8 + key.length + lengthOf(value)
  const writer = new Writer(length)
  writer.int64(context.timestampMs)
  writer.int64(context.offset)
  writer.sized(topic)
  writer.int32(context.partition)
  writer.int32(headers.length)
  for (const { key, value } of headers) {
    writer.sized(key)
    writer.sized(value)
  }
  writer.sized(prior)
  if (isOldPrior) writer.int32(SAME_AS_PRIOR_LENGTH)
  else writer.sized(old)
  writer.sized(latest)
  writer.int64(timeMs)
  return writer.bytes
}

/** `previousPrior`: the prior value of this key that is buffered already; versions 0 and 1 do not carry it. */
export function decodeBufferedRecord(
  record: LogRecord & { readonly value: Bytes },
  changelogTopic: string,
  previousPrior: Bytes | null | undefined,
): BufferedRecord {
  const version = lastHeader(record.headers, VERSION_HEADER)?.value
  try {
    if (version === undefined || version === null) return decodeVersion0(record, changelogTopic, previousPrior)
    if (version.length === 1 && version[0] === 1) return decodeVersion1(record.value, previousPrior)
    if (version.length === 1 && version[0] === 2) return decodeVersion2Or3(record.value)
    if (version.length === 1 && version[0] === 3) return decodeVersion3(record.value)
  } catch (cause) {
    throw unreadable(record, changelogTopic, 'its bytes do not fit its version', cause)
  }
  throw unreadable(record, changelogTopic, 'its version is unknown; a later release wrote it', undefined)
}

function unreadable(record: LogRecord, topic: string, why: string, cause: unknown): StreamsError {
  const message = `the record at offset ${record.offset} of the suppression changelog ${topic} cannot be read: ${why}`
  return new StreamsError('STATE_CORRUPTED', message, { cause })
}

/** bufferTime, change; the context is that of the changelog record itself. */
function decodeVersion0(
  { offset, timestampMs, headers, value }: LogRecord & { readonly value: Bytes },
  topic: string,
  previousPrior: Bytes | null | undefined,
): BufferedRecord {
  const reader = new Reader(value)
  const timeMs = reader.int64()
  const { old, latest } = readLegacyChange(reader)
  const context = { topic, partition: -1, offset, timestampMs, headers }
  return { context, prior: previousPrior === undefined ? old : previousPrior, old, latest, timeMs }
}

/** bufferTime, context, length and change. */
function decodeVersion1(value: Bytes, previousPrior: Bytes | null | undefined): BufferedRecord {
  const reader = new Reader(value)
  const timeMs = reader.int64()
  const context = readContext(reader)
  const { old, latest } = readLegacyChange(new Reader(reader.sizedPresent()))
  return { context, prior: previousPrior === undefined ? old : previousPrior, old, latest, timeMs }
}

/** Kafka Streams 2.4.0, 2.4.1 and 2.5.0 wrote version 3 under the number 2: what is no version 2 is tried as 3. */
function decodeVersion2Or3(value: Bytes): BufferedRecord {
  try {
    return decodeVersion2(value)
  } catch {
    return decodeVersion3(value)
  }
}

/** context, length and change, prior, bufferTime. */
function decodeVersion2(value: Bytes): BufferedRecord {
  const reader = new Reader(value)
  const context = readContext(reader)
  const { old, latest } = readLegacyChange(new Reader(reader.sizedPresent()))
  const prior = reader.sized()
  return { context, prior, old, latest, timeMs: reader.int64() }
}

function decodeVersion3(value: Bytes): BufferedRecord {
  const reader = new Reader(value)
  const context = readContext(reader)
  const prior = reader.sized()
  const oldLength = reader.int32()
  const old = oldLength === SAME_AS_PRIOR_LENGTH ? prior : reader.take(oldLength)
  return { context, prior, old, latest: reader.sized(), timeMs: reader.int64() }
}

function readLegacyChange(reader: Reader): { readonly old: Bytes | null; readonly latest: Bytes | null } {
  return { old: reader.sized(), latest: reader.sized() }
}

function readContext(reader: Reader): RecordContext {
  const timestampMs = reader.int64()
  const offset = reader.int64()
  const topic = utf8Decode(reader.sizedPresent())
  const partition = reader.int32()
  return { topic, partition, offset, timestampMs, headers: readHeaders(reader) }
}

function readHeaders(reader: Reader): Headers {
  const count = reader.int32()
  if (count <= 0) return NO_HEADERS
  const headers: Header[] = []
  for (let i = 0; i < count; i++) headers.push({ key: utf8Decode(reader.sizedPresent()), value: reader.sized() })
  return headers
}

function lengthOf(bytes: Bytes | null): number {
  return bytes === null ? 0 : bytes.length
}

class Writer {
  readonly bytes: Bytes
  #at = 0

  constructor(length: number) {
    this.bytes = new Uint8Array(length)
  }

  int32(value: number): void {
    writeInt32(this.bytes, this.#at, value)
    this.#at += 4
  }

  int64(value: number): void {
    writeInt64(this.bytes, this.#at, value)
    this.#at += 8
  }

  sized(value: Bytes | null): void {
    this.int32(value === null ? NULL_LENGTH : value.length)
    if (value === null) return
    this.bytes.set(value, this.#at)
    this.#at += value.length
  }
}

/** Throws a RangeError where the bytes end too early. Hands out copies: the record's bytes may be a view of a buffer. */
class Reader {
  readonly #bytes: Bytes
  #at = 0

  constructor(bytes: Bytes) {
    this.#bytes = bytes
  }

  int32(): number {
    return readInt32(this.#bytes, this.#advance(4))
  }

  int64(): number {
    return readInt64(this.#bytes, this.#advance(8))
  }

  sized(): Bytes | null {
    return this.take(this.int32())
  }

  sizedPresent(): Bytes {
    const bytes = this.sized()
    if (bytes === null) throw new RangeError('a part that must be there is null')
    return bytes
  }

  take(length: number): Bytes | null {
    if (length === NULL_LENGTH) return null
    const from = this.#advance(length)
    return this.#bytes.slice(from, from + length)
  }

  #advance(length: number): number {
    const from = this.#at
    if (length < 0 || from + length > this.#bytes.length)
      throw new RangeError(`${length} bytes are not there at ${from}`)
    this.#at = from + length
    return from
  }
}
