import { describe, expect, test } from 'vitest'
import { SchemaError } from '#schemas'
import { createPrng, type Prng, utf8Encode } from '#streams/base'
import { createRegistryApp } from './registry-app.ts'
import { createRegistryClient } from './registry-client.ts'
import { createEmbeddedRegistry } from './registry-core.ts'
import { decodeRegistryRecord } from './registry-records.ts'
import { createRegistryState } from './registry-state.ts'
import { createMemoryStore } from './registry-store.ts'

/** Requests to the registry, answers of another one, and records of its topic, random and mutated. */
const SEED = Number(process.env.SEED ?? 20_261_120)
const CASES = 1_500

const pick = <T>(prng: Prng, list: readonly T[]): T => list[prng.below(list.length)] as T
const TEXTS = [
  '',
  'R',
  'latest',
  '-1',
  '0',
  '1',
  '1.5',
  '999999999',
  '../x',
  '%',
  '漢',
  '__proto__',
  ':.:',
  'FULL',
  'READONLY',
  '"string"',
  '{"type":"record"',
  '{"type":"record","name":"R","fields":[]}',
  '{"type":"record","name":"R","fields":[{"name":"a","type":"R"}]}',
  '{"type":"array"}',
  '[]',
  '[1]',
  'null',
  '{"type":"fixed","name":"F","size":-1}',
  `${'{"type":"array","items":'.repeat(2_000)}"int"${'}'.repeat(2_000)}`,
]
const NAMES = [
  'schema',
  'schemaType',
  'references',
  'compatibility',
  'compatibilityLevel',
  'mode',
  'id',
  'version',
  'subject',
  'deleted',
  'is_compatible',
  'messages',
  'error_code',
  'message',
  'maxId',
  'keytype',
  'magic',
]

function value(prng: Prng, depth = 2): unknown {
  const kind = prng.below(depth > 0 ? 8 : 5)
  if (kind === 0) return null
  if (kind === 1) return pick(prng, [0, 1, -1, 1.5, 1e300, 2 ** 31, true, false])
  if (kind <= 4) return pick(prng, TEXTS)
  if (kind === 5) return Array.from({ length: prng.below(3) }, () => value(prng, depth - 1))
  return Object.fromEntries(
    Array.from({ length: 1 + prng.below(4) }, () => [pick(prng, NAMES), value(prng, depth - 1)]),
  )
}

const json = (prng: Prng): string => {
  const text = JSON.stringify(value(prng))
  return prng.below(6) === 0 ? text.slice(0, prng.below(text.length)) : text
}

describe(`input fuzzing (seed ${SEED})`, () => {
  test('requests: what is asked, or a refusal with a code; never a 500', async () => {
    let app = createRegistryApp(await createEmbeddedRegistry(createMemoryStore()))
    const paths = [
      '/subjects/S/versions',
      '/subjects/S',
      '/compatibility/subjects/S/versions',
      '/compatibility/subjects/S/versions/V',
      '/config',
      '/config/S',
      '/mode/S',
      '/schemas/ids/V',
      '/schemas/ids/V/versions',
      '/subjects/S/versions/V',
      '/subjects',
      '/schemas',
    ]
    const statuses = new Set<number>()
    for (let i = 0; i < CASES; i++) {
      const prng = createPrng(SEED + i)
      // A mode of the whole registry would refuse everything from then on.
      if (i % 100 === 99) app = createRegistryApp(await createEmbeddedRegistry(createMemoryStore()))
      const text = (): string => encodeURIComponent(pick(prng, TEXTS).slice(0, 100))
      const path = pick(prng, paths)
        .replace('S', prng.below(2) === 0 ? 'sound' : text())
        .replace('V', text())
      const query =
        prng.below(3) === 0 ? `?${pick(prng, ['deleted', 'permanent', 'offset', 'limit', 'verbose'])}=${text()}` : ''
      const method = pick(prng, ['GET', 'POST', 'POST', 'PUT', 'DELETE'])
      const sound = JSON.stringify({ schema: pick(prng, TEXTS) })
      const body = method === 'POST' || method === 'PUT' ? (prng.below(2) === 0 ? sound : json(prng)) : undefined
      const response = await app.request(path + query, { method, ...(body === undefined ? {} : { body }) })
      const what = `SEED=${SEED + i}: ${method} ${path}${query} ${body?.slice(0, 200)}`
      statuses.add(response.status)
      const answer: unknown = JSON.parse(await response.text())
      expect(response.status, `${what}: ${JSON.stringify(answer)}`).toBeLessThan(500)
      if (response.status >= 400)
        expect(answer, what).toEqual({ error_code: expect.any(Number), message: expect.any(String) })
    }
    expect([...statuses]).toEqual(expect.arrayContaining([200, 404, 422]))
  })

  test('answers of another registry: what they say, or an error with a code', async () => {
    for (let i = 0; i < CASES; i++) {
      const prng = createPrng(SEED + i)
      const client = createRegistryClient({
        url: 'http://registry',
        attemptsMax: 1,
        fetch: async () =>
          new Response(json(prng), { status: pick(prng, [200, 200, 200, 201, 404, 405, 409, 422, 500]) }),
      })
      const calls = [
        () => client.register('s', '"string"'),
        () => client.checkCompatibility('s', '"string"'),
        () => client.schemaById(1),
        () => client.versionsOf('s'),
        () => client.setCompatibility('s', 'FULL'),
      ]
      try {
        const answer: unknown = await pick(prng, calls)()
        if (typeof answer === 'number')
          expect(Number.isSafeInteger(answer) && answer >= 0, `SEED=${SEED + i}`).toBe(true)
      } catch (error) {
        expect(error, `SEED=${SEED + i}: ${(error as Error).stack}`).toBeInstanceOf(SchemaError)
      }
    }
  })

  test('records of the topic: applied, ignored, or SCHEMA_INVALID', () => {
    const state = createRegistryState()
    let applied = 0
    for (let i = 0; i < CASES; i++) {
      const prng = createPrng(SEED + i)
      const keytype = pick(prng, [
        'SCHEMA',
        'CONFIG',
        'MODE',
        'DELETE_SUBJECT',
        'CLEAR_SUBJECT',
        'NOOP',
        'CONTEXT',
        'toString',
      ])
      const key =
        prng.below(4) === 0
          ? json(prng)
          : JSON.stringify({
              keytype,
              subject: pick(prng, TEXTS),
              version: 1,
              magic: 0,
              ...(prng.below(3) === 0 ? (value(prng) as object) : {}),
            })
      const bytes =
        prng.below(10) === 0 ? null : prng.below(10) === 0 ? Uint8Array.of(0xff, 0xfe) : utf8Encode(json(prng))
      try {
        const record = decodeRegistryRecord(utf8Encode(key), bytes)
        if (record === undefined) continue
        state.apply(record)
        applied++
      } catch (error) {
        expect(error, `SEED=${SEED + i}: ${(error as Error).stack}`).toBeInstanceOf(SchemaError)
      }
      expect(Number.isSafeInteger(state.idMax), `SEED=${SEED + i}`).toBe(true)
      for (const subject of state.subjects(true)) expect(subject).not.toBe('undefined')
    }
    expect(applied).toBeGreaterThan(20)
  })
})

test.each(['<html>', 'null', '5', '[]', '{}'])(
  "a proxy's page with status 200 (%s) is no schema registry",
  async (page) => {
    const client = createRegistryClient({ url: 'http://proxy', attemptsMax: 1, fetch: async () => new Response(page) })
    for (const call of [
      () => client.schemaById(1),
      () => client.register('s', '"int"'),
      () => client.checkCompatibility('s', '"int"'),
    ]) {
      await expect(call()).rejects.toMatchObject({ name: 'SchemaError', code: 'REGISTRY_REFUSED' })
    }
  },
)

test.each([
  ['a level that is none', '{"keytype":"CONFIG","subject":null,"magic":0}', '{"compatibilityLevel":5}'],
  ['a schema of no subject', '{"keytype":"SCHEMA","version":1,"magic":1}', null],
  ['a highest id that is a text', '{"keytype":"NOOP","magic":0}', '{"maxId":"7"}'],
])('a record with %s is refused', (_what, key, text) => {
  const read = () => decodeRegistryRecord(utf8Encode(key), text === null ? null : utf8Encode(text))
  expect(read).toThrow(SchemaError)
})
