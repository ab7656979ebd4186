import { SchemaRegistry as KafkaJsRegistry } from '@kafkajs/confluent-schema-registry'
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest'
import { createKafkaLog } from '#connectors/kafka'
import { createTopicSerde, registerSchemas, SACCO_EVENTS, type SchemaRegistry } from '#schemas'
import { createPrng } from '#streams/base'
import { NO_HEADERS } from '#streams/ports'
import { schemaRegistryContract } from '../../schemas/serde/schema-registry.contract.ts'
import { randomEvent } from '../../schemas/testing/random-value.ts'
import { freePort } from '../../testing/broker/index.ts'
import { type RealRegistry, startRegistry, whyNoRegistry } from '../../testing/registry/start-registry.ts'
import { createRegistryClient } from './registry-client.ts'

/** Apicurio Registry, through Confluent's interface: what the embedded registry and its client are to be like. */
const reason = await whyNoRegistry()
const brokers = inject('kafkaBrokers')
let registry: RealRegistry

beforeAll(async () => {
  if (reason === undefined) registry = await startRegistry(await freePort())
}, 420_000)
afterAll(async () => {
  if (reason === undefined) await registry.stop()
}, 30_000)

/** What this registry does otherwise than Confluent's. */
const DIFFERENT: ReadonlyMap<string, string> = new Map([
  ['an incompatible schema is refused with a reason and changes nothing', 'Apicurio gives no reasons'],
  ['what is no schema is refused as such', 'Apicurio takes some of these texts'],
])

describe.skipIf(reason !== undefined)(`a real registry${reason === undefined ? '' : ` (skipped: ${reason})`}`, () => {
  const open = async (): Promise<SchemaRegistry> => {
    await registry.clear()
    return createRegistryClient({ url: registry.url })
  }
  schemaRegistryContract({
    test: (name, body) =>
      DIFFERENT.has(name) ? test.skip(`${name} (${DIFFERENT.get(name)})`, body) : test(name, body),
    open,
  })

  test('an incompatible schema is refused and changes nothing', async () => {
    const client = await open()
    await client.setCompatibility('n.R', 'BACKWARD')
    const text = (...fields: readonly object[]): string => JSON.stringify({ type: 'record', name: 'R', fields })
    const a = { name: 'a', type: 'string' }
    const id = await client.register('n.R', text(a))
    const wider = text(a, { name: 'b', type: 'int' })
    expect(await client.checkCompatibility('n.R', wider)).toMatchObject({ compatible: false })
    await expect(client.register('n.R', wider)).rejects.toMatchObject({ code: 'SCHEMA_INCOMPATIBLE' })
    expect(await client.register('n.R', text(a))).toBe(id)
  })

  test('every event type of the SACCO is registered, twice with the same ids', { timeout: 60_000 }, async () => {
    const register = () =>
      registerSchemas({
        registry: createRegistryClient({ url: registry.url }),
        definitions: SACCO_EVENTS,
        compatibility: 'FULL_TRANSITIVE',
      })
    const schemas = await register()
    expect((await register()).snapshot()).toEqual(schemas.snapshot())
  })

  test('what goes over Kafka is read with the schemas of the registry alone', { timeout: 60_000 }, async () => {
    const schemas = await registerSchemas({
      registry: createRegistryClient({ url: registry.url }),
      definitions: SACCO_EVENTS,
      compatibility: 'FULL_TRANSITIVE',
    })
    const topic = `registry-${Date.now().toString(36)}`
    const log = await createKafkaLog({ brokers, clientId: 'registry-test' })
    await log.admin.createTopics([{ name: topic, partitions: 1 }])
    const producer = await log.createProducer({ clientId: 'p', bufferBytesMax: 1_000_000 })
    await producer.prepareTopics([topic])
    const sent = SACCO_EVENTS.map((definition, index) => {
      const event = withoutHugeNumbers(randomEvent(createPrng(index), definition))
      const bytes = createTopicSerde(definition.topic, schemas).serialize(event, definition.topic)
      producer.send(topic, 0, null, bytes, 1, NO_HEADERS)
      return event
    })
    await producer.close()
    const consumer = await log.createConsumer({
      clientId: 'c',
      isolation: 'read_committed',
      pollRecordsMax: 1_000,
      pollBytesMax: 1_000_000,
    })
    consumer.assign([{ topic, partition: 0, offset: 0 }])
    const reader = new KafkaJsRegistry({ host: registry.url })
    const read: unknown[] = []
    for (let polls = 0; read.length < sent.length && polls < 50; polls++) {
      for (const { records } of await consumer.poll(200))
        for (const { value } of records)
          read.push(JSON.parse(JSON.stringify(await reader.decode(Buffer.from(value ?? [])))))
    }
    expect(read).toEqual(sent)
    await log.close()
  })
})

/** That client reads with avsc alone, which changes numbers beyond 2^52. */
function withoutHugeNumbers<T>(value: T): T {
  return JSON.parse(JSON.stringify(value), (_, part) => (Math.abs(part) > 2 ** 52 ? 5 : part))
}
