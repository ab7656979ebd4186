/**
 * The part of JSON Schema (2020-12, as in OpenAPI 3.1) that parameters and answers are described with. The same values
 * validate what comes in and document it.
 */
export type JsonSchema = {
  /** True: identifies a person, or tells how to reach one. Masked for callers who may not see it. */
  readonly 'x-personal'?: true
} & (
  | {
      readonly type: 'string'
      readonly enum?: readonly string[]
      readonly format?: string
      readonly pattern?: string
      readonly minLength?: number
      readonly maxLength?: number
      readonly default?: string
      readonly description?: string
      readonly examples?: readonly string[]
    }
  | {
      readonly type: 'integer' | 'number'
      readonly minimum?: number
      readonly maximum?: number
      readonly default?: number
      readonly description?: string
    }
  | { readonly type: 'boolean'; readonly default?: boolean; readonly description?: string }
  | { readonly type: 'null' }
  | { readonly type: 'array'; readonly items: JsonSchema; readonly description?: string }
  | {
      readonly type: 'object'
      readonly properties?: Readonly<Record<string, JsonSchema>>
      readonly required?: readonly string[]
      readonly additionalProperties?: JsonSchema | boolean
      readonly description?: string
    }
  | { readonly $ref: string; readonly description?: string }
  | { readonly anyOf: readonly JsonSchema[]; readonly description?: string }
  | { readonly description: string }
)

/** Marks what identifies a person, or tells how to reach one. */
export const personal = (schema: JsonSchema): JsonSchema => ({ ...schema, 'x-personal': true })
export const isPersonal = (schema: JsonSchema): boolean => schema['x-personal'] === true

const COMPONENTS = '#/components/schemas/'
export const ref = (name: string): JsonSchema => ({ $ref: `${COMPONENTS}${name}` })

/** An object all of whose properties are always there. */
export function object(properties: Readonly<Record<string, JsonSchema>>, description?: string): JsonSchema {
  return {
    type: 'object',
    properties,
    required: Object.keys(properties),
    additionalProperties: false,
    ...(description === undefined ? {} : { description }),
  }
}

/** An object some of whose properties may be absent. */
export function partial(
  properties: Readonly<Record<string, JsonSchema>>,
  optionals: readonly string[],
  description?: string,
): JsonSchema {
  return {
    type: 'object',
    properties,
    required: Object.keys(properties).filter((name) => !optionals.includes(name)),
    additionalProperties: false,
    ...(description === undefined ? {} : { description }),
  }
}

export const array = (items: JsonSchema, description?: string): JsonSchema =>
  description === undefined ? { type: 'array', items } : { type: 'array', items, description }
export const nullable = (schema: JsonSchema, description?: string): JsonSchema =>
  description === undefined ? { anyOf: [schema, { type: 'null' }] } : { anyOf: [schema, { type: 'null' }], description }
export const string = (description?: string): JsonSchema =>
  description === undefined ? { type: 'string' } : { type: 'string', description }
export const integer = (description?: string): JsonSchema =>
  description === undefined ? { type: 'integer' } : { type: 'integer', description }
export const number = (description?: string): JsonSchema =>
  description === undefined ? { type: 'number' } : { type: 'number', description }
export const boolean = (description?: string): JsonSchema =>
  description === undefined ? { type: 'boolean' } : { type: 'boolean', description }
export const oneOf = (values: readonly string[], description?: string): JsonSchema =>
  description === undefined ? { type: 'string', enum: values } : { type: 'string', enum: values, description }
export const dateTime = (description: string): JsonSchema => ({ type: 'string', format: 'date-time', description })
export const anything = (description: string): JsonSchema => ({ description })

export type SchemaComponents = Readonly<Record<string, JsonSchema>>

/** What a reference leads to; undefined if it leads nowhere. */
export function resolve(schema: JsonSchema, components: SchemaComponents): JsonSchema | undefined {
  return '$ref' in schema ? components[schema.$ref.slice(COMPONENTS.length)] : schema
}

/** Where and how a value does not fit, or undefined if it does. Formats are not looked at. */
export function problemOfJson(
  schema: JsonSchema,
  value: unknown,
  components: SchemaComponents,
  path = '$',
): string | undefined {
  if ('$ref' in schema) {
    const target = components[schema.$ref.slice(COMPONENTS.length)]
    return target === undefined ? `${path}: there is no ${schema.$ref}` : problemOfJson(target, value, components, path)
  }
  if ('anyOf' in schema) {
    const problems = schema.anyOf.map((option) => problemOfJson(option, value, components, path))
    return problems.includes(undefined) ? undefined : problems[0]
  }
  if (!('type' in schema)) return undefined
  switch (schema.type) {
    case 'string':
      if (typeof value !== 'string') return `${path}: expected a string, got ${kindOf(value)}`
      return problemOfText(schema, value, path)
    case 'integer':
    case 'number':
      if (typeof value !== 'number') return `${path}: expected a ${schema.type}, got ${kindOf(value)}`
      return problemOfNumber(schema, value, path)
    case 'boolean':
      return typeof value === 'boolean' ? undefined : `${path}: expected true or false, got ${kindOf(value)}`
    case 'null':
      return value === null ? undefined : `${path}: expected null, got ${kindOf(value)}`
    case 'array':
      if (!Array.isArray(value)) return `${path}: expected an array, got ${kindOf(value)}`
      return firstOf(value.map((item, index) => problemOfJson(schema.items, item, components, `${path}[${index}]`)))
    case 'object':
      return problemOfObject(schema, value, components, path)
    default:
      return schema satisfies never
  }
}

function problemOfText(
  schema: Extract<JsonSchema, { readonly type: 'string' }>,
  value: string,
  path: string,
): string | undefined {
  if (schema.enum !== undefined && !schema.enum.includes(value)) return `${path}: must be ${schema.enum.join(', ')}`
  if (schema.minLength !== undefined && value.length < schema.minLength) {
    return `${path}: must have at least ${schema.minLength} character${schema.minLength === 1 ? '' : 's'}`
  }
  if (schema.maxLength !== undefined && value.length > schema.maxLength) {
    return `${path}: must have at most ${schema.maxLength} characters`
  }
  if (schema.pattern !== undefined && !new RegExp(schema.pattern, 'u').test(value)) {
    return `${path}: must match ${schema.pattern}`
  }
  return undefined
}

function problemOfNumber(
  schema: Extract<JsonSchema, { readonly type: 'integer' | 'number' }>,
  value: number,
  path: string,
): string | undefined {
  if (schema.type === 'integer' && !Number.isSafeInteger(value)) return `${path}: must be a whole number`
  if (schema.minimum !== undefined && value < schema.minimum) return `${path}: must be at least ${schema.minimum}`
  if (schema.maximum !== undefined && value > schema.maximum) return `${path}: must be at most ${schema.maximum}`
  return undefined
}

function problemOfObject(
  schema: Extract<JsonSchema, { readonly type: 'object' }>,
  value: unknown,
  components: SchemaComponents,
  path: string,
): string | undefined {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    return `${path}: expected an object, got ${kindOf(value)}`
  }
  const members = value as Readonly<Record<string, unknown>>
  const missing = schema.required?.find((name) => members[name] === undefined)
  if (missing !== undefined) return `${path}.${missing}: is missing`
  return firstOf(
    Object.entries(members).map(([name, member]) => {
      if (member === undefined) return undefined
      const known = schema.properties?.[name]
      if (known !== undefined) return problemOfJson(known, member, components, `${path}.${name}`)
      const others = schema.additionalProperties ?? true
      if (others === false) return `${path}.${name}: is not described`
      return others === true ? undefined : problemOfJson(others, member, components, `${path}.${name}`)
    }),
  )
}

function firstOf(problems: readonly (string | undefined)[]): string | undefined {
  return problems.find((problem) => problem !== undefined)
}

function kindOf(value: unknown): string {
  if (value === null) return 'null'
  return Array.isArray(value) ? 'an array' : typeof value
}
