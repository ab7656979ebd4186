import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, describe, expect, test } from 'vitest'
import { type EmbeddedLog, openEmbeddedLog } from '#connectors/embedded-log'
import {
  createTopicSerde,
  definitionOf,
  type EventDefinition,
  registerSchemas,
  SACCO_EVENTS,
  saccoTopicSpecs,
} from '#schemas'
import { createPrng } from '#streams/base'
import { type Log, SILENT_LOGGER } from '#streams/ports'
import { schemaRegistryContract } from '../../schemas/serde/schema-registry.contract.ts'
import { randomEvent } from '../../schemas/testing/random-value.ts'
import { asSchemaRegistry } from './embedded-schema-registry.ts'
import { createLogStore, SCHEMAS_TOPIC } from './log-store.ts'
import { createEmbeddedRegistry } from './registry-core.ts'

const cleanups: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup()
})

async function newDirectory(): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'mto-registry-'))
  cleanups.push(() => rm(directory, { recursive: true, force: true }))
  return directory
}

async function openLog(directory: string): Promise<EmbeddedLog> {
  const owner = await openEmbeddedLog({ directory, logger: SILENT_LOGGER })
  cleanups.push(() => owner.close())
  return owner
}

const openOn = (log: Log) => createEmbeddedRegistry(createLogStore({ log, nowMs: Date.now }))

describe('port, over the embedded log on a disk', () => {
  const open = async () => asSchemaRegistry(await openOn((await openLog(await newDirectory())).connect()))
  schemaRegistryContract({ test, open })
})

describe('over the embedded log on a disk', () => {
  test('after a restart all schemas have their ids, and old records are read', async () => {
    const directory = await newDirectory()
    const first = await openEmbeddedLog({ directory, logger: SILENT_LOGGER })
    const registry = await openOn(first.connect())
    const definitions = SACCO_EVENTS
    const before = await registerSchemas({
      registry: asSchemaRegistry(registry),
      definitions,
      compatibility: 'FULL_TRANSITIVE',
    })
    const definition = definitionOf('transfer.executed') as EventDefinition
    const event = randomEvent(createPrng(1), definition)
    const bytes = createTopicSerde('sacco.transaction.events', before).serialize(event as never, definition.topic)
    await registry.close()
    await first.close()

    const second = await openLog(directory)
    const restarted = await openOn(second.connect())
    const after = await registerSchemas({
      registry: asSchemaRegistry(restarted),
      definitions,
      compatibility: 'FULL_TRANSITIVE',
    })
    expect(after.snapshot()).toEqual(before.snapshot())
    expect(createTopicSerde('sacco.transaction.events', after).deserialize(bytes, definition.topic)).toStrictEqual(
      event,
    )
    const [topic] = (await second.connect().admin.describeTopics([SCHEMAS_TOPIC])).values()
    expect(topic).toMatchObject({ partitions: 1, config: { cleanupPolicy: 'compact', retentionMs: -1 } })
  })

  test('two registries on one log never give one id to two schemas', async () => {
    const owner = await openLog(await newDirectory())
    const left = await openOn(owner.connect())
    const schema = (name: string) => ({ schema: JSON.stringify({ type: 'record', name, fields: [] }) })
    expect(await left.register('a', schema('A'))).toBe(1)
    const right = await openOn(owner.connect())
    expect(await right.register('b', schema('B'))).toBe(2)
    await expect(left.register('c', schema('C'))).rejects.toMatchObject({ errorCode: 50001 })
    expect(await left.register('c', schema('C'))).toBe(3)
    expect(left.state.subjects(false)).toEqual(['a', 'b', 'c'])
  })

  test('after compaction it knows the same', async () => {
    const owner = await openLog(await newDirectory())
    const registry = await openOn(owner.connect())
    for (const level of ['NONE', 'FULL', 'BACKWARD', 'NONE']) await registry.setCompatibility(null, level)
    await registry.register('a', { schema: '"string"' })
    await registry.deleteSubject('a', { permanent: false })
    await registry.deleteSubject('a', { permanent: true })
    await owner.compactNow(SCHEMAS_TOPIC)
    const other = await openOn(owner.connect())
    expect(other.effectiveCompatibility(null)).toBe('NONE')
    expect(await other.register('a', { schema: '"int"' })).toBe(2)
  })
})

test('the topics of the platform can be created on the embedded log as they are specified', async () => {
  const { admin } = (await openLog(await newDirectory())).connect()
  const specs = saccoTopicSpecs()
  await admin.createTopics(specs)
  const described = await admin.describeTopics(specs.map((spec) => spec.name))
  for (const { name, partitions, config } of specs)
    expect(described.get(name)).toMatchObject({ name, partitions, config })
})
