import type { Bytes } from '#streams/base'
import type { Header, Headers } from '#streams/ports'
import { parseMoment } from '../console/options.ts'
import type { AvroEncoding } from './avro-values.ts'
import { exactJson } from './exact-json.ts'
import { bytesOf, decodeText, encodeText, unwritable, VALUE_FORMATS, type ValueFormat } from './value-format.ts'

/** A record as it will be sent; what is not said is chosen by whoever sends it. */
export type ParsedRecord = {
  readonly key: Bytes | null
  readonly value: Bytes | null
  readonly headers: Headers
  readonly partition: number | undefined
  readonly timestampMs: number | undefined
}

export type RecordFormat = {
  readonly topic: string
  /** `record`: each line is an object with key, value and the rest, as `mto consume --json` prints it. */
  readonly format: ValueFormat | 'record'
  readonly keyFormat: ValueFormat
  readonly keySeparator: Bytes | undefined
  /** A key or value that is written so is none. */
  readonly nullText: Bytes | undefined
  readonly headers: Headers
  readonly partition: number | undefined
  readonly timestampMs: number | undefined
  /** Of values; undefined: by the value itself, or by the topic. */
  readonly schema: string | undefined
  readonly avro: AvroEncoding
}

export type RecordParser = (line: Bytes) => Promise<ParsedRecord>

/** RECORD_UNWRITABLE says what is wrong with a line. Lines without a record (blank ones among JSON) are undefined. */
export function createRecordParser(options: RecordFormat): (line: Bytes) => Promise<ParsedRecord | undefined> {
  const { format } = options
  const skipsBlank = format === 'record' || format === 'json' || format === 'avro'
  return async (line) => {
    if (skipsBlank && line.every((byte) => byte === 32 || byte === 9)) return undefined
    return format === 'record' ? parseObject(line, options) : parseParts(line, format, options)
  }
}

async function parseParts(line: Bytes, format: ValueFormat, options: RecordFormat): Promise<ParsedRecord> {
  const { keySeparator, nullText, headers, partition, timestampMs, keyFormat } = options
  let key: Bytes | null = null
  let value = line
  if (keySeparator !== undefined) {
    const at = Buffer.from(line.buffer, line.byteOffset, line.length).indexOf(keySeparator)
    if (at < 0) throw unwritable(`it has no key: ${JSON.stringify(decodeText(keySeparator))} separates key and value`)
    key = line.slice(0, at)
    value = line.slice(at + keySeparator.length)
  }
  const isNull = (bytes: Bytes): boolean => nullText !== undefined && Buffer.from(bytes).equals(nullText)
  const encode = async (bytes: Bytes, as: ValueFormat, what: 'key' | 'value'): Promise<Bytes | null> =>
    isNull(bytes) ? null : named(what, () => encoded(bytes, as, what === 'value' ? options.schema : undefined, options))
  return {
    key: key === null ? null : await encode(key, keyFormat, 'key'),
    value: await encode(value.slice(), format, 'value'),
    headers,
    partition,
    timestampMs,
  }
}

async function named<T>(what: string, action: () => Promise<T>): Promise<T> {
  try {
    return await action()
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'RECORD_UNWRITABLE')
      throw unwritable(`its ${what}: ${error.message}`)
    throw error
  }
}

async function encoded(
  written: Bytes,
  format: ValueFormat,
  schema: string | undefined,
  { avro, topic }: RecordFormat,
): Promise<Bytes> {
  if (format !== 'avro') return bytesOf(format, written)
  const value = plainJson(written)
  const id = schema === undefined ? await avro.idFor(topic, value) : await avro.idOf(schema)
  return avro.encode(value, id)
}

/** Avro's longs are numbers here, whose codec refuses what is beyond 2^53. */
function plainJson(written: Bytes): unknown {
  const text = decodeText(written)
  exactJson(text)
  return JSON.parse(text)
}

const FIELDS = new Set([
  ...['key', 'value', 'partition', 'timestamp', 'headers', 'keyFormat', 'valueFormat', 'schemaId', 'keySchemaId'],
  // Where it was read: it goes elsewhere now.
  ...['topic', 'offset', 'time'],
])

async function parseObject(line: Bytes, options: RecordFormat): Promise<ParsedRecord> {
  const record = exactJson(decodeText(line))
  if (typeof record !== 'object' || record === null || Array.isArray(record))
    throw unwritable('it is no object with "key", "value" and the rest')
  const fields = record as Readonly<Record<string, unknown>>
  const unknown = Object.keys(fields).find((name) => !FIELDS.has(name))
  if (unknown !== undefined) throw unwritable(`it has the field ${JSON.stringify(unknown)}, which says nothing here`)
  const {
    key = null,
    value = null,
    partition,
    timestamp,
    headers,
    keyFormat,
    valueFormat,
    schemaId,
    keySchemaId,
  } = fields
  const encode = (what: 'key' | 'value', data: unknown, given: unknown, id: unknown): Promise<Bytes | null> =>
    named(what, async () => {
      if (data === null) return null
      const format = formatOf(given, what, data, options)
      const schema = typeof id === 'number' ? String(id) : what === 'value' ? options.schema : undefined
      const isText = typeof data === 'string' && format !== 'json' && format !== 'avro'
      return encoded(encodeText(isText ? data : JSON.stringify(data)), format, schema, options)
    })
  return {
    key: await encode('key', key, keyFormat, keySchemaId),
    value: await encode('value', value, valueFormat, schemaId),
    headers: headers === undefined ? options.headers : [...options.headers, ...headersOf(headers)],
    partition: partition === undefined ? options.partition : wholeOf('partition', partition),
    timestampMs: timestamp === undefined ? options.timestampMs : timeOf(timestamp),
  }
}

function formatOf(given: unknown, what: 'key' | 'value', data: unknown, options: RecordFormat): ValueFormat {
  if (given === undefined) {
    if (what === 'key' && options.keyFormat !== 'text') return options.keyFormat
    return typeof data === 'string' ? 'text' : 'json'
  }
  const format = VALUE_FORMATS.find((each) => each === given)
  if (format === undefined) throw unwritable(`${JSON.stringify(given)} is no format: ${VALUE_FORMATS.join(', ')}`)
  return format
}

function wholeOf(name: string, value: unknown): number {
  if (Number.isSafeInteger(value) && (value as number) >= 0) return value as number
  throw unwritable(`its ${name} is ${JSON.stringify(value)}, and not a whole number of at least 0`)
}

function timeOf(value: unknown): number {
  const timeMs = Number.isSafeInteger(value) ? (value as number) : parseMoment(String(value))
  if (timeMs === undefined)
    throw unwritable(`its timestamp is ${JSON.stringify(value)}: give ISO 8601, or milliseconds`)
  return timeMs
}

/** A list of { key, value, format? }, or an object. */
function headersOf(value: unknown): Headers {
  if (typeof value !== 'object' || value === null) throw unwritable('its headers are no list of { key, value }')
  if (!Array.isArray(value)) return Object.entries(value).map(([key, text]) => headerOf({ key, value: text }))
  return value.map(headerOf)
}

function headerOf(each: unknown): Header {
  const { key, value = null, format } = (each ?? {}) as Readonly<Record<string, unknown>>
  if (typeof key !== 'string' || (value !== null && typeof value !== 'string'))
    throw unwritable(`its headers have ${JSON.stringify(each)}, which is no { "key": text, "value": text or null }`)
  if (value === null) return { key, value }
  return { key, value: format === 'hex' ? bytesOf('hex', encodeText(value)) : encodeText(value) }
}
