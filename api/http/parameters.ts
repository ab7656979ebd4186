import type { JsonSchema } from './json-schema.ts'

/**
 * Parameters of a route as values: what a parameter is called, what it may be, and how its text is read. Each has a
 * bound, so that no request can ask for more than an answer may hold.
 */
export type Parameter<T> = {
  readonly schema: JsonSchema
  readonly description: string
  readonly required: boolean
  /** Undefined text: the parameter was not given. */
  read(text: string | undefined): Reading<T>
}
export type Reading<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly reason: string }

// biome-ignore lint/suspicious/noExplicitAny: parameters of all types live in one record; each route is typed by its own
export type Parameters = Readonly<Record<string, Parameter<any>>>
export type ValuesOf<P extends Parameters> = {
  readonly [Name in keyof P]: P[Name] extends Parameter<infer T> ? T : never
}

const TEXT_LENGTH_MAX = 200
export const PAGE_SIZE_DEFAULT = 50
export const PAGE_SIZE_MAX = 500

const ok = <T>(value: T): Reading<T> => ({ ok: true, value })
const refuse = (reason: string): Reading<never> => ({ ok: false, reason })

/** Text of the path: an id, a key, a name. */
export function pathText(description: string, lengthMax = TEXT_LENGTH_MAX): Parameter<string> {
  return {
    schema: { type: 'string', minLength: 1, maxLength: lengthMax },
    description,
    required: true,
    read: (text) => {
      if (text === undefined || text === '') return refuse('must not be empty')
      return text.length > lengthMax ? refuse(`must have at most ${lengthMax} characters`) : ok(text)
    },
  }
}

export function optionalText(description: string, lengthMax = TEXT_LENGTH_MAX): Parameter<string | undefined> {
  return {
    schema: { type: 'string', maxLength: lengthMax },
    description,
    required: false,
    read: (text) => {
      if (text === undefined || text === '') return ok(undefined)
      return text.length > lengthMax ? refuse(`must have at most ${lengthMax} characters`) : ok(text)
    },
  }
}

export function optionalChoice<const T extends string>(
  description: string,
  values: readonly T[],
): Parameter<T | undefined> {
  return {
    schema: { type: 'string', enum: values },
    description,
    required: false,
    read: (text) => {
      if (text === undefined || text === '') return ok(undefined)
      return (values as readonly string[]).includes(text) ? ok(text as T) : refuse(`must be ${values.join(', ')}`)
    },
  }
}

/** Several of the values, separated by commas; none given means all. */
export function choices<const T extends string>(description: string, values: readonly T[]): Parameter<readonly T[]> {
  return {
    schema: { type: 'string', description: `One or more of ${values.join(', ')}, separated by commas.` },
    description,
    required: false,
    read: (text) => {
      if (text === undefined || text === '') return ok([])
      const parts = text.split(',')
      const wrong = parts.find((part) => !(values as readonly string[]).includes(part))
      if (wrong !== undefined) return refuse(`${JSON.stringify(wrong.slice(0, 40))} is none of ${values.join(', ')}`)
      return ok(parts as T[])
    },
  }
}

export function wholeNumber(
  description: string,
  { minimum, maximum, otherwise }: { readonly minimum: number; readonly maximum: number; readonly otherwise: number },
): Parameter<number> {
  return {
    schema: { type: 'integer', minimum, maximum, default: otherwise },
    description,
    required: false,
    read: (text) => {
      if (text === undefined || text === '') return ok(otherwise)
      const value = Number(text)
      if (!/^-?\d+$/.test(text) || !Number.isSafeInteger(value)) return refuse('must be a whole number')
      return value < minimum || value > maximum ? refuse(`must be from ${minimum} to ${maximum}`) : ok(value)
    },
  }
}

export const pageLimit = wholeNumber('How many items at most.', {
  minimum: 1,
  maximum: PAGE_SIZE_MAX,
  otherwise: PAGE_SIZE_DEFAULT,
})
const CURSOR_LENGTH_MAX = 2_000
export const pageCursor = optionalText('The `next` of the page before; absent: the first page.', CURSOR_LENGTH_MAX)

const ISO_TIME = /^\d{4}-\d{2}-\d{2}(T\d{2}:\d{2}(:\d{2}(\.\d{1,9})?)?(Z|[+-]\d{2}:?\d{2}))?$/

/** A moment as milliseconds: ISO 8601 with a zone, a date (its start in UTC), or milliseconds since 1970. */
export function moment(description: string): Parameter<number | undefined> {
  return {
    schema: { type: 'string', format: 'date-time' },
    description: `${description} ISO 8601 with a zone, a date (midnight UTC), or milliseconds since 1970.`,
    required: false,
    read: (text) => {
      if (text === undefined || text === '') return ok(undefined)
      if (/^\d{1,15}$/.test(text)) return ok(Number(text))
      const timeMs = ISO_TIME.test(text) && isDay(text.slice(0, 10)) ? Date.parse(text) : Number.NaN
      return Number.isNaN(timeMs)
        ? refuse('must be ISO 8601 with a zone (2026-03-01T09:30:00Z), a date, or milliseconds since 1970')
        : ok(timeMs)
    },
  }
}

/** `Date.parse` takes 30 February for 2 March. */
function isDay(date: string): boolean {
  const timeMs = Date.parse(date)
  return !Number.isNaN(timeMs) && new Date(timeMs).toISOString().startsWith(date)
}

export type ParameterProblem = { readonly field: string; readonly reason: string }

/** Reads all of them, so that one answer names every problem. */
export function readParameters<P extends Parameters>(
  parameters: P,
  textOf: (name: string) => string | undefined,
  problems: ParameterProblem[],
): ValuesOf<P> {
  const values: Record<string, unknown> = {}
  for (const [name, parameter] of Object.entries(parameters)) {
    const reading = (parameter as Parameter<unknown>).read(textOf(name))
    if (reading.ok) values[name] = reading.value
    else problems.push({ field: name, reason: reading.reason })
  }
  return values as ValuesOf<P>
}
