import type { MiddlewareHandler } from 'hono'
import { ApiProblem, problemResponse } from './problem.ts'

/** Scripts, styles and data come from here and nowhere else; nothing may frame the pages. */
const CONTENT_SECURITY_POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data:",
  "connect-src 'self'",
  "manifest-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ')

const HEADERS: readonly (readonly [string, string])[] = [
  ['content-security-policy', CONTENT_SECURITY_POLICY],
  ['x-content-type-options', 'nosniff'],
  ['referrer-policy', 'no-referrer'],
  ['cross-origin-opener-policy', 'same-origin'],
  ['cross-origin-resource-policy', 'same-origin'],
  ['permissions-policy', 'camera=(), geolocation=(), microphone=()'],
]

export const LOCAL_HOSTS: readonly string[] = ['localhost', '127.0.0.1', '[::1]']

/**
 * Refuses requests for other names than those this server goes by: a page of a stranger that has its own name resolve
 * to 127.0.0.1 would otherwise read members' data through the analyst's browser.
 */
export function allowHosts(hosts: readonly string[] | 'any'): MiddlewareHandler {
  return async (context, next) => {
    const host = hostOf(context.req.header('host') ?? new URL(context.req.url).host)
    if (hosts !== 'any' && !hosts.includes(host)) {
      return problemResponse(
        new ApiProblem(
          'misdirected-request',
          'This server does not go by that name; its operator sets the names it answers to.',
        ),
      )
    }
    return next()
  }
}

/**
 * Refuses what a page of another site has a browser send here: the cookie of a session is not sent along (SameSite),
 * but a server without sign-in would take it.
 */
export function refuseOtherSites(): MiddlewareHandler {
  return async ({ req }, next) => {
    if (req.method === 'GET' || req.method === 'HEAD') return next()
    const site = req.header('sec-fetch-site')
    const origin = req.header('origin')
    const isOwn = origin === undefined || hostWithPort(origin) === (req.header('host') ?? new URL(req.url).host)
    if (!isOwn || (site !== undefined && site !== 'same-origin' && site !== 'none')) {
      return problemResponse(new ApiProblem('forbidden', 'Pages of other sites cannot change anything here.'))
    }
    return next()
  }
}

function hostWithPort(origin: string): string | undefined {
  return URL.canParse(origin) ? new URL(origin).host : undefined
}

function hostOf(header: string): string {
  return header.replace(/:\d+$/, '').toLowerCase()
}

export function securityHeaders(): MiddlewareHandler {
  return async (context, next) => {
    await next()
    for (const [name, value] of HEADERS) context.header(name, value)
    // Answers hold personal data: no cache on the way or on disk keeps them. Static files set their own.
    if (!context.res.headers.has('cache-control')) context.header('cache-control', 'no-store')
  }
}
