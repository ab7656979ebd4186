import type { AvroField, AvroSchema } from './avro/avro-types.ts'
import { ID_LENGTH_MAX } from './ids.ts'
import { definitionOf, isIsoTimestamp, type SaccoEvent } from './sacco/events.ts'

/**
 * What the types of a schema cannot say: amounts are not negative, ids are not empty, the timestamp is one. A record
 * that decodes can still be nonsense; who consumes events from outside asks here first and dead-letters with the
 * reason. Compiled once per event type.
 */
type Check = (value: never, path: string) => string | undefined

const checksByType = new Map<string, Check>()

/** Why an event must not be used; undefined if nothing speaks against it. */
export function problemOfEvent(event: SaccoEvent): string | undefined {
  let check = checksByType.get(event.event_type)
  if (check === undefined) {
    check = compileType(definitionOf(event.event_type).data as AvroSchema) ?? (() => undefined)
    checksByType.set(event.event_type, check)
  }
  if (!isId(event.event_id)) return `event_id ${quoted(event.event_id)} is not an id`
  if (!isIsoTimestamp(event.timestamp)) return `timestamp ${quoted(event.timestamp)} is not ISO 8601 with a zone`
  return check(event.data as never, 'data')
}

/** Undefined where there is nothing to check. */
function compileType(type: AvroSchema): Check | undefined {
  if (typeof type === 'string') return undefined
  if (isNullable(type)) return compileNullable(compileType(type[1]))
  switch (type.type) {
    case 'string':
      return (value: string, path) => (isId(value) ? undefined : `${path} ${quoted(value)} is not an id`)
    case 'array':
      return compileList(compileType(type.items))
    case 'record':
      return compileRecord(type.fields)
    default:
      return undefined
  }
}

function isNullable(type: AvroSchema): type is Extract<AvroSchema, readonly unknown[]> {
  return Array.isArray(type)
}

function compileNullable(inner: Check | undefined): Check | undefined {
  if (inner === undefined) return undefined
  return (value, path) => (value === null ? undefined : inner(value, path))
}

function compileList(inner: Check | undefined): Check | undefined {
  if (inner === undefined) return undefined
  return (values: readonly never[], path) => {
    for (let i = 0; i < values.length; i++) {
      const problem = inner(values[i] as never, `${path}[${i}]`)
      if (problem !== undefined) return problem
    }
    return undefined
  }
}

function compileRecord(fields: readonly AvroField[]): Check | undefined {
  const parts = fields.flatMap((field) => {
    const check = field.minimum === undefined ? compileType(field.type) : compileMinimum(field.minimum)
    return check === undefined ? [] : [{ name: field.name, check }]
  })
  if (parts.length === 0) return undefined
  return (value: Readonly<Record<string, never>>, path) => {
    for (const { name, check } of parts) {
      const problem = check(value[name] as never, name)
      // The whole path is put together only for a problem: this runs for every event.
      if (problem !== undefined) return `${path}.${problem}`
    }
    return undefined
  }
}

function compileMinimum(minimum: number): Check {
  return (value: number | null, path) =>
    value === null || value >= minimum ? undefined : `${path} is ${value}, at least ${minimum} expected`
}

/** `|` separates the parts of keys in state stores, so that no id may have one; nor may it have what cannot be seen. */
const NOT_IN_IDS = /[|\p{Cc}]/u

function isId(text: string): boolean {
  return text.length > 0 && text.length <= ID_LENGTH_MAX && !NOT_IN_IDS.test(text)
}

function quoted(text: string): string {
  return JSON.stringify(text.length > ID_LENGTH_MAX ? `${text.slice(0, ID_LENGTH_MAX)}…` : text)
}
