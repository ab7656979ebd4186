import { type Bytes, hexOf, readInt32, StreamsError, utf8Decode, utf8Encode, writeInt32 } from '#streams/base'
import { type AvroEncoding, isWireFormat } from './avro-values.ts'
import { exactJson } from './exact-json.ts'

/** How the bytes of a key or value are written on the command line, and shown. */
export const VALUE_FORMATS = ['text', 'json', 'avro', 'hex', 'base64', 'int32', 'int64', 'float64'] as const
export type ValueFormat = (typeof VALUE_FORMATS)[number]

/** A value as it is shown: `text` for people, on one line; `json` is JSON. */
export type ShownValue = { readonly format: ValueFormat; readonly text: string; readonly json: string } & (
  | { readonly format: 'avro'; readonly schemaId: number }
  | { readonly format: Exclude<ValueFormat, 'avro'> }
)

const strictUtf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** Characters that do something to a terminal, or to the line, as JSON escapes them. */
const CONTROLS = /[\p{Cc}\p{Zl}\p{Zp}\p{Bidi_Control}]/gu
const escaped = (character: string): string =>
  ({ '\n': '\\n', '\t': '\\t', '\r': '\\r' })[character] ??
  `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`
export const onOneLine = (text: string): string => text.replace(CONTROLS, escaped)

/** What has controls other than line ends and tabs is no text that somebody wrote. */
const BINARY = /(?![\n\r\t])\p{Cc}/u

/** The text, where the bytes are UTF-8. */
function textOf(bytes: Bytes): string | undefined {
  try {
    return strictUtf8.decode(bytes)
  } catch {
    return undefined
  }
}

/** What the bytes seem to be: Avro with a schema that is known, JSON, text, or else hexadecimal. */
export function showAny(bytes: Bytes, avro: AvroEncoding): ShownValue {
  if (isWireFormat(bytes)) {
    const shown = showAvro(bytes, avro)
    if (shown !== undefined) return shown
  }
  const text = textOf(bytes)
  if (text === undefined || BINARY.test(text)) return showHex(bytes)
  return (/^\s*[[{]/.test(text) ? showJson(text) : undefined) ?? showText(text)
}

/** Undefined where the bytes are not of that format. */
export function showAs(format: ValueFormat, bytes: Bytes, avro: AvroEncoding): ShownValue | undefined {
  switch (format) {
    case 'avro':
      return isWireFormat(bytes) ? showAvro(bytes, avro) : undefined
    case 'hex':
      return showHex(bytes)
    case 'base64': {
      const text = Buffer.from(bytes).toString('base64')
      return { format, text, json: JSON.stringify(text) }
    }
    case 'text':
    case 'json': {
      const text = textOf(bytes)
      if (text === undefined) return undefined
      return format === 'text' ? showText(text) : showJson(text)
    }
    default:
      return showNumber(format, bytes)
  }
}

function showText(text: string): ShownValue {
  return { format: 'text', text: onOneLine(text), json: JSON.stringify(text) }
}

function showJson(text: string): ShownValue | undefined {
  try {
    const json = JSON.stringify(exactJson(text))
    return { format: 'json', text: onOneLine(json), json }
  } catch {
    return undefined
  }
}

function showAvro(bytes: Bytes, avro: AvroEncoding): ShownValue | undefined {
  const decoded = avro.decode(bytes)
  if (decoded === undefined) return undefined
  const json = JSON.stringify(decoded.value)
  return { format: 'avro', text: onOneLine(json), json, schemaId: decoded.schemaId }
}

export function showHex(bytes: Bytes): ShownValue {
  const text = hexOf(bytes, bytes.length)
  return { format: 'hex', text, json: JSON.stringify(text) }
}

const NUMBER_BYTES = { int32: 4, int64: 8, float64: 8 } as const

function showNumber(format: keyof typeof NUMBER_BYTES, bytes: Bytes): ShownValue | undefined {
  if (bytes.length !== NUMBER_BYTES[format]) return undefined
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const value = format === 'int32' ? readInt32(bytes, 0) : format === 'int64' ? view.getBigInt64(0) : view.getFloat64(0)
  const text = String(value)
  // Infinity and NaN are no JSON.
  return { format, text, json: typeof value === 'number' && !Number.isFinite(value) ? JSON.stringify(text) : text }
}

/** What is written there, as bytes. RECORD_UNWRITABLE says what is wrong with it. */
export function bytesOf(format: Exclude<ValueFormat, 'avro'>, written: Bytes): Bytes {
  if (format === 'text') return written
  const text = textOf(written)
  if (text === undefined) throw unwritable(`it is not UTF-8, as ${format} has to be`)
  switch (format) {
    case 'json':
      exactJson(text)
      return written
    case 'hex':
      if (!/^([\da-f]{2})*$/i.test(text)) throw unwritable('it is not hexadecimal (two digits for each byte)')
      return new Uint8Array(Buffer.from(text, 'hex'))
    case 'base64': {
      const bytes = Buffer.from(text, 'base64')
      if (bytes.toString('base64').replace(/=+$/, '') !== text.trim().replace(/=+$/, ''))
        throw unwritable('it is not base64')
      return new Uint8Array(bytes)
    }
    default:
      return numberBytes(format, text.trim())
  }
}

function numberBytes(format: keyof typeof NUMBER_BYTES, text: string): Bytes {
  const bytes = new Uint8Array(NUMBER_BYTES[format])
  const view = new DataView(bytes.buffer)
  if (format === 'float64') {
    const value = Number(text)
    if (text === '' || Number.isNaN(value)) throw unwritable(`${preview(text)} is no number`)
    view.setFloat64(0, value)
    return bytes
  }
  const value = /^[+-]?\d{1,20}$/.test(text) ? BigInt(text) : undefined
  const bits = format === 'int32' ? 32 : 64
  if (value === undefined || BigInt.asIntN(bits, value) !== value) throw unwritable(`${preview(text)} is no ${format}`)
  if (format === 'int32') writeInt32(bytes, 0, Number(value))
  else view.setBigInt64(0, value)
  return bytes
}

const PREVIEW_CHARS = 40
const preview = (text: string): string =>
  JSON.stringify(text.length > PREVIEW_CHARS ? `${text.slice(0, PREVIEW_CHARS)}…` : text)

export const unwritable = (message: string): StreamsError => new StreamsError('RECORD_UNWRITABLE', message)
export const encodeText = utf8Encode
export const decodeText = utf8Decode
