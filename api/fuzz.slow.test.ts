import { request as httpRequest } from 'node:http'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { nodeClock } from '#host'
import { localSchemas } from '#schemas'
import { createPrng, type Prng } from '#streams/base'
import { SILENT_LOGGER } from '#streams/ports'
import { SACCO_DEFINITIONS } from '#topologies/sacco'
import { createToken, hashOfToken } from './access/tokens.ts'
import { COMPONENTS } from './create-api.ts'
import { problemOfJson } from './http/json-schema.ts'
import type { Route } from './http/route.ts'
import { type Api, createApi } from './index.ts'
import { APPLICATION_ID, DEFAULT_START_MS, type RunningSacco, startRunningSacco } from './testing/running-sacco.ts'

/**
 * Every route of the OpenAPI document with random and mutated parameters, cursors, bodies and headers: each answer is
 * one that the document describes, or a problem that says which field is wrong. Never a 500, never a hang.
 */
const SEED = Number(process.env.SEED ?? 20_261_120)
const CASES_PER_ROUTE = 40
const RAW_CASES = 150
const TOKEN_CASES = 150
const ANSWER_MS_MAX = 5_000
const DAY_MS = 86_400_000
const ORIGIN = 'http://localhost'
const components = COMPONENTS

let sacco: RunningSacco
/** The same application behind a server on which people sign in. */
let guarded: Api
const token = createToken()
/** What really exists: ids, store names, cursors. Mutations of these get further than noise does. */
const known: string[] = []
/** The same by the name of the parameter: what is behind a sound id is fuzzed too. */
const idsOf = new Map<string, readonly string[]>()

beforeAll(async () => {
  sacco = await startRunningSacco({ members: 100, stream: { scenarios: { fraudPerDay: 200, benignPerDay: 50 } } })
  await sacco.feed.until(DEFAULT_START_MS + DAY_MS)
  guarded = await createApi({
    ...{ application: sacco.application, applicationId: APPLICATION_ID, clock: nodeClock, logger: SILENT_LOGGER },
    schemas: localSchemas(SACCO_DEFINITIONS),
    users: [{ id: 'S1', role: 'analyst', sha256: hashOfToken(token) }],
  })
  await collectKnown()
}, 120_000)
afterAll(async () => {
  await guarded?.close()
  await sacco?.close()
}, 60_000)

async function collectKnown(): Promise<void> {
  /** What was sent is processed soon. */
  const ids = async (path: string, name: string): Promise<readonly string[]> => {
    for (let attempt = 0; attempt < 300; attempt++) {
      const { items } = (await (await sacco.api.fetch(new Request(ORIGIN + path))).json()) as {
        readonly items: readonly Readonly<Record<string, unknown>>[]
      }
      if (items.length > 0) return items.map((each) => String(each[name]))
      await new Promise((resolve) => setTimeout(resolve, 100))
    }
    throw new Error(`${path} stays empty`)
  }
  idsOf.set('member', await ids('/v1/members?limit=5', 'memberId'))
  idsOf.set('flag', await ids('/v1/fraud-flags?limit=5', 'flagId'))
  idsOf.set('store', [...sacco.application.topology.stores.keys()])
  const lists = [
    '/v1/members?limit=3',
    '/v1/fraud-flags?limit=3',
    '/v1/loans?limit=3',
    '/v1/dead-letters?limit=2',
    '/v1/stores',
  ]
  for (const path of lists) {
    const body: unknown = await (await sacco.api.fetch(new Request(ORIGIN + path))).json()
    collectTexts(body)
  }
  expect(known.length).toBeGreaterThan(10)
}

function collectTexts(value: unknown): void {
  if (typeof value === 'string' && value.length > 0 && known.length < 400) known.push(value)
  else if (typeof value === 'object' && value !== null) for (const each of Object.values(value)) collectTexts(each)
}

const pick = <T>(prng: Prng, list: readonly T[]): T => list[prng.below(list.length)] as T

const STRANGE = [
  ...[
    '',
    ' ',
    '0',
    '-1',
    '1e9',
    '9'.repeat(40),
    '-0',
    'NaN',
    'null',
    'undefined',
    'true',
    '[]',
    '{}',
    '""',
    '"',
    '{"a":',
  ],
  ...[
    '\u0000',
    'a\u0000b',
    '\ud800',
    '\ufeff',
    '\u202e',
    '漢字',
    '🙂',
    'é',
    '../../etc/passwd',
    '..',
    '.',
    '/',
    '//',
    '%',
    '%2',
    '%zz',
  ],
  ...[
    '__proto__',
    'constructor',
    'toString',
    'hasOwnProperty',
    "' OR 1=1 --",
    '<script>',
    '\r\nx: y',
    ',',
    ',,',
    'a,b',
    '*',
  ],
  ...[
    '2026-02-30',
    '2026-01-01T00:00:00Z',
    '999999999999999',
    '253402300800000',
    '8640000000000001',
    '-271821-04-20',
    '0000-00-00',
  ],
  ...['eyJrZXkiOm51bGx9', 'bnVsbA', 'W10', 'e30', 'x'.repeat(199), 'x'.repeat(1_001), 'y'.repeat(3_000)],
]

function strangeText(prng: Prng): string {
  const kind = prng.below(5)
  if (kind === 0) return String.fromCharCode(...Array.from({ length: prng.below(30) }, () => prng.below(0x1_0000)))
  if (kind === 1) return mutatedText(prng, pick(prng, known))
  if (kind === 2) return pick(prng, known)
  if (kind === 3) return Buffer.from(JSON.stringify(strangeJson(prng, 2))).toString('base64url')
  return pick(prng, STRANGE)
}

function mutatedText(prng: Prng, text: string): string {
  const at = prng.below(text.length + 1)
  const kind = prng.below(4)
  if (kind === 0) return text.slice(0, at)
  if (kind === 1) return text.slice(0, at) + pick(prng, STRANGE) + text.slice(at)
  if (kind === 2) return text + text
  return text.slice(0, at) + String.fromCharCode(prng.below(0x300)) + text.slice(at + 1)
}

function strangeJson(prng: Prng, depth: number): unknown {
  const kind = prng.below(depth > 0 ? 9 : 6)
  if (kind === 0) return null
  if (kind === 1) return prng.below(2) === 0
  if (kind === 2) return pick(prng, [0, -1, 1.5, 1e300, Number.MAX_SAFE_INTEGER, 2 ** 53, -(2 ** 63)])
  if (kind <= 5) return pick(prng, prng.below(2) === 0 ? STRANGE : known)
  if (kind === 6) return Array.from({ length: prng.below(4) }, () => strangeJson(prng, depth - 1))
  const names = [
    'key',
    'id',
    'offset',
    'at',
    'partition',
    'position',
    'timeMs',
    'positions',
    'after',
    '__proto__',
    'token',
  ]
  return Object.fromEntries(
    Array.from({ length: prng.below(4) }, () => [pick(prng, names), strangeJson(prng, depth - 1)]),
  )
}

/** Percent-encoded, or as it is where `new URL` can make sense of it. */
function encoded(prng: Prng, text: string): string {
  if (prng.below(4) === 0) return text.replaceAll(/[#?&\s]/g, '')
  return encodeURIComponent(text.toWellFormed())
}

function urlOf(prng: Prng, route: Route): string {
  const path = route.path.replace(/\{(\w+)\}/g, (_, name: string) => {
    const ids = idsOf.get(name) ?? known
    return encoded(prng, prng.below(2) === 0 ? pick(prng, ids) : strangeText(prng))
  })
  const query: string[] = []
  for (const name of Object.keys(route.queryParameters)) {
    if (prng.below(3) === 0) continue
    const times = prng.below(8) === 0 ? 2 : 1
    for (let i = 0; i < times; i++) query.push(`${name}=${encoded(prng, strangeText(prng))}`)
  }
  if (prng.below(10) === 0) query.push(`${encoded(prng, strangeText(prng))}=1`)
  return `${ORIGIN}${path}${query.length === 0 ? '' : `?${query.join('&')}`}`
}

function bodyOf(prng: Prng, route: Route): string {
  const kind = prng.below(6)
  if (kind === 0) return pick(prng, STRANGE)
  if (kind === 1) return '['.repeat(8_000)
  if (kind === 2) return JSON.stringify({ note: 'x'.repeat(20_000) })
  const schema =
    route.body !== undefined && '$ref' in route.body
      ? components[route.body.$ref.split('/').at(-1) as string]
      : route.body
  const properties = schema !== undefined && 'properties' in schema ? Object.entries(schema.properties ?? {}) : []
  const entries = properties
    .filter(() => prng.below(4) > 0)
    .map(([name, each]) => {
      const sound = 'enum' in each && each.enum !== undefined ? pick(prng, each.enum) : 'sound'
      return [name, prng.below(3) === 0 ? strangeJson(prng, 3) : sound]
    })
  return JSON.stringify(Object.fromEntries(entries))
}

function requestOf(prng: Prng, route: Route): Request | undefined {
  const headers: Record<string, string> = {}
  if (prng.below(3) === 0) headers['last-event-id'] = headerText(prng)
  if (prng.below(3) === 0)
    headers.authorization = pick(prng, ['Bearer ', 'Basic ', '', 'bearer\t', 'Bearer x ']) + headerText(prng)
  if (prng.below(5) === 0) headers.cookie = `mto-session=${headerText(prng)}`
  if (prng.below(5) === 0) headers.accept = headerText(prng)
  const method = (route.method ?? 'get').toUpperCase()
  if (method === 'POST') headers['content-type'] = prng.below(6) === 0 ? headerText(prng) : 'application/json'
  try {
    return new Request(urlOf(prng, route), {
      method,
      headers,
      ...(method === 'POST' ? { body: bodyOf(prng, route) } : {}),
    })
  } catch {
    // No client can send it; what bytes on a socket can hold is sent further below.
    return undefined
  }
}

const headerText = (prng: Prng): string =>
  strangeText(prng)
    .replaceAll(/[^\u0020-\u007e\u00a0-\u00ff]/g, '')
    .slice(0, 4_000)

async function answerOf(api: Api, request: Request): Promise<Response> {
  const late = new Promise<never>((_, reject) => {
    setTimeout(() => reject(new Error(`no answer within ${ANSWER_MS_MAX} ms`)), ANSWER_MS_MAX).unref()
  })
  return Promise.race([api.fetch(request), late])
}

/** What is wrong with an answer; undefined if it is one that the document describes. */
async function problemOfAnswer(answer: Response, route: Route | undefined): Promise<string | undefined> {
  const type = answer.headers.get('content-type') ?? ''
  if (answer.status >= 400) return problemOfRefusal(answer, type)
  if (type.startsWith('text/event-stream')) {
    await answer.body?.cancel()
    return undefined
  }
  if (route === undefined || type !== 'application/json') {
    await answer.body?.cancel()
    return undefined
  }
  const schema = route.answer.content['application/json']
  if (schema === undefined) return 'is JSON, which the document does not say'
  if (answer.status !== (route.answer.status ?? 200)) return `has status ${answer.status}`
  return problemOfJson(schema, await answer.json(), components)
}

async function problemOfRefusal(answer: Response, type: string): Promise<string | undefined> {
  if (type !== 'application/problem+json') return `is ${answer.status} and of type ${type}`
  const problem = (await answer.json()) as {
    status?: unknown
    type?: unknown
    detail?: unknown
    errors?: readonly { field?: unknown; reason?: unknown }[]
  }
  if (problem.status !== answer.status) return `has status ${answer.status} and says ${String(problem.status)}`
  // 501: what this application does not have (a kind of store that cannot be asked so), and says so.
  if (answer.status >= 500 && answer.status !== 501) return `is ${answer.status}: ${String(problem.detail)}`
  if (typeof problem.detail !== 'string' || problem.detail.length < 5) return 'has no detail'
  if (problem.type !== 'urn:mto:problem:bad-parameter') return undefined
  const fields = problem.errors ?? []
  const isNamed =
    fields.length > 0 && fields.every(({ field, reason }) => typeof field === 'string' && typeof reason === 'string')
  return isNamed ? undefined : 'names no field'
}

describe(`input fuzzing (seed ${SEED})`, () => {
  test('every route: a described answer, or a problem that names the field', { timeout: 60_000 }, async () => {
    const statuses = new Map<number, number>()
    for (const [index, route] of sacco.api.routes.entries()) {
      for (let i = 0; i < CASES_PER_ROUTE; i++) {
        const seed = SEED + index * 1_000 + i
        const request = requestOf(createPrng(seed), route)
        if (request === undefined) continue
        const what = `${request.method} ${request.url} (seed ${seed})`
        const answer = await answerOf(sacco.api, request)
        statuses.set(answer.status, (statuses.get(answer.status) ?? 0) + 1)
        // A mutated path may be that of another route.
        const own = new URL(request.url).pathname.split('/').length === route.path.split('/').length ? route : undefined
        expect.soft([what, await problemOfAnswer(answer, own)]).toEqual([what, undefined])
      }
    }
    // Both outcomes must have been seen, or nothing was fuzzed.
    expect(statuses.get(200) ?? 0).toBeGreaterThan(20)
    expect(statuses.get(400) ?? 0).toBeGreaterThan(20)
    expect(statuses.get(404) ?? 0).toBeGreaterThan(20)
  })

  test('mutated tokens and sessions let nobody in', { timeout: 60_000 }, async () => {
    const ask = (headers: Record<string, string>) =>
      answerOf(guarded, new Request(`${ORIGIN}/v1/members?limit=1`, { headers }))
    expect((await ask({ authorization: `Bearer ${token}` })).status).toBe(200)
    for (let i = 0; i < TOKEN_CASES; i++) {
      const prng = createPrng(SEED + i)
      const text = headerText(prng)
      const mutated = mutatedText(prng, token).replaceAll(/[^!-~]/g, '')
      for (const headers of [
        { authorization: `Bearer ${mutated === token ? 'x' : mutated}` },
        { authorization: text },
        { cookie: `mto-session=${text}` },
      ]) {
        const answer = await ask(headers)
        expect([headers, answer.status, await problemOfAnswer(answer, undefined)]).toEqual([headers, 401, undefined])
      }
    }
  })

  test('paths that are no URL, sent as bytes', { timeout: 60_000 }, async () => {
    const { port } = new URL(sacco.server.url)
    for (let i = 0; i < RAW_CASES; i++) {
      const prng = createPrng(SEED + i)
      const bytes = `${pick(prng, ['', '/', '//', '/v1/members/', '/v1/stores/%ff/keys/', 'http://', '*', '/v1/members?limit=%'])}${strangeText(prng)}`
      const path = bytes.replaceAll(/[^\u0021-\u00ff]/g, '%').slice(0, 2_000)
      const status = await new Promise<number>((resolve, reject) => {
        const call = httpRequest({
          port,
          host: '127.0.0.1',
          path,
          headers: { host: 'localhost' },
          timeout: ANSWER_MS_MAX,
        })
        call.on('response', (response) => {
          response.destroy()
          resolve(response.statusCode ?? 0)
        })
        call.on('timeout', () => call.destroy(new Error('no answer')))
        call.on('error', reject)
        call.end()
      })
      expect.soft([path, status], `seed ${SEED + i}`).toEqual([path, expect.toSatisfy((code: number) => code < 500)])
    }
  })
})
