import { createServer, type RequestListener, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { COMPATIBILITY, SchemaRegistry as KafkaJsRegistry, SchemaType } from '@kafkajs/confluent-schema-registry'
import { afterEach, describe, expect, test } from 'vitest'
import { createTopicSerde, definitionOf, type EventDefinition, registerSchemas, SACCO_EVENTS } from '#schemas'
import { createPrng } from '#streams/base'
import { avroText } from '../../schemas/avro/schema-json.ts'
import { schemaRegistryContract } from '../../schemas/serde/schema-registry.contract.ts'
import { randomEvent } from '../../schemas/testing/random-value.ts'
import { createRegistryClient, type RegistryClientOptions } from './registry-client.ts'
import { createEmbeddedRegistry } from './registry-core.ts'
import { startRegistryServer } from './registry-server.ts'
import { createMemoryStore } from './registry-store.ts'

const closers: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const close of closers.splice(0)) await close()
})

async function startRegistry(): Promise<string> {
  const server = await startRegistryServer({ registry: await createEmbeddedRegistry(createMemoryStore()), port: 0 })
  closers.push(() => server.close())
  return server.url
}

describe('port, over HTTP', () => {
  schemaRegistryContract({ test, open: async () => createRegistryClient({ url: await startRegistry() }) })
})

const TOPIC = 'sacco.transaction.events'

/** That client encodes with avsc alone, which changes numbers beyond 2^52 (-(2^53 - 2) comes out positive). */
function withoutHugeNumbers<T>(value: T): T {
  return JSON.parse(JSON.stringify(value), (_, part) => (Math.abs(part) > 2 ** 52 ? 5 : part))
}

describe('with an independent client (@kafkajs/confluent-schema-registry) over HTTP', () => {
  test('it registers, reads back and is refused as it expects', async () => {
    const client = new KafkaJsRegistry({ host: await startRegistry() })
    const definition = definitionOf('deposit.completed') as EventDefinition
    const schema = { type: SchemaType.AVRO, schema: avroText(definition.schema) } as const
    const { id } = await client.register(schema, { subject: definition.fullName, compatibility: COMPATIBILITY.FULL })
    expect(await client.getRegistryId(definition.fullName, 1)).toBe(id)
    expect(await client.getLatestSchemaId(definition.fullName)).toBe(id)
    expect(await client.getRegistryIdBySchema(definition.fullName, schema)).toBe(id)
    const other = {
      type: SchemaType.AVRO,
      schema:
        '{"type":"record","name":"DepositCompleted","namespace":"com.sacco.events","fields":[{"name":"x","type":"int"}]}',
    } as const
    const options = { subject: definition.fullName, compatibility: COMPATIBILITY.FULL }
    await expect(client.register(other, options)).rejects.toThrow(/incompatible with an earlier schema/)
    await expect(client.register(schema, { ...options, compatibility: COMPATIBILITY.NONE })).rejects.toThrow(
      /does not match/,
    )
  })

  test('it reads what we write and writes what we read, for every event type', async () => {
    const url = await startRegistry()
    const schemas = await registerSchemas({
      registry: createRegistryClient({ url }),
      definitions: SACCO_EVENTS,
      compatibility: 'FULL_TRANSITIVE',
    })
    const client = new KafkaJsRegistry({ host: url })
    for (const [index, definition] of SACCO_EVENTS.entries()) {
      const serde = createTopicSerde(definition.topic, schemas)
      const event = withoutHugeNumbers(randomEvent(createPrng(index), definition))
      const ours = serde.serialize(event, definition.topic)
      expect(JSON.parse(JSON.stringify(await client.decode(Buffer.from(ours)))), definition.type).toEqual(event)
      const theirs = await client.encode(schemas.idOf(definition), event)
      expect(new Uint8Array(theirs), definition.type).toEqual(new Uint8Array(ours))
      expect(serde.deserialize(theirs, definition.topic)).toEqual(event)
    }
  })

  test('a schema that it registered later is loaded when the first record arrives', async () => {
    const url = await startRegistry()
    const definition = definitionOf('withdrawal.rejected') as EventDefinition
    const registry = createRegistryClient({ url })
    const schemas = await registerSchemas({ registry, definitions: SACCO_EVENTS })
    const newer = JSON.parse(avroText(definition.schema))
    newer.fields.push({ name: 'trace', type: ['null', 'string'], default: null })
    const client = new KafkaJsRegistry({ host: url })
    const { id } = await client.register(
      { type: SchemaType.AVRO, schema: JSON.stringify(newer) },
      { subject: definition.fullName },
    )
    const event = withoutHugeNumbers(randomEvent(createPrng(5), definition))
    const bytes = await client.encode(id, { ...event, trace: 'abc' })
    const serde = createTopicSerde(TOPIC, schemas)
    await serde.prepare?.(bytes, TOPIC)
    expect(serde.deserialize(bytes, TOPIC)).toStrictEqual(event)
  })
})

async function serve(listener: RequestListener): Promise<string> {
  const server: Server = createServer(listener)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  closers.push(async () => {
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

const fast = (url: string, more: Partial<RegistryClientOptions> = {}) =>
  createRegistryClient({ url, retryBackoffMs: 1, attemptsMax: 3, requestTimeoutMs: 200, random: () => 0, ...more })

describe('a registry that fails', () => {
  test('overload and failures are retried, and then the answer counts', async () => {
    let count = 0
    const url = await serve((_, response) => {
      count++
      response.statusCode = count === 1 ? 503 : count === 2 ? 429 : 200
      response.end(count < 3 ? '<html>busy</html>' : '{"id":7}')
    })
    expect(await fast(url).register('s', '"string"')).toBe(7)
    expect(count).toBe(3)
  })

  test('the attempts are limited, and the message says what happened last', async () => {
    let count = 0
    const url = await serve((_, response) => {
      count++
      response.statusCode = 500
      response.end('{"error_code":50001,"message":"disk full"}')
    })
    await expect(fast(url).schemaById(1)).rejects.toMatchObject({
      code: 'REGISTRY_UNAVAILABLE',
      message: expect.stringMatching(/GET \/schemas\/ids\/1 at .* failed 3 times; the last time: HTTP 500: disk full/),
    })
    expect(count).toBe(3)
  })

  test('a registry that does not answer is given up after the timeout', async () => {
    const url = await serve(() => {})
    await expect(fast(url, { attemptsMax: 2, requestTimeoutMs: 30 }).schemaById(1)).rejects.toThrow(
      /no answer within 30 ms/,
    )
  })

  test('nobody listens', async () => {
    await expect(fast('http://127.0.0.1:1').schemaById(1)).rejects.toMatchObject({ code: 'REGISTRY_UNAVAILABLE' })
  })

  test.each([
    [401, '{"error_code":401,"message":"Unauthorized"}', 'REGISTRY_REFUSED', /HTTP 401: Unauthorized/],
    [409, '{"error_code":409,"message":"no"}', 'SCHEMA_INCOMPATIBLE', /HTTP 409: no/],
    [422, '{"error_code":42201,"message":"bad"}', 'SCHEMA_INVALID', /bad/],
    [200, '<html>a proxy</html>', 'REGISTRY_REFUSED', /has no id: is it a schema registry\?/],
  ])('HTTP %d %s is not retried', async (status, body, code, message) => {
    let count = 0
    const url = await serve((_, response) => {
      count++
      response.statusCode = status
      response.end(body)
    })
    await expect(fast(url).register('s', '"string"')).rejects.toMatchObject({
      code,
      message: expect.stringMatching(message),
    })
    expect(count).toBe(1)
  })

  test('an old registry without the check against all versions is asked for the latest', async () => {
    const paths: string[] = []
    const url = await serve((request, response) => {
      paths.push(String(request.url))
      const isOldPath = request.url?.includes('/latest')
      response.statusCode = isOldPath ? 200 : 404
      response.end(isOldPath ? '{"is_compatible":false}' : '{"error_code":404,"message":"HTTP 404 Not Found"}')
    })
    expect(await fast(url).checkCompatibility('s', '"string"')).toEqual({ compatible: false, reasons: [] })
    expect(paths).toHaveLength(2)
  })
})

test.each([
  [{ kind: 'basic', username: 'u', password: 'p' }, 'Basic dTpw'],
  [{ kind: 'bearer', token: 't' }, 'Bearer t'],
] as const)('credentials are sent: %o', async (auth, expected) => {
  let seen: string | undefined
  const url = await serve((request, response) => {
    seen = request.headers.authorization
    response.end('{"id":1}')
  })
  await fast(`${url}/`, { auth }).register('s', '"string"')
  expect(seen).toBe(expected)
})

test('a port that is taken is an error when the server starts', async () => {
  const url = await startRegistry()
  const registry = await createEmbeddedRegistry(createMemoryStore())
  await expect(startRegistryServer({ registry, port: Number(new URL(url).port) })).rejects.toThrow('EADDRINUSE')
})
