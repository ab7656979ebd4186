import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { COMPONENTS } from './create-api.ts'
import { type JsonSchema, problemOfJson } from './http/json-schema.ts'
import { methodOf } from './http/mount.ts'
import type { Route } from './http/route.ts'
import { PROBLEM_COMPONENT } from './openapi/document.ts'
import { DEFAULT_START_MS, type RunningSacco, startRunningSacco } from './testing/running-sacco.ts'

const DAY_MS = 86_400_000
const components = { ...COMPONENTS, Problem: PROBLEM_COMPONENT }
let sacco: RunningSacco
let member: string

const call = (path: string, headers: Record<string, string> = {}): Promise<Response> =>
  Promise.resolve(sacco.api.fetch(new Request(`http://localhost${path}`, { headers })))
// biome-ignore lint/suspicious/noExplicitAny: answers are checked against their schemas, not by types
const json = async (path: string): Promise<any> => (await call(path)).json()

/** Until everything that was sent is committed: in three looks, one after the other, nothing moved. */
async function untilQuiet(): Promise<void> {
  const looks = new Set<string>()
  while (looks.size < 3) {
    await new Promise((resolve) => setTimeout(resolve, 200))
    const { now } = await json('/v1/system')
    if (now === null || now.processedPerSecond > 0 || now.lagRecords > 0) looks.clear()
    else looks.add(now.at)
  }
}

beforeAll(async () => {
  sacco = await startRunningSacco({
    members: 120,
    stream: { scenarios: { fraudPerDay: 3 }, flaws: { malformed: 0.01 } },
  })
  await sacco.feed.until(DEFAULT_START_MS + 4 * DAY_MS)
  await untilQuiet()
  member = (await json('/v1/members?order=risk&limit=1')).items[0].memberId
}, 120_000)
afterAll(() => sacco?.close())

/** Every route once, with arguments that exist. */
async function examplePath({ path }: Route): Promise<string> {
  const flag = (await json('/v1/fraud-flags?limit=1')).items[0].id
  const loan = (await json('/v1/stores/loans/range?limit=1')).items[0].key
  return path
    .replace('{member}', member)
    .replace('{flag}', flag)
    .replace('{loan}', loan)
    .replace('{store}', 'members')
    .replace('{key}', member)
}

/** Those that only read, and end. */
const reads = () => sacco.api.routes.filter((each) => methodOf(each) === 'get' && !each.path.startsWith('/v1/live'))

describe('every route', () => {
  test('answers as the OpenAPI document says', async () => {
    const checked: string[] = []
    for (const route of reads()) {
      const response = await call(await examplePath(route))
      expect([route.path, response.status]).toEqual([route.path, 200])
      const type = response.headers.get('content-type')?.split(';')[0] ?? ''
      const schema = route.answer.content[type] as JsonSchema
      expect([route.path, type, schema !== undefined]).toEqual([route.path, type, true])
      if (type !== 'application/json') continue
      expect([route.path, problemOfJson(schema, await response.json(), components)]).toEqual([route.path, undefined])
      checked.push(route.path)
    }
    expect(checked.length).toBeGreaterThan(15)
  })

  test('refuses what is not a parameter of it, naming it', async () => {
    for (const route of reads()) {
      const response = await call(`${await examplePath(route)}?mistake=1`)
      expect([route.path, response.status]).toEqual([route.path, 400])
      expect(response.headers.get('content-type')).toBe('application/problem+json')
      const problem = (await response.json()) as { errors: { field: string }[] }
      expect(problemOfJson(PROBLEM_COMPONENT, problem, components)).toBeUndefined()
      expect(problem.errors[0]?.field).toBe('mistake')
    }
  })

  test('is in the document, with all its parameters', async () => {
    const document = await json('/openapi.json')
    expect(document.openapi).toBe('3.1.0')
    for (const route of sacco.api.routes) {
      const operation = document.paths[route.path][methodOf(route)]
      const names = Object.keys({ ...route.pathParameters, ...route.queryParameters })
      expect(operation.parameters.map(({ name }: { name: string }) => name)).toEqual(names)
      expect([route.operation, operation.requestBody === undefined]).toEqual([
        route.operation,
        route.body === undefined,
      ])
    }
    const text = JSON.stringify(document)
    for (const [, name] of text.matchAll(/#\/components\/schemas\/(\w+)/g)) {
      expect(document.components.schemas).toHaveProperty(name as string)
    }
  })
})

describe('problems', () => {
  test.each([
    ['/v1/members/NOBODY', 404, 'There is no member "NOBODY".'],
    ['/v1/members/NOBODY/balances', 404, 'There is no member "NOBODY".'],
    ['/v1/members/NOBODY/events', 404, 'There is no member "NOBODY".'],
    ['/v1/fraud-flags/none', 404, 'There is no fraud flag "none".'],
    ['/v1/loans/none', 404, 'There is no loan "none".'],
    ['/v1/stores/none/keys/a', 404, 'There is no store "none"'],
    ['/v1/stores/members/keys/NOBODY', 404, 'Store members has no key "NOBODY".'],
    ['/v1/nothing', 404, '/openapi.json lists'],
    ['/v1/fraud-flags?severity=worst', 400, 'severity "worst" is none of low, medium, high, critical'],
    ['/v1/fraud-flags?limit=100000', 400, 'limit must be from 1 to 500'],
    ['/v1/fraud-flags?cursor=abc', 400, 'cursor is not one that this list gave out'],
    ['/v1/fraud-flags?from=2026-03-02&to=2026-03-01', 400, 'from is after'],
    ['/v1/members?order=risk&cursor=WyJpZCIsIk0xIiwwXQ', 400, 'cursor is of a list in another order'],
    ['/v1/topology?format=png', 400, 'format must be json, text, mermaid'],
  ])('%s: %i', async (path, status, detail) => {
    const response = await call(path)
    const problem = (await response.json()) as { status: number; detail: string; type: string }
    expect(response.status).toBe(status)
    expect(problem.detail).toContain(detail)
    expect(problem.type).toMatch(/^urn:mto:problem:/)
    expect(problem.status).toBe(status)
  })

  test.each([
    ['POST', '/v1/members', 'GET, HEAD'],
    ['PUT', '/v1/session', 'GET, HEAD, POST, DELETE'],
    ['DELETE', '/v1/fraud-flags/F1/reviews', 'POST'],
  ])('%s %s is not possible, and the answer says what is', async (method, path, allow) => {
    const response = await sacco.api.fetch(new Request(`http://localhost${path}`, { method }))
    expect([response.status, response.headers.get('allow')]).toEqual([405, allow])
  })

  test('a name that is not this server is refused', async () => {
    const response = await sacco.api.fetch(new Request('http://evil.example/v1/members'))
    expect(response.status).toBe(421)
  })

  test('no page may be framed, and no cache keeps members', async () => {
    const { headers } = await call(`/v1/members/${member}`)
    expect(headers.get('content-security-policy')).toContain("default-src 'none'")
    expect(headers.get('content-security-policy')).toContain("frame-ancestors 'none'")
    expect(headers.get('cache-control')).toBe('no-store')
  })
})

describe('lists', () => {
  test.each([
    '/v1/fraud-flags',
    '/v1/members',
    '/v1/members?order=risk',
    '/v1/stores/members/range',
    '/v1/stores/balance-history/range?prefix=A00001',
    '/v1/stores/loans/range?order=descending',
    '/v1/dead-letters',
  ])('%s by small pages is the same as by a large one', async (path) => {
    const mark = path.includes('?') ? '&' : '?'
    const idOf = (item: Record<string, string>) => item.id ?? item.memberId ?? item.key
    const whole = (await json(`${path}${mark}limit=40`)).items.map(idOf)
    const paged: unknown[] = []
    let next: string | null = ''
    while (next !== null && paged.length < 40) {
      const page = await json(`${path}${mark}limit=7${next === '' ? '' : `&cursor=${next}`}`)
      paged.push(...page.items.map(idOf))
      next = page.next
    }
    expect(whole.length).toBeGreaterThan(7)
    expect(paged.slice(0, whole.length)).toEqual(whole)
    expect(new Set(paged).size).toBe(paged.length)
  })

  test('flags are the newest first, and filters leave out the others', async () => {
    const all = (await json('/v1/fraud-flags?limit=500')).items
    const ids = all.map(({ id }: { id: string }) => id)
    expect(ids).toEqual([...ids].sort().reverse())
    const { severity, rule, memberId } = all.find((flag: { memberId: string | null }) => flag.memberId !== null)
    const path = `/v1/fraud-flags?limit=500&severity=${severity}&rule=${rule.id}&member=${memberId}`
    const expected = all.filter(
      (flag: typeof all) => flag.severity === severity && flag.rule.id === rule.id && flag.memberId === memberId,
    )
    expect((await json(path)).items).toEqual(expected)
    expect(expected.length).toBeGreaterThan(0)
  })

  test('members are found by any part of what is known of them', async () => {
    const { items } = await json('/v1/members?limit=5')
    const [, , third] = items
    const words = third.name.toUpperCase().split(' ')
    const found = (await json(`/v1/members?search=${encodeURIComponent(words.reverse().join(' '))}&limit=500`)).items
    expect(found.map(({ memberId }: { memberId: string }) => memberId)).toContain(third.memberId)
    expect((await json('/v1/members?search=nobody-has-this')).items).toEqual([])
  })
})

describe('balances', () => {
  test('as of a moment are those after the last movement before it', async () => {
    const movements = (await json(`/v1/members/${member}/movements?limit=500`)).items
    const moved = movements.filter(({ amount }: { amount: { minorUnits: number } }) => amount.minorUnits !== 0)
    const { time, accountId, balance, amount } = moved[Math.floor(moved.length / 2)]
    const at = async (moment: number) => {
      const { items } = await json(`/v1/members/${member}/balances?asOf=${moment}`)
      return items.find((account: { accountId: string }) => account.accountId === accountId).balance.minorUnits
    }
    expect(await at(Date.parse(time))).toBe(balance.minorUnits)
    expect(await at(Date.parse(time) - 1)).toBe(balance.minorUnits - amount.minorUnits)
  })

  test('now are the balances after the newest movements', async () => {
    const movements = (await json(`/v1/members/${member}/movements?limit=500`)).items
    const { items } = await json(`/v1/members/${member}/balances`)
    for (const account of items) {
      const newest = movements.find(({ accountId }: { accountId: string }) => accountId === account.accountId)
      if (newest !== undefined) expect(account.balance).toEqual(newest.balance)
    }
  })
})

describe('the work on a flag', () => {
  const send = (flag: string, body: unknown, headers: Record<string, string> = {}): Promise<Response> =>
    Promise.resolve(
      sacco.api.fetch(
        new Request(`http://localhost/v1/fraud-flags/${flag}/reviews`, {
          method: 'POST',
          headers: { 'content-type': 'application/json', ...headers },
          body: typeof body === 'string' ? body : JSON.stringify(body),
        }),
      ),
    )
  /** Sends, and reads the flag when it has it. */
  const work = async (flag: string, body: object) => {
    const response = await send(flag, body)
    const accepted = (await response.json()) as { eventId: string; position: { topic: string; offset: number } }
    expect([response.status, accepted]).toEqual([202, expect.objectContaining({ flagId: flag, accepted: true })])
    for (;;) {
      const seen = await json(`/v1/fraud-flags/${flag}`)
      if (seen.history.some(({ eventId }: { eventId: string }) => eventId === accepted.eventId)) return seen
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
  }
  const idsOf = async (query: string) =>
    (await json(`/v1/fraud-flags?limit=500&${query}`)).items.map(({ id }: { id: string }) => id)
  const openFlags = async () => idsOf('status=open')

  test('it is taken, annotated and closed, and the lists follow', async () => {
    const [flag, other] = await openFlags()
    expect(await json(`/v1/fraud-flags/${flag}`)).toMatchObject({ status: 'open', assignee: null, history: [] })
    const taken = await work(flag, { action: 'take', by: 'S01-ANNA' })
    expect(taken).toMatchObject({ status: 'taken', assignee: 'S01-ANNA' })
    const noted = await work(flag, { action: 'note', note: 'I have called the member.', by: 'S01-BEN' })
    expect(noted).toMatchObject({ status: 'taken', assignee: 'S01-ANNA' })
    expect(await idsOf('assignee=S01-ANNA&status=taken')).toEqual([flag])
    const refused = await work(flag, { action: 'close', outcome: 'confirmed', note: 'Clear.', by: 'S01-BEN' })
    expect(refused).toMatchObject({ status: 'taken' })
    expect(refused.history.at(-1)).toMatchObject({ action: 'close', by: 'S01-BEN', refused: 'taken-by-another' })
    const closed = await work(flag, { action: 'close', outcome: 'reported', note: 'Sent to the FRC.', by: 'S01-ANNA' })
    expect(closed).toMatchObject({ status: 'closed_reported', review: { by: 'S01-ANNA', reason: 'Sent to the FRC.' } })
    expect(closed.history.map(({ action }: { action: string }) => action)).toEqual(['take', 'note', 'close', 'close'])
    expect(await idsOf('status=closed')).toEqual([flag])
    expect(await idsOf('status=closed_confirmed')).toEqual([])
    const open = await openFlags()
    expect([open.includes(flag), open.includes(other)]).toEqual([false, true])
    expect(await work(flag, { action: 'reopen', note: 'New evidence.', by: 'S01-BEN' })).toMatchObject({
      status: 'open',
    })
    expect(await openFlags()).toContain(flag)
  })

  test('the same event sent again counts once', async () => {
    const [, flag] = await openFlags()
    const body = { action: 'take', by: 'S01-ANNA', eventId: 'review-once' }
    await work(flag, body)
    await send(flag, body)
    const released = await work(flag, { action: 'release', note: 'Not mine.', by: 'S01-ANNA' })
    expect(released.history).toHaveLength(2)
  })

  test('who follows the feed hears of it', async () => {
    const [, , flag] = await openFlags()
    const response = await call('/v1/live/fraud-flags')
    const reader = (response.body as ReadableStream<Uint8Array>).pipeThrough(new TextDecoderStream()).getReader()
    await readUntil(reader, 'event: hello')
    await send(flag, { action: 'take', by: 'S01-ANNA', eventId: 'review-heard' })
    const text = await readUntil(reader, 'event: review')
    expect(text).toContain(`"flagId":"${flag}","by":"S01-ANNA","eventId":"review-heard"`)
    await reader.cancel()
  })

  test.each([
    ['nobody', { action: 'take' }, 400, 'by must say who does it'],
    ['no outcome', { action: 'close', note: 'x', by: 'A' }, 400, 'outcome says how it ended'],
    ['no reason', { action: 'close', outcome: 'confirmed', by: 'A' }, 400, 'note must say why'],
    ['an outcome too early', { action: 'take', outcome: 'confirmed', by: 'A' }, 400, 'outcome goes with close only'],
    ['an unknown action', { action: 'delete', by: 'A' }, 400, '$.action: must be take, note'],
    ['an unknown field', { action: 'take', by: 'A', more: 1 }, 400, '$.more: is not described'],
    ['a wrong id', { action: 'take', by: 'a b' }, 400, '$.by: must match'],
    ['no JSON', '{', 400, 'not JSON'],
    ['very much', { action: 'note', by: 'A', note: 'x'.repeat(20_000) }, 413, 'more than 16384 bytes'],
  ])('with %s it is refused', async (_what, body, status, detail) => {
    const [flag] = await openFlags()
    const response = await send(flag, body)
    const problem = (await response.json()) as { detail: string }
    expect([response.status, problem.detail]).toEqual([status, expect.stringContaining(detail)])
  })

  test('of a flag that there is not, nothing is written', async () => {
    expect((await send('none', { action: 'take', by: 'A' })).status).toBe(404)
  })

  test.each([
    [{ 'content-type': 'text/plain' }, 415],
    [{ origin: 'http://evil.example' }, 403],
    [{ 'sec-fetch-site': 'cross-site' }, 403],
    [{ origin: 'null' }, 403],
  ])('a page of another site cannot send %j: %i', async (headers, status) => {
    const [flag] = await openFlags()
    expect((await send(flag, { action: 'take', by: 'A' }, headers)).status).toBe(status)
  })
})

test('bad input is among the dead letters with its reason, and counted', async () => {
  const letters = (await json('/v1/dead-letters?limit=500')).items
  const reasons = new Set(letters.map(({ reason }: { reason: string }) => reason))
  expect([...reasons]).toEqual(expect.arrayContaining(['unreadable', 'invalid', 'too-late']))
  const [invalid, other] = (await json('/v1/dead-letters?reason=invalid&limit=1')).items
  expect([invalid.reason, other]).toEqual(['invalid', undefined])
  expect(invalid.value.data.amount_minor).toBeLessThan(0)
  const only = (await json('/v1/dead-letters?reason=invalid&limit=500')).items
  expect(only).toEqual(letters.filter(({ reason }: { reason: string }) => reason === 'invalid'))
  const { now } = await json('/v1/system')
  expect(now.deadLetters).toBeGreaterThan(0)
  const { items } = await json('/v1/input-accounting')
  expect(items.some(({ outcome }: { outcome: string }) => outcome === 'duplicate')).toBe(true)
})

test('metrics have the names of Kafka Streams and those of the requirement document', async () => {
  const text = await (await call('/metrics')).text()
  for (const name of [
    'events_produced_per_second',
    'events_consumed_per_second',
    'event_processing_latency_seconds_bucket',
    'dead_letter_queue_size',
    'kafka_broker_throughput',
    'consumer_lag_seconds',
    'topic_partition_count',
    'kafka_streams_stream_task_metrics_process_total',
    'process_resident_memory_bytes',
    'http_request_duration_seconds_bucket',
  ]) {
    expect(text).toMatch(new RegExp(`^${name}(\\{| )`, 'm'))
  }
  for (const line of text.split('\n').filter((each) => each !== '' && !each.startsWith('#'))) {
    expect(line).toMatch(/^[a-zA-Z_:][a-zA-Z0-9_:]*(\{([a-zA-Z_]\w*="[^"]*",?)*\})? (-?[\d.e+-]+|NaN|\+Inf)$/)
  }
})

test('health names the checks of the requirement document', async () => {
  expect(await json('/healthz')).toEqual({
    status: 'ok',
    state: 'running',
    checks: { kafka_brokers: true, consumer_groups: true, topic_health: true },
  })
})

test('the topology as JSON, text and Mermaid', async () => {
  expect(await (await call('/v1/topology', { accept: 'text/plain' })).text()).toMatch(/^Topologies:/)
  expect(await (await call('/v1/topology?format=mermaid')).text()).toMatch(/^flowchart LR\n {2}subgraph/)
  expect((await call('/v1/topology', { accept: 'image/png' })).status).toBe(406)
})

test('live flags go on where a client stopped', async () => {
  const first = await call('/v1/live/fraud-flags')
  const reader = (first.body as ReadableStream<Uint8Array>).pipeThrough(new TextDecoderStream()).getReader()
  const hello = await readUntil(reader, 'event: hello')
  const id = /id: ([\d.]+)\nevent: hello/.exec(hello)?.[1] as string
  await reader.cancel()
  const before = (await json('/v1/fraud-flags?limit=500')).items.length
  await sacco.feed.until(DEFAULT_START_MS + 6 * DAY_MS)
  await untilQuiet()
  const raised = (await json('/v1/fraud-flags?limit=500')).items.length - before
  expect(raised).toBeGreaterThan(0)
  const again = await call('/v1/live/fraud-flags', { 'last-event-id': id })
  const resumed = (again.body as ReadableStream<Uint8Array>).pipeThrough(new TextDecoderStream()).getReader()
  let text = ''
  while (text.split('event: flag').length - 1 < raised) text += await readUntil(resumed, 'event: flag')
  await resumed.cancel()
  expect(text).toContain('"resumed":true')
}, 60_000)

async function readUntil(reader: ReadableStreamDefaultReader<string>, mark: string): Promise<string> {
  let text = ''
  while (!text.includes(mark)) {
    const { value, done } = await reader.read()
    if (done) throw new Error(`the stream ended before ${mark}: ${text}`)
    text += value
  }
  return text
}
