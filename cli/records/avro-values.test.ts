import { afterAll, beforeAll, expect, test } from 'vitest'
import { createLogOwner, createMemoryDisk, type LogOwner } from '#connectors/embedded-log'
import {
  asSchemaRegistry,
  createEmbeddedRegistry,
  createLogStore,
  startRegistryServer,
} from '#connectors/schema-registry'
import { nodeClock } from '#host'
import { type Log, SILENT_LOGGER } from '#streams/ports'
import { type AvroEncoding, createAvroEncoding } from './avro-values.ts'

/** Schemas of a registry on the log, which runs on while its topic is read, and of one over HTTP. */
const POINT = JSON.stringify({
  ...{ type: 'record', name: 'Point', namespace: 'shapes' },
  fields: [
    { name: 'x', type: 'long' },
    { name: 'label', type: ['null', 'string'], default: null },
    { name: 'tags', type: { type: 'array', items: 'string' }, default: [] },
  ],
})
let owner: LogOwner
let log: Log
let registry: Awaited<ReturnType<typeof createEmbeddedRegistry>>
let server: Awaited<ReturnType<typeof startRegistryServer>>
let pointId: number

beforeAll(async () => {
  const settings = { fsyncIntervalMs: 0, maintenanceIntervalMs: 0 }
  owner = await createLogOwner({ disk: createMemoryDisk(), clock: nodeClock, logger: SILENT_LOGGER, settings })
  log = owner.connect()
  registry = await createEmbeddedRegistry(createLogStore({ log, nowMs: () => 0 }))
  pointId = await asSchemaRegistry(registry).register('shapes.Point', POINT)
  await asSchemaRegistry(registry).register('points-value', POINT)
  server = await startRegistryServer({ registry, port: 0 })
})
afterAll(async () => {
  await server.close()
  await registry.close()
  await log.close()
  await owner.close()
})

const encodings: readonly (readonly [string, () => AvroEncoding])[] = [
  ['on the log', () => createAvroEncoding({ log })],
  ['over HTTP', () => createAvroEncoding({ log, registryUrl: server.url })],
]

test.each(encodings)('values go to bytes and back, with the registry %s', async (_where, create) => {
  const writer = create()
  const value = { x: 3, label: 'größe', tags: ['a', 'b'] }
  expect(await writer.idOf('shapes.Point')).toBe(pointId)
  expect(await writer.idOf('Point')).toBe(pointId)
  expect(await writer.idOf(String(pointId))).toBe(pointId)
  expect(await writer.idFor('points', value)).toBe(pointId)
  const bytes = writer.encode(value, pointId)

  const reader = create()
  expect(reader.decode(bytes)).toBeUndefined()
  await reader.load([null, bytes, Uint8Array.of(0, 0, 0, 0, 99, 1)])
  expect(reader.decode(bytes)).toEqual({ schemaId: pointId, value })
  expect(reader.decode(Uint8Array.of(0, 0, 0, 0, 99, 1))).toBeUndefined()
  expect(reader.decode(bytes.slice(0, 7))).toBeUndefined()
})

test.each(encodings)('what is left out has its default, and what does not fit is named, %s', async (_where, create) => {
  const avro = create()
  const id = await avro.idOf('Point')
  expect(avro.decode(avro.encode({ x: 1 }, id))?.value).toEqual({ x: 1, label: null, tags: [] })
  expect(() => avro.encode({ x: 'one' }, id)).toThrow(/does not fit schema 1: x: expected long/)
  await expect(avro.idOf('Circle')).rejects.toThrow(/no schema is registered as Circle; there are: .*shapes.Point/)
  await expect(avro.idOf('77')).rejects.toThrow('there is no schema with id 77')
  await expect(avro.idFor('circles', {})).rejects.toThrow(/registered as circles-value: name one with --schema/)
})

test('the registry that runs is not fenced by those who read its topic', async () => {
  await createAvroEncoding({ log }).idOf('Point')
  const text = JSON.stringify({ type: 'record', name: 'Later', fields: [] })
  const id = await asSchemaRegistry(registry).register('later', text)
  const avro = createAvroEncoding({ log })
  expect(await avro.idOf('later')).toBe(id)
})
