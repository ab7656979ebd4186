import type { Asking, Right } from '../access/roles.ts'
import type { Freshness } from './freshness.ts'
import type { JsonSchema } from './json-schema.ts'
import type { Parameters, ValuesOf } from './parameters.ts'

/** A route as data: the router, the validation of its parameters and the OpenAPI document are all made from it. */
export type Route<Path extends Parameters = Parameters, Query extends Parameters = Parameters> = {
  /** Default `get`. */
  readonly method?: 'get' | 'post' | 'delete'
  /** With parameters in braces: `/v1/members/{member}`. */
  readonly path: string
  /** What a caller needs to be let in. */
  readonly right: Right
  /** Name of the operation, for generated clients. */
  readonly operation: string
  readonly tag: string
  readonly summary: string
  readonly description?: string
  readonly pathParameters: Path
  readonly queryParameters: Query
  /** What a `post` sends: JSON that fits this. */
  readonly body?: JsonSchema
  readonly answer: {
    readonly description: string
    /** Default 200. */
    readonly status?: number
    /** Media type → schema. */
    readonly content: Readonly<Record<string, JsonSchema>>
  }
  /** Whether it can say 404 for an id. */
  readonly findsById?: boolean
  /** True: answers while state is being restored too. */
  readonly answersAlways?: boolean
  handle(call: Call<Path, Query>): Promise<Answer> | Answer
}

export type Call<Path extends Parameters = Parameters, Query extends Parameters = Parameters> = {
  readonly path: ValuesOf<Path>
  readonly query: ValuesOf<Query>
  readonly request: Request
  /** Checked against the schema of the route; undefined where there is none. */
  readonly body: unknown
  /** Undefined: nobody has signed in (routes that are open only). */
  readonly caller: Asking
}

/** JSON with how fresh it is, or a whole response of another kind. */
export type Answer =
  | {
      readonly kind: 'json'
      readonly body: object
      readonly freshness?: Freshness
      readonly status?: number
      readonly headers?: Readonly<Record<string, string>>
    }
  | { readonly kind: 'response'; readonly response: Response }

/** Checks a route against its own parameters; the list of routes is of mixed types. */
export function route<const Path extends Parameters, const Query extends Parameters>(
  definition: Route<Path, Query>,
): Route {
  return definition as unknown as Route
}

/** An object's answer: its members with `freshness` beside them. */
export function json(body: object, freshness?: Freshness): Answer {
  return freshness === undefined ? { kind: 'json', body } : { kind: 'json', body, freshness }
}

export function response(value: Response): Answer {
  return { kind: 'response', response: value }
}
