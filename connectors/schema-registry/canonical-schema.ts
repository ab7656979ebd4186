/**
 * The canonical text of an Avro schema: two texts that say the same (white space, order of attributes, full or split
 * names) get the same one, and so the same id. Docs, defaults, aliases and custom attributes stay, as in Confluent's
 * registry: a schema that differs in them is another schema.
 */
type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json }
type JsonObject = { readonly [key: string]: Json }

const PRIMITIVES: ReadonlySet<string> = new Set([
  'null',
  'boolean',
  'int',
  'long',
  'float',
  'double',
  'bytes',
  'string',
])
const NAMED_KINDS: ReadonlySet<string> = new Set(['record', 'error', 'enum', 'fixed'])
/** The order of Avro's own attributes; custom ones follow, sorted. */
const ATTRIBUTES = [
  'type',
  'name',
  'namespace',
  'doc',
  'fields',
  'symbols',
  'items',
  'values',
  'size',
  'default',
  'order',
  'aliases',
]

export function canonicalSchemaText(schema: unknown): string {
  return JSON.stringify(canonicalType(schema as Json, ''))
}

function canonicalType(schema: Json, namespace: string): Json {
  if (typeof schema === 'string') return shortName(schema, namespace)
  if (Array.isArray(schema)) return schema.map((branch: Json) => canonicalType(branch, namespace))
  if (schema === null || typeof schema !== 'object') throw new Error(`${JSON.stringify(schema)} is not an Avro type`)
  const source = schema as JsonObject
  const { type } = source
  // A type may be wrapped in an object once too often: { "type": { "type": "array", … } }.
  if (typeof type !== 'string') return canonicalType(type ?? null, namespace)
  if (NAMED_KINDS.has(type)) return canonicalNamed(source, type, namespace)
  const attributes: Record<string, Json> = { ...source }
  if (type === 'array') attributes.items = canonicalType(source.items ?? null, namespace)
  if (type === 'map') attributes.values = canonicalType(source.values ?? null, namespace)
  const isPlain = Object.keys(source).length === 1 && (PRIMITIVES.has(type) || !['array', 'map'].includes(type))
  return isPlain ? shortName(type, namespace) : ordered(attributes)
}

function canonicalNamed(source: JsonObject, type: string, enclosing: string): Json {
  const nameGiven = String(source.name)
  const dot = nameGiven.lastIndexOf('.')
  const namespace =
    dot >= 0 ? nameGiven.slice(0, dot) : typeof source.namespace === 'string' ? source.namespace : enclosing
  const attributes: Record<string, Json> = { ...source, type, name: nameGiven.slice(dot + 1) }
  if (namespace === enclosing) delete attributes.namespace
  else attributes.namespace = namespace
  if (Array.isArray(source.fields)) {
    attributes.fields = source.fields.map((field: JsonObject) =>
      ordered({ ...field, type: canonicalType(field.type ?? null, namespace) }),
    )
  }
  return ordered(attributes)
}

/** A name in the namespace that it is used in is written without it. */
function shortName(name: string, namespace: string): string {
  const dot = name.lastIndexOf('.')
  return dot >= 0 && name.slice(0, dot) === namespace ? name.slice(dot + 1) : name
}

function ordered(attributes: JsonObject): Json {
  const result: Record<string, Json> = {}
  for (const key of ATTRIBUTES) if (attributes[key] !== undefined) result[key] = attributes[key]
  for (const key of Object.keys(attributes).sort()) {
    if (result[key] === undefined && attributes[key] !== undefined) result[key] = sortedKeys(attributes[key])
  }
  return result
}

function sortedKeys(value: Json): Json {
  if (Array.isArray(value)) return value.map(sortedKeys)
  if (value === null || typeof value !== 'object') return value
  const source = value as JsonObject
  return Object.fromEntries(
    Object.keys(source)
      .sort()
      .map((key) => [key, sortedKeys(source[key] as Json)]),
  )
}
