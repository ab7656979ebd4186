import { StreamsError, type StreamsErrorCode } from '#streams/base'

/**
 * Questions and answers between the processes of an application, as JSON. What JSON has no word for is written as an
 * object with one key that begins with `$`; an object that looks like one is wrapped, so that nothing is mistaken.
 */
export function encodeWire(value: unknown): string {
  return JSON.stringify(toPlain(value))
}

export function decodeWire(text: string): unknown {
  return fromPlain(JSON.parse(text))
}

function toPlain(value: unknown): unknown {
  if (typeof value === 'bigint') return { $bigint: value.toString() }
  if (value === undefined) return { $undefined: true }
  if (typeof value === 'number' && !Number.isFinite(value)) return { $number: String(value) }
  if (value === null || typeof value !== 'object') return value
  if (value instanceof Uint8Array) return { $bytes: Buffer.from(value).toString('base64') }
  if (value instanceof Date) return { $date: value.getTime() }
  if (value instanceof Map) return { $map: [...value].map(([key, each]) => [toPlain(key), toPlain(each)]) }
  if (value instanceof Set) return { $set: [...value].map(toPlain) }
  if (Array.isArray(value)) return value.map(toPlain)
  const plain = Object.fromEntries(
    Object.entries(value).flatMap(([key, each]) => (each === undefined ? [] : [[key, toPlain(each)]])),
  )
  return Object.keys(plain).some((key) => key.startsWith('$')) ? { $object: plain } : plain
}

const READERS: Readonly<Record<string, (payload: unknown) => unknown>> = {
  $bigint: (payload) => BigInt(String(payload)),
  $undefined: () => undefined,
  $number: (payload) => Number(payload),
  $bytes: (payload) => new Uint8Array(Buffer.from(String(payload), 'base64')),
  $date: (payload) => new Date(Number(payload)),
  $map: (payload) => new Map((payload as [unknown, unknown][]).map(([key, each]) => [fromPlain(key), fromPlain(each)])),
  $set: (payload) => new Set((payload as unknown[]).map(fromPlain)),
  $object: (payload) => entriesOf(payload as object),
}

function fromPlain(value: unknown): unknown {
  if (value === null || typeof value !== 'object') return value
  if (Array.isArray(value)) return value.map(fromPlain)
  const [first] = Object.keys(value)
  const read = first === undefined || !Object.hasOwn(READERS, first) ? undefined : READERS[first]
  if (read !== undefined) return read((value as Record<string, unknown>)[first as string])
  return entriesOf(value)
}

function entriesOf(value: object): Record<string, unknown> {
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, fromPlain(each)]))
}

export type WireFailure = { readonly code: StreamsErrorCode; readonly message: string }

export function failureOf(error: unknown): WireFailure {
  if (error instanceof StreamsError) return { code: error.code, message: error.message }
  return { code: 'STATE_UNAVAILABLE', message: error instanceof Error ? error.message : String(error) }
}
