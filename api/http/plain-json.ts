const DEPTH_MAX = 32

/** Any value of a store as JSON: bytes in hexadecimal, maps as objects, big integers as text. */
export function plainJson(value: unknown, depth = 0): unknown {
  if (value === null || typeof value === 'string' || typeof value === 'boolean') return value
  if (typeof value === 'number') return Number.isFinite(value) ? value : String(value)
  if (typeof value === 'bigint') return String(value)
  if (typeof value !== 'object') return null
  if (depth >= DEPTH_MAX) return '…'
  if (value instanceof Uint8Array) return Buffer.from(value).toString('hex')
  if (value instanceof Date) return value.toISOString()
  if (Array.isArray(value)) return value.map((item) => plainJson(item, depth + 1))
  const entries = value instanceof Map ? [...value].map(([key, item]) => [String(key), item]) : Object.entries(value)
  return Object.fromEntries(entries.map(([key, item]) => [key, plainJson(item, depth + 1)]))
}
