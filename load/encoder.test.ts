import { beforeAll, describe, expect, test } from 'vitest'
import { asSchemaRegistry, createEmbeddedRegistry, createMemoryStore } from '#connectors/schema-registry'
import {
  createTopicSerde,
  problemOfEvent,
  type RegisteredSchemas,
  registerSchemas,
  SACCO_EVENTS,
  type SaccoTopicName,
} from '#schemas'
import { createEncoder } from './encoder.ts'
import type { LoadRecord, RecordKind } from './records.ts'
import { takeSample } from './testing/sample.ts'

const { records } = takeSample({ seed: 8, members: 400, days: 10, flaws: { malformed: 0.02 } })
let schemas: RegisteredSchemas

beforeAll(async () => {
  const registry = asSchemaRegistry(await createEmbeddedRegistry(createMemoryStore()))
  schemas = await registerSchemas({ registry, definitions: SACCO_EVENTS })
})

async function decode(record: LoadRecord, bytes: Uint8Array): Promise<unknown> {
  const serde = createTopicSerde(record.topic as SaccoTopicName, schemas)
  await serde.prepare?.(bytes, record.topic)
  return serde.deserialize(bytes, record.topic)
}
const ofKind = (kind: RecordKind): readonly LoadRecord[] => records.filter((record) => record.kind === kind)

describe('encoder', () => {
  test('one event of every type comes back as it was', async () => {
    const encode = createEncoder(schemas)
    const byType = new Map(
      records.filter(({ kind }) => kind === 'normal').map((record) => [record.event.event_type, record]),
    )
    expect(byType.size).toBeGreaterThan(35)
    for (const record of byType.values()) expect(await decode(record, encode(record))).toEqual(record.event)
  })
  test('events are right in what their types cannot say, unless they are to be wrong', () => {
    for (const { event, kind } of records) {
      const problem = problemOfEvent(event)
      if (kind === 'negative-amount') expect(problem).toMatch(/amount_minor/)
      else expect(problem, event.event_id).toBeUndefined()
    }
  })
  test('all records are encoded, and a duplicate has the bytes of its original', () => {
    const encode = createEncoder(schemas)
    const bytesById = new Map<string, string>()
    for (const record of records) {
      const text = Buffer.from(encode(record)).toString('base64')
      if (record.kind === 'duplicate') expect(bytesById.get(record.event.event_id) ?? text).toBe(text)
      else bytesById.set(record.event.event_id, text)
    }
    expect(ofKind('duplicate').length).toBeGreaterThan(20)
  })
  test.each([
    ['undecodable', /not in the Confluent wire format/],
    ['unknown-schema', /registry does not know this id/],
    ['wrong-type', /cannot read a record|RECORD_UNREADABLE|event_type says/],
  ] as const)('a record that is %s cannot be read', async (kind, message) => {
    const encode = createEncoder(schemas)
    expect(ofKind(kind).length).toBeGreaterThan(5)
    for (const record of ofKind(kind)) await expect(decode(record, encode(record))).rejects.toThrow(message)
  })
  test.each(['negative-amount', 'unknown-member', 'year-late'] as const)(
    'a record with %s can be read',
    async (kind) => {
      const encode = createEncoder(schemas)
      expect(ofKind(kind).length).toBeGreaterThan(5)
      for (const record of ofKind(kind)) expect(await decode(record, encode(record))).toEqual(record.event)
    },
  )
})
