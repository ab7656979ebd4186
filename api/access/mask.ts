import { type AvroSchema, definitionOf, isAtLeastAsSensitive, isEventType } from '#schemas'
import { SACCO_DEFINITIONS } from '#topologies/sacco'
import { isPersonal, type JsonSchema, resolve, type SchemaComponents } from '../http/json-schema.ts'

/** What stands in the place of text that the caller may not see. Other values become null. */
export const MASKED = '•••'

/** An answer without what identifies people, by the schema of the answer: what it does not mark is shown. */
export function maskAnswer(schema: JsonSchema, value: unknown, components: SchemaComponents): unknown {
  if (value === null || value === undefined) return value
  if (isPersonal(schema)) return masked(value)
  const target = resolve(schema, components)
  if (target === undefined) return value
  if (target !== schema && isPersonal(target)) return masked(value)
  if ('anyOf' in target) {
    const option = target.anyOf.find((each) => !('type' in each && each.type === 'null'))
    return option === undefined ? value : maskAnswer(option, value, components)
  }
  if (!('type' in target)) return value
  if (target.type === 'array' && Array.isArray(value)) {
    return value.map((item) => maskAnswer(target.items, item, components))
  }
  if (target.type !== 'object' || typeof value !== 'object') return value
  return Object.fromEntries(
    Object.entries(value).map(([name, member]) => {
      const known = target.properties?.[name]
      return [name, known === undefined ? member : maskAnswer(known, member, components)]
    }),
  )
}

function masked(value: unknown): unknown {
  if (value === null || value === undefined) return value
  return typeof value === 'string' ? MASKED : Array.isArray(value) ? [] : null
}

/** Data of an event type, or an event with its envelope, without the fields that its schema classifies as personal. */
export function maskEvent(event: unknown): unknown {
  const { event_type, data } = (event ?? {}) as { readonly event_type?: unknown; readonly data?: unknown }
  if (typeof event_type !== 'string' || !isEventType(event_type)) return maskUnknown(event)
  return { ...(event as object), data: maskAvro(definitionOf(event_type).data as AvroSchema, data) }
}

export function maskEventData(eventType: string, data: unknown): unknown {
  return isEventType(eventType) ? maskAvro(definitionOf(eventType).data as AvroSchema, data) : maskUnknown(data)
}

const definitionByName = new Map<string, AvroSchema>(
  SACCO_DEFINITIONS.map(({ fullName, schema }) => [fullName, schema as AvroSchema]),
)

/** A value of a store, by the schema that its serde is named after. */
export function maskStored(serdeName: string | undefined, value: unknown): unknown {
  if (isObject(value) && typeof value.event_type === 'string') return maskEvent(value)
  const schema = definitionByName.get(/avro\(([\w.]+)\)/.exec(serdeName ?? '')?.[1] ?? '')
  return schema === undefined ? maskUnknown(value) : maskAvro(schema, value)
}

function maskAvro(schema: AvroSchema, value: unknown): unknown {
  if (value === null || value === undefined || typeof schema === 'string') return value
  if (Array.isArray(schema)) return maskAvro(schema[1] as AvroSchema, value)
  const type = schema as Exclude<AvroSchema, string | readonly unknown[]>
  if (type.type === 'array') return Array.isArray(value) ? value.map((item) => maskAvro(type.items, item)) : value
  if (type.type !== 'record' || !isObject(value)) return value
  const fields = new Map(type.fields.map((field) => [field.name, field]))
  return Object.fromEntries(
    Object.entries(value).map(([name, member]) => {
      const field = fields.get(name)
      // What the schema does not know (a field of a newer version) has no classification: it stays hidden.
      if (field === undefined) return [name, maskUnknown(member)]
      const isHidden = isAtLeastAsSensitive(field.classification, 'pii') && !isContainer(field.type)
      return [name, isHidden ? masked(member) : maskAvro(field.type, member)]
    }),
  )
}

/** A record or list says for each of its own fields what it is; the class of the whole is that of the worst of them. */
function isContainer(schema: AvroSchema): boolean {
  if (typeof schema === 'string') return false
  if (Array.isArray(schema)) return isContainer(schema[1] as AvroSchema)
  const type = schema as Exclude<AvroSchema, string | readonly unknown[]>
  return type.type === 'record' || (type.type === 'array' && isContainer(type.items))
}

/** Nobody has said what it is. Numbers alone name nobody. */
function maskUnknown(value: unknown): unknown {
  return typeof value === 'number' || typeof value === 'boolean' || value == null ? value : MASKED
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
