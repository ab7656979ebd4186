import { type Context, Hono } from 'hono'
import { messageOf } from '#streams/base'
import type { Logger } from '#streams/ports'
import { admit, type Guard, release } from '../access/guard.ts'
import type { ApiApplication } from '../application.ts'
import { readBody } from './body.ts'
import { type ParameterProblem, readParameters } from './parameters.ts'
import { ApiProblem, badParameters, problemOfError, problemResponse } from './problem.ts'
import type { Answer, Route } from './route.ts'

export type MountOptions = {
  readonly application: ApiApplication
  readonly logger: Logger
  readonly guard: Guard
  /** Called once a request is answered, for metrics. */
  readonly onAnswered?: (path: string, status: number, durationMs: number) => void
  readonly monotonicMs: () => number
}

/** Puts the routes into a router: reads their parameters, turns answers into responses and errors into problems. */
export function mountRoutes(app: Hono, routes: readonly Route[], options: MountOptions): void {
  for (const each of routes) {
    app.on(methodOf(each).toUpperCase(), honoPath(each), async (context) => {
      const startMs = options.monotonicMs()
      const answered = await answer(each, context, options)
      options.onAnswered?.(each.path, answered.status, options.monotonicMs() - startMs)
      return answered
    })
  }
  refuseOtherMethods(app, routes)
}

export const methodOf = ({ method }: Pick<Route, 'method'>) => method ?? 'get'
const honoPath = ({ path }: Route): string => path.replace(/\{(\w+)\}/g, ':$1')

/** A path that there is, asked in another way: 405 with the ways that there are. */
function refuseOtherMethods(app: Hono, routes: readonly Route[]): void {
  for (const path of new Set(routes.map(honoPath))) {
    const methods = routes.filter((each) => honoPath(each) === path).map((each) => methodOf(each).toUpperCase())
    const allow = methods.flatMap((method) => (method === 'GET' ? ['GET', 'HEAD'] : [method])).join(', ')
    app.all(path, ({ req }) =>
      problemResponse(
        new ApiProblem('method-not-allowed', `${req.method.slice(0, 20)} is not possible here; ${allow} is.`),
        allow,
      ),
    )
  }
}

async function answer(each: Route, context: Context, options: MountOptions): Promise<Response> {
  const { guard } = options
  try {
    const request = context.req.raw
    const caller = admit(guard, each, request)
    refuseWhileRestoring(each, options.application)
    const problems: ParameterProblem[] = []
    const path = readParameters(each.pathParameters, (name) => context.req.param(name), problems)
    const query = readParameters(each.queryParameters, (name) => context.req.query(name), problems)
    refuseUnknown(each, context, problems)
    if (problems.length > 0) throw badParameters(problems)
    const body = each.body === undefined ? undefined : await readBody(request, each.body, guard.components)
    const given = await each.handle({ path, query, request, body, caller })
    return responseOf(await release(guard, each, caller, given, path))
  } catch (error) {
    return problemResponse(problemOf(error, options.logger))
  }
}

function refuseWhileRestoring(each: Route, { state }: ApiApplication): void {
  if (each.answersAlways === true || state === 'running') return
  if (state === 'starting' || state === 'restoring') {
    throw new ApiProblem('restoring', `The application is ${state}: answers now would not be whole. Ask again shortly.`)
  }
  throw new ApiProblem('unavailable', `The application is ${state}.`)
}

/** A misspelt filter would otherwise answer with everything. */
function refuseUnknown(each: Route, context: Context, problems: ParameterProblem[]): void {
  for (const name of Object.keys(context.req.query())) {
    if (Object.hasOwn(each.queryParameters, name)) continue
    const known = Object.keys(each.queryParameters).join(', ') || 'none'
    problems.push({ field: name.slice(0, 40), reason: `is not a parameter of this path; it has: ${known}` })
  }
}

function responseOf(given: Answer): Response {
  if (given.kind === 'response') return given.response
  const { body, freshness, status = 200 } = given
  const headers: Record<string, string> = { 'content-type': 'application/json', ...given.headers }
  if (freshness?.streamTime != null) headers['mto-stream-time'] = freshness.streamTime
  return new Response(JSON.stringify(freshness === undefined ? body : { ...body, freshness }), { status, headers })
}

/** What nobody expected is logged with its stack, and goes out without any of it. */
export function problemOf(error: unknown, logger: Logger): ApiProblem {
  const known = problemOfError(error)
  if (known !== undefined) return known
  logger.error('a request failed', {
    error: messageOf(error),
    stack: error instanceof Error ? (error.stack ?? '') : '',
  })
  return new ApiProblem('internal', 'The request failed for a reason that this answer does not show; the log does.')
}

export function newRouter(logger: Logger): Hono {
  const app = new Hono()
  app.onError((error) => problemResponse(problemOf(error, logger)))
  app.notFound((context) =>
    problemResponse(
      context.req.method === 'GET' || context.req.method === 'HEAD'
        ? new ApiProblem('not-found', 'There is nothing at this path; /openapi.json lists what there is.')
        : new ApiProblem('method-not-allowed', `${context.req.method.slice(0, 20)} is not possible at this path.`),
    ),
  )
  return app
}
