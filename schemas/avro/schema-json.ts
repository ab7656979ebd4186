import type { AvroRecord } from './avro-types.ts'

type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json }

/**
 * The schema as the JSON that a registry stores. Avro allows the definition of a named type only once, so every
 * further use is written as its name; the classification stays on the field (readers must ignore what they do not
 * know).
 */
export function avroJson(schema: AvroRecord): Json {
  return convert(schema, new Map())
}

export function avroText(schema: AvroRecord): string {
  return JSON.stringify(avroJson(schema))
}

/** Attributes that hold types; what is in the others is copied as it is. */
const TYPE_ATTRIBUTES: ReadonlySet<string> = new Set(['type', 'items', 'fields'])

function convert(node: unknown, defined: Map<string, string>): Json {
  if (Array.isArray(node)) return node.map((item) => convert(item, defined))
  if (node === null || typeof node !== 'object') return node as Json
  const source = node as { readonly [key: string]: unknown }
  if (source.type === 'record' || source.type === 'enum') {
    const name = String(source.name)
    if (isRepeated(name, source, defined)) return name
  }
  const converted: Record<string, Json> = {}
  for (const key of Object.keys(source)) {
    converted[key] = TYPE_ATTRIBUTES.has(key) ? convert(source[key], defined) : (source[key] as Json)
  }
  return converted
}

function isRepeated(name: string, source: unknown, defined: Map<string, string>): boolean {
  const text = JSON.stringify(source)
  const before = defined.get(name)
  if (before !== undefined && before !== text) throw new Error(`the type ${name} is defined twice, and differently`)
  defined.set(name, text)
  return before !== undefined
}
