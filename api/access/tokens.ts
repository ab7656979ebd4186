import { createHash, randomBytes, timingSafeEqual } from 'node:crypto'
import { StreamsError } from '#streams/base'
import { type Caller, ROLES, type Role } from './roles.ts'

/**
 * Who may sign in: `{ "users": [{ "id": "S01-0042", "role": "analyst", "sha256": "…", "expires": "2027-12-31" }] }`.
 * Tokens are 256 random bits, so that a plain SHA-256 keeps them: there is nothing to guess.
 */
export type User = {
  readonly id: string
  readonly role: Role
  readonly sha256: string
  /** The first day on which the token is no longer taken, in UTC. */
  readonly expires?: string
}

const TOKEN_BYTES = 32
const TOKEN_PREFIX = 'mto_'
export const TOKEN_LENGTH_MAX = 200
export const USERS_MAX = 10_000

export function createToken(): string {
  return `${TOKEN_PREFIX}${randomBytes(TOKEN_BYTES).toString('base64url')}`
}

export function hashOfToken(token: string): string {
  return createHash('sha256').update(token).digest('hex')
}

/** CONFIG_INVALID says which user is wrong, and why. */
export function parseUsers(text: string, source: string): readonly User[] {
  const wrong = (what: string): StreamsError => new StreamsError('CONFIG_INVALID', `${source}: ${what}`)
  let parsed: unknown
  try {
    parsed = JSON.parse(text)
  } catch {
    throw wrong('is not JSON; `mto token` writes such files')
  }
  const users = (parsed as { readonly users?: unknown } | null)?.users
  if (!Array.isArray(users)) throw wrong('has no list `users`; `mto token` writes such files')
  if (users.length > USERS_MAX) throw wrong(`has more than ${USERS_MAX} users`)
  const hashes = new Set<string>()
  return users.map((user: Partial<User> | null, index): User => {
    const name = `user ${index + 1}`
    const { id, role, sha256, expires } = user ?? {}
    if (typeof id !== 'string' || !/^[\x21-\x7e]{1,128}$/.test(id)) throw wrong(`${name} has no id`)
    if (!ROLES.includes(role as Role)) throw wrong(`${name} (${id}) has none of the roles ${ROLES.join(', ')}`)
    if (typeof sha256 !== 'string' || !/^[0-9a-f]{64}$/.test(sha256)) {
      throw wrong(`${name} (${id}) has no sha256 of its token (64 digits in hexadecimal)`)
    }
    if (hashes.has(sha256)) throw wrong(`${name} (${id}) has the token of another user`)
    hashes.add(sha256)
    if (expires !== undefined && (typeof expires !== 'string' || Number.isNaN(Date.parse(expires)))) {
      throw wrong(`${name} (${id}): expires is no date`)
    }
    return { id, role: role as Role, sha256, ...(expires === undefined ? {} : { expires }) }
  })
}

/** Finds whom a token belongs to; compares with every user, each in constant time, whatever it has found before. */
export function createTokenBook(users: readonly User[]): (token: string, nowMs: number) => Caller | undefined {
  const entries = users.map(({ id, role, sha256, expires }) => ({
    caller: { id, role },
    hash: Buffer.from(sha256, 'hex'),
    expiresMs: expires === undefined ? Number.POSITIVE_INFINITY : Date.parse(expires),
  }))
  return (token, nowMs) => {
    if (token.length > TOKEN_LENGTH_MAX) return undefined
    const asked = Buffer.from(hashOfToken(token), 'hex')
    let found: Caller | undefined
    for (const { caller, hash, expiresMs } of entries) {
      const isEqual = timingSafeEqual(hash, asked)
      if (isEqual && nowMs < expiresMs) found = caller
    }
    return found
  }
}
