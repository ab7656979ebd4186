import type { Bytes } from '#streams/base'
import type { LogRecord, TopicPartition } from '#streams/ports'
import type { AvroEncoding } from './avro-values.ts'
import { onOneLine, type ShownValue, showAny, showAs, showHex, type ValueFormat } from './value-format.ts'

export type PrintOptions = {
  readonly keyFormat: ValueFormat | 'auto'
  readonly valueFormat: ValueFormat | 'auto'
  readonly json: boolean
  readonly avro: AvroEncoding
}

export type RecordPrinter = {
  print(record: LogRecord, at: TopicPartition): string
  /** How many keys and values were not of the format that was asked for, and are shown as hexadecimal. */
  readonly unreadable: number
}

/** A record as a line: for people, or JSON that `mto produce --format record` takes back. */
export function createRecordPrinter({ keyFormat, valueFormat, json, avro }: PrintOptions): RecordPrinter {
  let unreadable = 0
  const show = (bytes: Bytes | null, format: ValueFormat | 'auto'): ShownValue | undefined => {
    if (bytes === null) return undefined
    if (format === 'auto') return showAny(bytes, avro)
    const shown = showAs(format, bytes, avro)
    if (shown !== undefined) return shown
    unreadable++
    return showHex(bytes)
  }
  return {
    get unreadable() {
      return unreadable
    },
    print(record, at) {
      const key = show(record.key, keyFormat)
      const value = show(record.value, valueFormat)
      return json ? jsonLine(record, at, key, value) : textLine(record, at, key, value)
    },
  }
}

/** Dates end in the year 275760; records may say more. */
const DATE_MAX_MS = 8.64e15
function timeText(timestampMs: number): string {
  return Math.abs(timestampMs) <= DATE_MAX_MS ? new Date(timestampMs).toISOString() : String(timestampMs)
}

type Shown = ShownValue | undefined

function textLine(
  { offset, timestampMs, headers }: LogRecord,
  { partition }: TopicPartition,
  key: Shown,
  value: Shown,
): string {
  const shownHeaders = headers.map(({ key: name, value: bytes }) => {
    const { text } = headerValue(bytes)
    return `${onOneLine(name)}=${text}`
  })
  const end = shownHeaders.length === 0 ? '' : `  {${shownHeaders.join(', ')}}`
  return `${partition}@${offset}  ${timeText(timestampMs)}  ${key?.text ?? 'null'}  ${value?.text ?? 'null'}${end}\n`
}

function headerValue(bytes: Bytes | null): { readonly text: string; readonly isHex: boolean } {
  if (bytes === null) return { text: 'null', isHex: false }
  const shown = showAs('text', bytes, NO_AVRO)
  return shown === undefined ? { text: showHex(bytes).text, isHex: true } : { text: shown.text, isHex: false }
}

const NO_AVRO = { decode: () => undefined } as unknown as AvroEncoding

/** By hand: values are JSON already, with all their digits. */
function jsonLine(record: LogRecord, { topic, partition }: TopicPartition, key: Shown, value: Shown): string {
  const { offset, timestampMs } = record
  const parts = [
    `"topic":${JSON.stringify(topic)},"partition":${partition},"offset":${offset}`,
    `"timestamp":${timestampMs},"time":${JSON.stringify(timeText(timestampMs))}`,
    `"key":${key?.json ?? 'null'},"value":${value?.json ?? 'null'}`,
  ]
  if (key !== undefined) parts.push(`"keyFormat":"${key.format}"`)
  if (key?.format === 'avro') parts.push(`"keySchemaId":${key.schemaId}`)
  if (value !== undefined) parts.push(`"valueFormat":"${value.format}"`)
  if (value?.format === 'avro') parts.push(`"schemaId":${value.schemaId}`)
  if (record.headers.length > 0) parts.push(`"headers":[${record.headers.map(jsonHeader).join(',')}]`)
  return `{${parts.join(',')}}\n`
}

function jsonHeader({ key, value }: LogRecord['headers'][number]): string {
  if (value === null) return JSON.stringify({ key, value })
  const { isHex } = headerValue(value)
  if (isHex) return JSON.stringify({ key, value: showHex(value).text, format: 'hex' })
  return `{"key":${JSON.stringify(key)},"value":${showAs('text', value, NO_AVRO)?.json}}`
}
