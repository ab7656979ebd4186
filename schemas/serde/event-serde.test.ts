import { beforeAll, describe, expect, test } from 'vitest'
import { asSchemaRegistry, createEmbeddedRegistry, createMemoryStore } from '#connectors/schema-registry'
import { concatBytes, createPrng, hexOf, StreamsError, utf8Encode } from '#streams/base'
import { parseAvro } from '../avro/avro-codec.ts'
import { avroJson } from '../avro/schema-json.ts'
import {
  accountId,
  createEvent,
  createEventSerde,
  createRecordSerde,
  createTopicSerde,
  definitionOf,
  deviceId,
  type EventDefinition,
  type EventOf,
  eventId,
  field,
  list,
  localSchemas,
  memberId,
  optional,
  type RegisteredSchemas,
  record,
  recordDefinition,
  registerSchemas,
  restoreSchemas,
  SACCO_EVENTS,
  SACCO_TOPICS,
  type SaccoTopicName,
  type SchemaRegistry,
  transactionId,
} from '../index.ts'
import { randomEvent } from '../testing/random-value.ts'

const TOPIC = 'sacco.transaction.events'
let registry: SchemaRegistry
let schemas: RegisteredSchemas

beforeAll(async () => {
  registry = asSchemaRegistry(await createEmbeddedRegistry(createMemoryStore()))
  schemas = await registerSchemas({ registry, definitions: SACCO_EVENTS, compatibility: 'FULL_TRANSITIVE' })
})

const withdrawal = (): EventOf<'withdrawal.rejected'> =>
  createEvent('withdrawal.rejected', {
    event_id: eventId('e-1'),
    timestamp: '2026-01-02T03:04:05.678Z',
    data: {
      transaction_id: transactionId('t-1'),
      member_id: memberId('m-1'),
      account_id: accountId('a-1'),
      amount_minor: 123_456,
      currency: 'KES',
      reason: 'limit',
      occurred_at: '2026-01-02T03:04:05.678Z',
    },
    metadata: { source: 'test', correlation_id: 'c-1' },
  })

/** Written out by hand from the Avro specification: a change here means that old records can no longer be read. */
const GOLDEN = [
  '06652d31', // event_id e-1
  '267769746864726177616c2e72656a6563746564', // event_type withdrawal.rejected
  '30323032362d30312d30325430333a30343a30352e3637385a', // timestamp
  '06312e30', // version 1.0
  '06742d31', // data.transaction_id t-1
  '066d2d31', // member_id m-1
  '06612d31', // account_id a-1
  '80890f', // amount_minor 123456
  '00', // currency KES
  '0a6c696d6974', // reason limit
  '30323032362d30312d30325430333a30343a30352e3637385a', // occurred_at
  '0874657374', // metadata.source test
  '0206632d31', // correlation_id: second branch, c-1
  '00', // user_id: null
].join('')

describe('wire format', () => {
  test('golden bytes: magic 0, four bytes of schema id, Avro', () => {
    const serde = createTopicSerde(TOPIC, schemas)
    const bytes = serde.serialize(withdrawal(), TOPIC)
    const id = schemas.idOf(definitionOf('withdrawal.rejected'))
    expect(hexOf(bytes, 1_000)).toBe(`00${id.toString(16).padStart(8, '0')}${GOLDEN}`)
    expect(serde.deserialize(bytes, TOPIC)).toStrictEqual(withdrawal())
  })

  test('every event type comes back as it was (seeded)', () => {
    for (const { name } of SACCO_TOPICS) {
      const serde = createTopicSerde(name as SaccoTopicName, schemas)
      for (const definition of SACCO_EVENTS.filter((event) => event.topic === name)) {
        for (let seed = 0; seed < 20; seed++) {
          const event = randomEvent(createPrng(seed), definition)
          const bytes = serde.serialize(event as never, name)
          expect(serde.deserialize(bytes, name), `${definition.type} seed ${seed}`).toStrictEqual(event)
        }
      }
    }
  })

  test('what avsc alone writes is what we write, and the reverse', () => {
    for (const definition of SACCO_EVENTS) {
      const type = parseAvro(avroJson(definition.schema))
      const event = randomEvent(createPrng(7), definition)
      const serde = createTopicSerde(definition.topic, schemas)
      const bytes = serde.serialize(event as never, definition.topic)
      // Numbers beyond 2^52 are where avsc itself rounds; the seed has none of them.
      const plain = JSON.parse(JSON.stringify(event), (_, value) => (Math.abs(value) > 2 ** 52 ? 5 : value))
      expect(Buffer.from(serde.serialize(plain, definition.topic).subarray(5))).toEqual(type.toBuffer(plain))
      expect(bytes.length).toBeGreaterThan(5)
    }
  })

  test('bytes handed out are not changed by the next record', () => {
    const serde = createTopicSerde(TOPIC, schemas)
    const first = serde.serialize(withdrawal(), TOPIC)
    const copy = first.slice()
    for (let i = 0; i < 500; i++)
      serde.serialize(randomEvent(createPrng(i), definitionOf('deposit.completed')) as never, TOPIC)
    expect(first).toEqual(copy)
  })
})

const header = (id: number): Uint8Array => Uint8Array.of(0, 0, 0, id >> 8, id & 0xff)
const body = (): Uint8Array => createTopicSerde(TOPIC, schemas).serialize(withdrawal(), TOPIC).slice(5)
const rejectedId = (): number => schemas.idOf(definitionOf('withdrawal.rejected'))

describe('bytes that cannot be read', () => {
  test.each<[string, () => Uint8Array, RegExp]>([
    ['nothing', () => new Uint8Array(0), /not in the Confluent wire format: 0 bytes/],
    ['a header without end', () => Uint8Array.of(0, 0, 0), /3 bytes \(000000\), at least 5 expected/],
    ['JSON', () => utf8Encode('{"event_id":"e-1"}'), /first byte is 123 instead of 0/],
    ['an unknown id', () => concatBytes(header(9_999), body()), /schema id 9999: the registry does not know this id/],
    [
      'truncated data',
      () => concatBytes(header(rejectedId()), body().slice(0, -4)),
      /withdrawal.rejected: the bytes end/,
    ],
    ['trailing bytes', () => concatBytes(header(rejectedId()), body(), Uint8Array.of(1, 2)), /2 bytes are left over/],
    [
      "another type's id",
      () => concatBytes(header(schemas.idOf(definitionOf('loan.rejected'))), body()),
      /it is of type com.sacco.events.LoanRejected, which avro\(sacco.transaction.events\) does not hold/,
    ],
    [
      'the id of a type with the same shape',
      () => {
        const event = { ...randomEvent(createPrng(1), definitionOf('credit.check.passed')) }
        const serde = createTopicSerde('sacco.loan.events', schemas)
        const written = serde.serialize(event as never, 'sacco.loan.events').slice(5)
        return concatBytes(header(schemas.idOf(definitionOf('credit.check.failed'))), written)
      },
      /event_type says "credit.check.passed"/,
    ],
  ])('%s', async (_, make, message) => {
    const bytes = make()
    const serde = createTopicSerde(message.source.includes('credit') ? 'sacco.loan.events' : TOPIC, schemas)
    await serde.prepare?.(bytes, TOPIC)
    expect(() => serde.deserialize(bytes, TOPIC)).toThrow(message)
    expect(codeOf(() => serde.deserialize(bytes, TOPIC))).toBe('RECORD_UNREADABLE')
  })

  test('an id that was not prepared is named as such', () => {
    const serde = createTopicSerde(TOPIC, schemas)
    expect(() => serde.deserialize(concatBytes(header(8_888), body()), TOPIC)).toThrow('await prepare() first')
  })
})

function codeOf(action: () => unknown): string | undefined {
  try {
    action()
  } catch (error) {
    return error instanceof StreamsError ? error.code : 'not a StreamsError'
  }
  return undefined
}

describe('values that cannot be written', () => {
  const broken = (data: object): never => ({ ...withdrawal(), data: { ...withdrawal().data, ...data } }) as never
  test.each<[string, () => never, RegExp]>([
    [
      'a wrong type',
      () => broken({ amount_minor: '5' }),
      /data.amount_minor: expected long, got a string of 1 characters/,
    ],
    ['a fraction', () => broken({ amount_minor: 0.1 }), /data.amount_minor: expected long, got 0.1/],
    [
      'a number beyond 2^53',
      () => broken({ amount_minor: 2 ** 60 }),
      /data.amount_minor: expected long, got 1152921504606847000/,
    ],
    ['a missing field', () => broken({ reason: undefined }), /data.reason: expected string, got undefined/],
    ['an unknown symbol', () => broken({ currency: 'XAU' }), /data.currency: expected com.sacco.events.Currency/],
    ['a symbol named like a method', () => broken({ currency: 'toString' }), /cannot write/],
    [
      'an unknown event type',
      () => ({ ...withdrawal(), event_type: 'x' }) as never,
      /event_type "x" is not one of its types/,
    ],
    ['no event', () => undefined as never, /event_type undefined is not one/],
  ])('%s', (_, make, message) => {
    const serde = createTopicSerde(TOPIC, schemas)
    expect(() => serde.serialize(make(), TOPIC)).toThrow(message)
    expect(codeOf(() => serde.serialize(make(), TOPIC))).toBe('RECORD_UNWRITABLE')
    // A failed write leaves nothing behind in the shared buffer.
    expect(serde.deserialize(serde.serialize(withdrawal(), TOPIC), TOPIC)).toStrictEqual(withdrawal())
  })

  test('personal data does not appear in the message', () => {
    const event = randomEvent(createPrng(3), definitionOf('member.registered')) as EventOf<'member.registered'>
    const wrong = { ...event, data: { ...event.data, kyc: 1, phone: 254700000001 } } as never
    const serde = createTopicSerde('sacco.member.events', schemas)
    const secret = { ...event, data: { ...event.data, phone: ['254700000001'] } } as never
    expect(() => serde.serialize(secret, TOPIC)).not.toThrow(/254700000001/)
    expect(() => serde.serialize(wrong, TOPIC)).toThrow('data.phone: expected string')
  })
})

describe('other versions of a schema', () => {
  const definition = definitionOf('member.device.seen') as EventDefinition
  const serde = () => createEventSerde([definitionOf('member.device.seen')], schemas)
  const seen = () =>
    createEvent('member.device.seen', {
      event_id: eventId('e-9'),
      timestamp: 0,
      data: { member_id: memberId('m-1'), device_id: deviceId('d-1'), seen_at: '1970-01-01T00:00:00.000Z' },
      metadata: { source: 'test' },
    })

  test('a newer field is skipped, an older record gets the default', async () => {
    const newer = JSON.parse(JSON.stringify(avroJson(definition.schema)))
    const data = newer.fields[4].type
    data.fields.unshift({ name: 'rooted', type: ['null', 'boolean'], default: null })
    data.fields = data.fields.filter((field: { name: string }) => field.name !== 'platform')
    const id = await registry.register(definition.fullName, JSON.stringify(newer))
    const written = parseAvro(newer).toBuffer({ ...seen(), data: { ...seen().data, rooted: true } })
    const bytes = concatBytes(header(id), written)
    const reader = serde()
    expect(() => reader.deserialize(bytes, TOPIC)).toThrow('not loaded')
    await reader.prepare?.(bytes, TOPIC)
    expect(reader.prepare?.(bytes, TOPIC)).toBeUndefined()
    expect(reader.deserialize(bytes, TOPIC)).toStrictEqual(seen())
  })

  test('the schema of the requirement document is read, and its readers read ours', async () => {
    const text = JSON.stringify(DOCUMENT_SCHEMA)
    const other = asSchemaRegistry(await createEmbeddedRegistry(createMemoryStore()))
    await other.setCompatibility('com.sacco.events.MemberRegistered', 'FULL_TRANSITIVE')
    const idOfDocument = await other.register('com.sacco.events.MemberRegistered', text)
    const registered = await registerSchemas({ registry: other, definitions: [definitionOf('member.registered')] })
    const value = {
      event_id: 'e-1',
      event_type: 'member.registered',
      timestamp: '2026-01-01T00:00:00.000Z',
      version: '1.0',
      data: { member_id: 'm-1', email: 'a@b.c', phone: '254700000000', registered_at: '2026-01-01T00:00:00.000Z' },
      metadata: { source: 'sacco-backend', correlation_id: null, user_id: 'u-1' },
    }
    const bytes = concatBytes(header(idOfDocument), parseAvro(DOCUMENT_SCHEMA).toBuffer(value))
    const reader = createEventSerde([definitionOf('member.registered')], registered)
    await reader.prepare?.(bytes, 'sacco.member.events')
    const decoded = reader.deserialize(bytes, 'sacco.member.events')
    expect(decoded).toMatchObject(value)
    expect(decoded.data.national_id).toBeNull()
  })

  test('a registry that cannot be reached rejects prepare, and is asked again the next time', async () => {
    let isDown = true
    const flaky: SchemaRegistry = {
      ...registry,
      schemaById: (id) => (isDown ? Promise.reject(new Error('registry is down')) : registry.schemaById(id)),
    }
    const own = await registerSchemas({ registry: flaky, definitions: [definitionOf('loan.rejected')] })
    const reader = createEventSerde([definitionOf('loan.rejected')], own)
    const bytes = concatBytes(header(rejectedId()), body())
    await expect(reader.prepare?.(bytes, TOPIC)).rejects.toThrow('registry is down')
    isDown = false
    await reader.prepare?.(bytes, TOPIC)
    expect(() => reader.deserialize(bytes, TOPIC)).toThrow('which avro(loan.rejected) does not hold')
  })
})

/** As the requirement document prints it. */
const DOCUMENT_SCHEMA = {
  type: 'record',
  name: 'MemberRegistered',
  namespace: 'com.sacco.events',
  fields: [
    { name: 'event_id', type: 'string', doc: 'Unique event identifier' },
    { name: 'event_type', type: 'string', doc: 'Type of event' },
    { name: 'timestamp', type: 'string', doc: 'Event timestamp in ISO format' },
    { name: 'version', type: 'string', doc: 'Event schema version' },
    {
      name: 'data',
      type: {
        type: 'record',
        name: 'MemberData',
        fields: [
          { name: 'member_id', type: 'string' },
          { name: 'email', type: 'string' },
          { name: 'phone', type: 'string' },
          { name: 'registered_at', type: 'string' },
        ],
      },
    },
    {
      name: 'metadata',
      type: {
        type: 'record',
        name: 'EventMetadata',
        fields: [
          { name: 'source', type: 'string' },
          { name: 'correlation_id', type: ['null', 'string'] },
          { name: 'user_id', type: ['null', 'string'] },
        ],
      },
    },
  ],
}

describe('registration', () => {
  test('what stores hold since an earlier schema is read without prepare, which they cannot await', async () => {
    const other = asSchemaRegistry(await createEmbeddedRegistry(createMemoryStore()))
    const definition = definitionOf('withdrawal.rejected')
    const before = await registerSchemas({ registry: other, definitions: [definition] })
    const bytes = createEventSerde([definition], before).serialize(withdrawal(), TOPIC)
    const extra = optional('extra', 'string', 'internal', 'New.')
    const changed = { ...definition, schema: { ...definition.schema, fields: [...definition.schema.fields, extra] } }
    const after = await registerSchemas({ registry: other, definitions: [changed], compatibility: 'FULL_TRANSITIVE' })
    expect(after.idOf(definition)).not.toBe(before.idOf(definition))
    for (const schemas of [after, restoreSchemas(after.snapshot(), { schemaById: async () => undefined })]) {
      const reader = createEventSerde([changed], schemas)
      expect(reader.prepare?.(bytes, TOPIC)).toBeUndefined()
      expect(reader.deserialize(bytes, TOPIC)).toStrictEqual({ ...withdrawal(), extra: null })
    }
  })

  test('nothing is registered if one schema does not fit, and the message says which', async () => {
    const other = await createEmbeddedRegistry(createMemoryStore())
    const port = asSchemaRegistry(other)
    const definition = definitionOf('loan.rejected')
    await registerSchemas({ registry: port, definitions: [definition], compatibility: 'FULL' })
    const { fields } = definition.schema
    const extra = { name: 'extra', type: 'string', doc: 'No default.', classification: 'internal' } as const
    const changed = { ...definition, schema: { ...definition.schema, fields: [...fields, extra] } }
    const added = definitionOf('loan.approved')
    await expect(registerSchemas({ registry: port, definitions: [added, changed] })).rejects.toThrow(
      /1 of 2 schemas do not fit .*\n {2}com\.sacco\.events\.LoanRejected: .*no matching field for default-less .*extra/,
    )
    expect(other.state.subjects(true)).toEqual(['com.sacco.events.LoanRejected'])
  })

  test('registering again gives the same ids', async () => {
    const again = await registerSchemas({ registry, definitions: SACCO_EVENTS })
    for (const definition of SACCO_EVENTS) expect(again.idOf(definition)).toBe(schemas.idOf(definition))
  })
})

describe('fuzz', () => {
  const CASES = 2_000
  const SEED = Number(process.env.SEED ?? 20_261_120)

  test(`mutated and random bytes give a value or a clear error (seed ${SEED})`, async () => {
    let readable = 0
    const serdes = new Map(SACCO_TOPICS.map(({ name }) => [name, createTopicSerde(name as SaccoTopicName, schemas)]))
    for (let i = 0; i < CASES; i++) {
      const prng = createPrng(SEED + i)
      const definition = SACCO_EVENTS[prng.below(SACCO_EVENTS.length)] as EventDefinition
      const serde = serdes.get(definition.topic) as ReturnType<typeof createTopicSerde>
      const bytes = mutated(prng, serde.serialize(randomEvent(prng, definition) as never, definition.topic))
      await serde.prepare?.(bytes, definition.topic)
      let decoded: unknown
      try {
        decoded = serde.deserialize(bytes, definition.topic)
      } catch (error) {
        expect(error instanceof StreamsError && error.code, `replay with SEED=${SEED + i}: ${error}`).toBe(
          'RECORD_UNREADABLE',
        )
        continue
      }
      readable++
      // What was read is a whole value: it can be written and read again.
      const again = serde.serialize(decoded as never, definition.topic)
      expect(serde.deserialize(again, definition.topic), `replay with SEED=${SEED + i}`).toStrictEqual(decoded)
    }
    // Some mutations hit only the inside of a string: both outcomes must have been seen.
    expect(readable).toBeGreaterThan(CASES * 0.02)
    expect(readable).toBeLessThan(CASES * 0.9)
  })
})

function mutated(prng: ReturnType<typeof createPrng>, original: Uint8Array): Uint8Array {
  const kind = prng.below(6)
  if (kind === 0) return Uint8Array.from({ length: prng.below(200) }, () => prng.below(256))
  if (kind === 1) return original.slice(0, prng.below(original.length))
  if (kind === 2)
    return concatBytes(
      original,
      Uint8Array.from({ length: 1 + prng.below(9) }, () => prng.below(256)),
    )
  const bytes = original.slice()
  const from = kind === 3 ? 0 : 5
  for (let i = 0; i <= prng.below(4); i++) bytes[from + prng.below(bytes.length - from)] = prng.below(256)
  return bytes
}

describe('a record without envelope', () => {
  const balance = recordDefinition(
    'test',
    record('Balance', 'A balance.', [
      field('minor', 'long', 'internal', 'In minor units.'),
      list('events', 'string', 'internal', 'Event ids.'),
      optional('note', 'string', 'internal', 'Note.'),
    ]),
  )
  test('comes back as it was, with its derived type', () => {
    const serde = createRecordSerde(balance, localSchemas([balance]))
    const value: { readonly minor: number; readonly events: readonly string[]; readonly note: string | null } = {
      minor: -5,
      events: ['e-1', 'e-2'],
      note: null,
    }
    expect(hexOf(serde.serialize(value, 'store'))).toBe('00000000010904' + '06652d31' + '06652d32' + '00' + '00')
    expect(serde.deserialize(serde.serialize(value, 'store'), 'store')).toStrictEqual(value)
    expect(() => serde.serialize({ ...value, minor: 0.5 }, 'store')).toThrow(
      'test.Balance: minor: expected long, got 0.5',
    )
  })
})

test('another thread goes on with a snapshot, without registering', () => {
  const copy = restoreSchemas(structuredClone(schemas.snapshot()), registry)
  const bytes = createTopicSerde(TOPIC, schemas).serialize(withdrawal(), TOPIC)
  expect(createTopicSerde(TOPIC, copy).deserialize(bytes, TOPIC)).toStrictEqual(withdrawal())
  expect(createTopicSerde(TOPIC, copy).serialize(withdrawal(), TOPIC)).toEqual(bytes)
})
