import {
  array,
  integer,
  type JsonSchema,
  object,
  partial,
  ref,
  type SchemaComponents,
  string,
} from '../http/json-schema.ts'
import { methodOf } from '../http/mount.ts'
import type { Parameters } from '../http/parameters.ts'
import type { Route } from '../http/route.ts'

export const PROBLEM_COMPONENT: JsonSchema = partial(
  {
    type: string('What kind of problem: `urn:mto:problem:…`.'),
    title: string('The kind in words.'),
    status: integer('The HTTP status.'),
    detail: string('What happened this time.'),
    errors: array(object({ field: string(), reason: string() }), 'Wrong parameters, and why.'),
  },
  ['errors'],
  'RFC 9457: the one format for everything that goes wrong.',
)

/** The OpenAPI 3.1 document of the routes: the same values that they are validated with. */
export function openApiDocument(
  routes: readonly Route[],
  components: SchemaComponents,
  tags: Readonly<Record<string, string>>,
): object {
  return {
    openapi: '3.1.0',
    info: {
      title: 'Mto query API',
      version: '1',
      description:
        'Reads what the topologies keep: members, balances, risk, loans, fraud flags, and any state store. The one thing ' +
        'that it writes is what analysts do with flags, as events. Fields with `x-personal` are masked for roles that ' +
        'may not see who people are; `x-right` of an operation says what it needs (where signing in is on). Every answer says how fresh it is; lists are pages of `items` with the cursor of the `next` one; ' +
        'problems are application/problem+json.',
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    servers: [{ url: '/' }],
    tags: Object.entries(tags).map(([name, description]) => ({ name, description })),
    paths: pathsOf(routes),
    components: {
      schemas: { ...components, Problem: PROBLEM_COMPONENT },
      securitySchemes: {
        token: { type: 'http', scheme: 'bearer' },
        session: { type: 'apiKey', in: 'cookie', name: 'mto-session' },
      },
    },
    security: [{ token: [] }, { session: [] }],
  }
}

function pathsOf(routes: readonly Route[]): object {
  const paths: Record<string, Record<string, object>> = {}
  for (const each of routes) {
    paths[each.path] ??= {}
    ;(paths[each.path] as Record<string, object>)[methodOf(each)] = operationOf(each)
  }
  return paths
}

function operationOf(each: Route): object {
  return {
    operationId: each.operation,
    tags: [each.tag],
    summary: each.summary,
    ...(each.description === undefined ? {} : { description: each.description }),
    parameters: [...parametersOf(each.pathParameters, 'path'), ...parametersOf(each.queryParameters, 'query')],
    ...(each.body === undefined
      ? {}
      : { requestBody: { required: true, content: { 'application/json': { schema: each.body } } } }),
    ...(each.right === 'open' ? { security: [] } : {}),
    'x-right': each.right,
    responses: {
      [each.answer.status ?? 200]: {
        description: each.answer.description,
        content: Object.fromEntries(Object.entries(each.answer.content).map(([type, schema]) => [type, { schema }])),
      },
      ...problemsOf(each),
    },
  }
}

function parametersOf(parameters: Parameters, place: 'path' | 'query'): readonly object[] {
  return Object.entries(parameters).map(([name, { schema, description, required }]) => ({
    name,
    in: place,
    required,
    description,
    schema,
  }))
}

function problemsOf(each: Route): object {
  const problem = (description: string): object => ({
    description,
    content: { 'application/problem+json': { schema: ref('Problem') } },
  })
  return {
    ...(each.right === 'open'
      ? {}
      : { 401: problem('Nobody has signed in.'), 403: problem('The role has not the right.') }),
    ...(Object.keys({ ...each.pathParameters, ...each.queryParameters }).length > 0
      ? { 400: problem('A parameter is wrong; `errors` names it and says why.') }
      : {}),
    ...(each.findsById === true ? { 404: problem('There is no such thing.') } : {}),
    ...(each.answersAlways === true
      ? {}
      : { 503: problem('State is being restored; `Retry-After` says when to ask again.') }),
  }
}
