import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createPrng, type Prng } from '#streams/base'
import { askEndpoint, openQueryEndpoint, type PartialAnswer, type QueryEndpoint } from './query-endpoint.ts'
import { encodeWire } from './query-wire.ts'

const SEED = Number(process.env.SEED ?? 20_261_120)
const CASES = 250
const HOST = '127.0.0.1'
const question = { query: { store: 's', kind: 'key', key: 'k' } } as const
const found = {
  answer: { entries: [{ key: 'k', value: 5n }], freshness: [{ taskId: '0_0' }] },
  missing: [],
} as unknown as PartialAnswer

let endpoint: QueryEndpoint
let port = 0
let answer: unknown = found
/** Another process that says whatever it is given. */
let said = ''
const other = createServer((_request, response) => response.end(said))
const portOf = (): number => (other.address() as AddressInfo).port

async function freePort(): Promise<number> {
  const server = createServer().listen(0, HOST)
  await new Promise((resolve) => server.once('listening', resolve))
  const free = (server.address() as AddressInfo).port
  await new Promise((resolve) => server.close(resolve))
  return free
}

beforeAll(async () => {
  port = await freePort()
  endpoint = await openQueryEndpoint({ host: HOST, port }, async () => answer as PartialAnswer)
  await new Promise<void>((resolve) => other.listen(0, HOST, resolve))
})
afterAll(async () => {
  await endpoint.close()
  await new Promise((resolve) => other.close(resolve))
})

const post = (body: string, path = '/mto/query') => fetch(`http://${HOST}:${port}${path}`, { method: 'POST', body })

const PARTS = [
  '',
  '"',
  '{',
  '}',
  '[',
  ',',
  'null',
  '{"$bigint":"x"}',
  '{"$map":5}',
  '{"$set":null}',
  '{"$object":1}',
  '{"$date":"x"}',
  '-1',
  '\u0000',
]
function mutated(prng: Prng, text: string): string {
  const at = prng.below(text.length)
  return text.slice(0, at) + (PARTS[prng.below(PARTS.length)] as string) + text.slice(at + prng.below(12))
}

test(`mutated questions get an answer or a 400 (seed ${SEED})`, async () => {
  answer = found
  const statuses = new Set<number>()
  for (let i = 0; i < CASES; i++) {
    const { status } = await post(mutated(createPrng(SEED + i), encodeWire(question)))
    statuses.add(status)
    expect([200, 400], `SEED=${SEED + i}`).toContain(status)
  }
  expect(statuses.size).toBe(2)
})

test.each(['', 'null', '5', '{}', '{"query":null}', '{"query":{"store":5}}', '['.repeat(100_000)])(
  'no question: %.30s',
  async (body) => {
    expect((await post(body)).status).toBe(400)
  },
)

test('an answer that cannot be written is a 400, and the process goes on', async () => {
  const circle: Record<string, unknown> = {}
  circle.self = circle
  answer = circle
  expect((await post(encodeWire(question))).status).toBe(400)
  answer = found
  expect(await askEndpoint({ host: HOST, port }, question)).toEqual(found.answer)
})

test(`mutated answers are an answer or none (seed ${SEED})`, async () => {
  let none = 0
  for (let i = 0; i < CASES; i++) {
    said = mutated(createPrng(SEED + i), encodeWire({ answer: found }))
    const heard = await askEndpoint({ host: HOST, port: portOf() }, question)
    if (heard === undefined) none++
    else
      expect([Array.isArray(heard.entries), Array.isArray(heard.freshness)], `SEED=${SEED + i}`).toEqual([true, true])
  }
  expect(none).toBeGreaterThan(CASES / 4)
  expect(none).toBeLessThan(CASES)
})
