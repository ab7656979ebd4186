import { hasCode } from '#streams/base'
import type { ParameterProblem } from './parameters.ts'

/** One format for everything that goes wrong: RFC 9457, application/problem+json. */
export const PROBLEM_KINDS = {
  'bad-parameter': { status: 400, title: 'A parameter is wrong' },
  'bad-body': { status: 400, title: 'The content of the request is wrong' },
  unauthenticated: { status: 401, title: 'Sign in first' },
  forbidden: { status: 403, title: 'Not allowed' },
  'not-found': { status: 404, title: 'Not found' },
  'method-not-allowed': { status: 405, title: 'Not possible here' },
  'not-acceptable': { status: 406, title: 'No such format' },
  conflict: { status: 409, title: 'Not possible in this state' },
  'too-large': { status: 413, title: 'Too large' },
  'unsupported-media-type': { status: 415, title: 'Not JSON' },
  'misdirected-request': { status: 421, title: 'Not the name of this server' },
  internal: { status: 500, title: 'Something went wrong here' },
  'not-offered': { status: 501, title: 'The application that runs here does not have this' },
  restoring: { status: 503, title: 'State is being restored' },
  unavailable: { status: 503, title: 'Not available right now' },
  'too-many-clients': { status: 503, title: 'Too many live clients' },
} as const
export type ProblemKind = keyof typeof PROBLEM_KINDS

export type Problem = {
  readonly type: string
  readonly title: string
  readonly status: number
  readonly detail: string
  /** For bad parameters: which, and why. */
  readonly errors?: readonly ParameterProblem[]
}

const RETRY_AFTER_SECONDS = 2

export class ApiProblem extends Error {
  override readonly name = 'ApiProblem'
  readonly kind: ProblemKind
  readonly errors: readonly ParameterProblem[] | undefined

  constructor(kind: ProblemKind, detail: string, errors?: readonly ParameterProblem[]) {
    super(detail)
    this.kind = kind
    this.errors = errors
  }
}

export const notFound = (what: string, id: string): ApiProblem =>
  new ApiProblem('not-found', `There is no ${what} ${JSON.stringify(id)}.`)

export function badParameters(errors: readonly ParameterProblem[]): ApiProblem {
  return new ApiProblem('bad-parameter', errors.map(({ field, reason }) => `${field} ${reason}`).join('; '), errors)
}

/** `allow`: the methods that there are, for a 405. */
export function problemResponse({ kind, message, errors }: ApiProblem, allow?: string): Response {
  const { status, title } = PROBLEM_KINDS[kind]
  const problem: Problem = {
    type: `urn:mto:problem:${kind}`,
    title,
    status,
    detail: message,
    ...(errors === undefined ? {} : { errors }),
  }
  const headers: Record<string, string> = { 'content-type': 'application/problem+json' }
  if (status === 503) headers['retry-after'] = String(RETRY_AFTER_SECONDS)
  if (status === 405) headers.allow = allow ?? 'GET, HEAD'
  if (status === 401) headers['www-authenticate'] = 'Bearer realm="mto"'
  return new Response(JSON.stringify(problem), { status, headers })
}

/** What an error of the engine means to a caller; undefined for those that nobody expected. */
export function problemOfError(error: unknown): ApiProblem | undefined {
  if (error instanceof ApiProblem) return error
  if (hasCode(error, 'STATE_UNAVAILABLE', 'TASK_MIGRATED')) {
    return new ApiProblem('restoring', 'The task that holds this state is being restored; ask again shortly.')
  }
  if (hasCode(error, 'CLOSED', 'LOG_UNAVAILABLE')) {
    return new ApiProblem('unavailable', 'The application is stopping or its log cannot be reached.')
  }
  if (hasCode(error, 'STORE_UNKNOWN')) return new ApiProblem('not-found', error.message)
  return undefined
}
