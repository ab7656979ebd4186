import { setTimeout as sleep } from 'node:timers/promises'
import { type CompatibilityLevel, SchemaError, type SchemaRegistry } from '#schemas'
import { messageOf } from '#streams/base'
import { codeOf } from './embedded-schema-registry.ts'
import { ERROR_CODES } from './registry-error.ts'

/**
 * The port over Confluent's REST interface: the embedded registry of another process, Confluent's own, or one that
 * speaks like it (Karapace, Apicurio, Redpanda).
 *
 * Every request may be sent again: registering the same schema gives the same id. So a lost answer is retried like a
 * lost request.
 */
export const REQUEST_TIMEOUT_MS = 10_000
export const ATTEMPTS_MAX = 5
export const RETRY_BACKOFF_MS = 100
export const RETRY_BACKOFF_MAX_MS = 5_000
export const RESPONSE_CHARS_MAX = 4 * 1024 * 1024

export type RegistryAuth =
  | { readonly kind: 'basic'; readonly username: string; readonly password: string }
  | { readonly kind: 'bearer'; readonly token: string }

export type RegistryClientOptions = {
  /** May have a path: `https://registry.example.org/apis/ccompat/v7`. */
  readonly url: string
  readonly auth?: RegistryAuth
  /** Limit of one attempt. */
  readonly requestTimeoutMs?: number
  readonly attemptsMax?: number
  readonly retryBackoffMs?: number
  readonly fetch?: (url: string, init: RequestInit) => Promise<Response>
  /** [0, 1): spreads the retries of many clients. */
  readonly random?: () => number
}

type Answer = { readonly status: number; readonly body: unknown }
type Method = 'GET' | 'POST' | 'PUT'

export function createRegistryClient(options: RegistryClientOptions): SchemaRegistry {
  const { url } = options
  const request = createRequester(options)

  const call = async (method: Method, path: string, body?: unknown): Promise<Answer> => {
    const answer = await request(method, path, body)
    if (answer.status < 300) return answer
    throw refusal(method, path, url, answer)
  }

  return {
    name: `the schema registry at ${url}`,
    async register(subject, schema) {
      const { body } = await call('POST', `/subjects/${encodeURIComponent(subject)}/versions`, { schema })
      const id = (body as { readonly id?: unknown } | null)?.id
      if (!isSchemaId(id)) throw unexpected(url, 'registered a schema, but its answer has no id')
      return id
    },
    async checkCompatibility(subject, schema) {
      const base = `/compatibility/subjects/${encodeURIComponent(subject)}/versions`
      let answer = await request('POST', `${base}?verbose=true`, { schema })
      // Registries before 6.x know only the check against one version.
      const isUnknownPath = answer.status === 405 || (answer.status === 404 && codeIn(answer) === 404)
      if (isUnknownPath) answer = await request('POST', `${base}/latest?verbose=true`, { schema })
      if (answer.status === 404 && codeIn(answer) >= ERROR_CODES.subjectNotFound)
        return { compatible: true, reasons: [] }
      if (answer.status >= 300) throw refusal('POST', base, url, answer)
      const { is_compatible: compatible, messages } = membersOf(answer)
      if (typeof compatible !== 'boolean') throw unexpected(url, 'answered a compatibility check without is_compatible')
      return { compatible, reasons: Array.isArray(messages) ? messages.map(String) : [] }
    },
    async schemaById(id) {
      const path = `/schemas/ids/${id}`
      const answer = await request('GET', path)
      if (answer.status === 404) return undefined
      if (answer.status >= 300) throw refusal('GET', path, url, answer)
      const { schema, schemaType } = membersOf(answer)
      if (typeof schema !== 'string') throw unexpected(url, `answered for schema ${id} without a schema`)
      if (schemaType !== undefined && schemaType !== 'AVRO') {
        throw new SchemaError('SCHEMA_INVALID', `schema ${id} of ${url} is of type ${String(schemaType)}, not AVRO`)
      }
      return schema
    },
    async versionsOf(subject) {
      const base = `/subjects/${encodeURIComponent(subject)}/versions`
      const answer = await request('GET', `${base}?deleted=true`)
      if (answer.status === 404) return []
      if (answer.status >= 300) throw refusal('GET', base, url, answer)
      if (!Array.isArray(answer.body)) throw unexpected(url, `answered for the versions of ${subject} without a list`)
      const versions: { readonly id: number; readonly text: string }[] = []
      for (const version of answer.body as readonly unknown[]) {
        // It goes into a path.
        if (!Number.isSafeInteger(version))
          throw unexpected(url, `answered for ${subject} with a version that is no number`)
        const path = `${base}/${String(version)}`
        const found = await request('GET', `${path}?deleted=true`)
        // Deleted for good since the list was made.
        if (found.status === 404) continue
        if (found.status >= 300) throw refusal('GET', path, url, found)
        const { id, schema } = membersOf(found)
        if (!isSchemaId(id) || typeof schema !== 'string')
          throw unexpected(url, `answered for version ${String(version)} of ${subject} without id or schema`)
        versions.push({ id, text: schema })
      }
      return versions
    },
    async setCompatibility(subject: string, level: CompatibilityLevel) {
      await call('PUT', `/config/${encodeURIComponent(subject)}`, { compatibility: level })
    },
  }
}

/** None where the answer is no object: a proxy's page with status 200, for example. */
function membersOf({ body }: Answer): Readonly<Record<string, unknown>> {
  return typeof body === 'object' && body !== null ? (body as Readonly<Record<string, unknown>>) : {}
}

/** What fits into the four bytes before a record. */
function isSchemaId(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0 && (value as number) <= 0x7fff_ffff
}

/** Sends a request until it is answered; what the server refuses for good comes back as an answer. */
function createRequester(options: RegistryClientOptions) {
  const { url, auth } = options
  const timeoutMs = options.requestTimeoutMs ?? REQUEST_TIMEOUT_MS
  const attemptsMax = options.attemptsMax ?? ATTEMPTS_MAX
  const backoffMs = options.retryBackoffMs ?? RETRY_BACKOFF_MS
  const send = options.fetch ?? fetch
  const random = options.random ?? Math.random
  const headers = { ...HEADERS, ...(auth === undefined ? {} : { authorization: authorizationOf(auth) }) }
  const base = url.replace(/\/+$/, '')

  const attempt = async (method: Method, path: string, body: unknown): Promise<Answer> => {
    const response = await send(`${base}${path}`, {
      method,
      headers,
      signal: AbortSignal.timeout(timeoutMs),
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    })
    const text = await response.text()
    if (text.length > RESPONSE_CHARS_MAX)
      throw unexpected(url, `answered with more than ${RESPONSE_CHARS_MAX} characters`)
    return { status: response.status, body: parseBody(text) }
  }

  return async (method: Method, path: string, body?: unknown): Promise<Answer> => {
    let problem = ''
    let cause: unknown
    for (let count = 1; count <= attemptsMax; count++) {
      try {
        const answer = await attempt(method, path, body)
        if (!isTransient(answer.status)) return answer
        problem = `HTTP ${answer.status}${messageIn(answer)}`
        cause = undefined
      } catch (error) {
        if (error instanceof SchemaError) throw error
        problem = describeFailure(error, timeoutMs)
        cause = error
      }
      if (count < attemptsMax)
        await sleep(Math.min(RETRY_BACKOFF_MAX_MS, backoffMs * 2 ** (count - 1)) * (0.5 + random()))
    }
    throw new SchemaError(
      'REGISTRY_UNAVAILABLE',
      `${method} ${path} at ${url} failed ${attemptsMax} times; the last time: ${problem}. Is the registry running?`,
      { cause },
    )
  }
}

const HEADERS = {
  accept: 'application/vnd.schemaregistry.v1+json, application/json',
  'content-type': 'application/vnd.schemaregistry.v1+json',
}

function authorizationOf(auth: RegistryAuth): string {
  if (auth.kind === 'bearer') return `Bearer ${auth.token}`
  return `Basic ${Buffer.from(`${auth.username}:${auth.password}`).toString('base64')}`
}

function parseBody(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    // A proxy's page, for example: its status is what counts.
    return undefined
  }
}

/** Overload, timeouts and failures of the server or a proxy pass; everything else is an answer. */
function isTransient(status: number): boolean {
  return status === 408 || status === 429 || status >= 500
}

function describeFailure(error: unknown, timeoutMs: number): string {
  if ((error as Error | null)?.name === 'TimeoutError') return `no answer within ${timeoutMs} ms`
  const cause = (error as Error | null)?.cause
  return cause === undefined ? messageOf(error) : `${messageOf(error)}: ${messageOf(cause)}`
}

function codeIn({ status, body }: Answer): number {
  const code = (body as { readonly error_code?: unknown } | null | undefined)?.error_code
  return typeof code === 'number' ? code : status
}

function messageIn({ body }: Answer): string {
  const message = (body as { readonly message?: unknown } | null | undefined)?.message
  return typeof message === 'string' ? `: ${message}` : ''
}

function refusal(method: Method, path: string, url: string, answer: Answer): SchemaError {
  const text = `${method} ${path} at ${url}: HTTP ${answer.status}${messageIn(answer)}`
  return new SchemaError(codeOf(codeIn(answer)), text)
}

function unexpected(url: string, what: string): SchemaError {
  return new SchemaError('REGISTRY_REFUSED', `${url} ${what}: is it a schema registry?`)
}
