import { randomBytes } from 'node:crypto'
import type { Clock } from '#streams/ports'
import { type Asking, type Caller, LOCAL_CALLER } from './roles.ts'
import { createTokenBook, hashOfToken, type User } from './tokens.ts'

/**
 * How a request says who sends it: `Authorization: Bearer …` (scripts), or the cookie of a session (browsers, whose
 * event streams cannot send headers). Sessions live in memory: a restart of the server signs everybody out.
 */
export type SignIn = {
  /** False: nobody has to sign in. */
  readonly isNeeded: boolean
  callerOf(request: Request): Asking
  /** The cookie to set, if the token is somebody's. */
  open(token: string, request: Request): { readonly caller: Caller; readonly cookie: string } | undefined
  /** The cookie that takes the session away. */
  close(request: Request): string
}

const SESSION_MS = 12 * 3_600_000
const SESSIONS_MAX = 1_000
const COOKIE = 'mto-session'

/** For a server that only this machine reaches. */
export const NO_SIGN_IN: SignIn = {
  isNeeded: false,
  callerOf: () => LOCAL_CALLER,
  open: () => undefined,
  close: () => cookieText('', 0, false),
}

export function createSignIn(users: readonly User[], clock: Clock): SignIn {
  const callerOfToken = createTokenBook(users)
  /** By the hash of the session's id. */
  const sessions = new Map<string, { readonly caller: Caller; readonly untilMs: number }>()
  const expiryOf = new Map(users.map(({ id, sha256, expires }) => [`${id}|${sha256}`, expires]))
  return {
    isNeeded: true,
    callerOf(request) {
      const bearer = /^Bearer ([!-~]+)$/i.exec(request.headers.get('authorization') ?? '')?.[1]
      if (bearer !== undefined) return callerOfToken(bearer, clock.wallClockMs())
      const id = sessionIdOf(request)
      const session = id === undefined ? undefined : sessions.get(hashOfToken(id))
      return session === undefined || clock.wallClockMs() >= session.untilMs ? undefined : session.caller
    },
    open(token, request) {
      const caller = callerOfToken(token, clock.wallClockMs())
      if (caller === undefined) return undefined
      const id = randomBytes(32).toString('base64url')
      for (const [key, { untilMs }] of sessions) if (untilMs <= clock.wallClockMs()) sessions.delete(key)
      const oldest = sessions.keys().next().value
      if (sessions.size >= SESSIONS_MAX && oldest !== undefined) sessions.delete(oldest)
      const expires = expiryOf.get(`${caller.id}|${hashOfToken(token)}`)
      const tokenEndsMs = expires === undefined ? Number.POSITIVE_INFINITY : Date.parse(expires)
      sessions.set(hashOfToken(id), { caller, untilMs: Math.min(clock.wallClockMs() + SESSION_MS, tokenEndsMs) })
      return { caller, cookie: cookieText(id, SESSION_MS / 1_000, isSecure(request)) }
    },
    close(request) {
      const id = sessionIdOf(request)
      if (id !== undefined) sessions.delete(hashOfToken(id))
      return cookieText('', 0, isSecure(request))
    },
  }
}

function sessionIdOf(request: Request): string | undefined {
  const cookies = request.headers.get('cookie') ?? ''
  return new RegExp(`(?:^|;\\s*)${COOKIE}=([\\w-]{1,100})(?:;|$)`).exec(cookies)?.[1]
}

function cookieText(value: string, seconds: number, secure: boolean): string {
  return `${COOKIE}=${value}; HttpOnly; SameSite=Strict; Path=/; Max-Age=${seconds}${secure ? '; Secure' : ''}`
}

/** Whether the browser speaks TLS, with this server or with a proxy before it. A forged header only adds `Secure`. */
function isSecure(request: Request): boolean {
  return new URL(request.url).protocol === 'https:' || request.headers.get('x-forwarded-proto') === 'https'
}
