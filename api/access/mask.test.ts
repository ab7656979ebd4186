import { describe, expect, test } from 'vitest'
import { type AvroField, type AvroSchema, localSchemas, SACCO_EVENTS } from '#schemas'
import { createSaccoStores, SACCO_DEFINITIONS } from '#topologies/sacco'
import { COMPONENTS } from '../create-api.ts'
import type { JsonSchema } from '../http/json-schema.ts'
import { array, nullable, object, personal, ref, string } from '../http/json-schema.ts'
import { MASKED, maskAnswer, maskEvent, maskStored } from './mask.ts'

describe('an answer', () => {
  const components = {
    Member: object({ id: string(), name: personal(nullable(string())) }),
    Secret: personal(object({ all: string() })),
  }
  test.each([
    ['a field', ref('Member'), { id: 'M1', name: 'Wanjiku' }, { id: 'M1', name: MASKED }],
    ['what is absent', ref('Member'), { id: 'M1', name: null }, { id: 'M1', name: null }],
    [
      'in lists and below null',
      object({ items: array(nullable(ref('Member'))) }),
      { items: [null, { id: 'M1', name: 'Wanjiku' }] },
      { items: [null, { id: 'M1', name: MASKED }] },
    ],
    ['a whole object', object({ secret: ref('Secret') }), { secret: { all: 'x' } }, { secret: null }],
    ['a list', object({ names: personal(array(string())) }), { names: ['a'] }, { names: [] }],
    ['what the schema does not describe stays', ref('Member'), { id: 'M1', freshness: 1 }, { id: 'M1', freshness: 1 }],
  ] as const)('%s', (_what, schema, value, expected) => {
    expect(maskAnswer(schema as JsonSchema, value, components)).toEqual(expected)
  })
})

/** Names of fields that identify people, as events and stores classify them, in the words of answers. */
const IDENTIFYING = [
  'name',
  'full_name',
  'phone',
  'email',
  'postal_address',
  'bank_account',
  'next_of_kin_phone',
  'device_id',
]
const camel = (name: string) => name.replace(/_(\w)/g, (_, letter: string) => letter.toUpperCase())

test('answers mark every field that identifies a member', () => {
  const personalNames = new Set([...IDENTIFYING, 'member_name'].map(camel))
  const unmarked: string[] = []
  const look = (schema: JsonSchema, path: string): void => {
    if (schema['x-personal'] === true) return
    if ('anyOf' in schema) for (const option of schema.anyOf) look(option, path)
    if (!('type' in schema)) return
    if (schema.type === 'array') look(schema.items, path)
    if (schema.type !== 'object') return
    for (const [name, member] of Object.entries(schema.properties ?? {})) {
      if (personalNames.has(name) && member['x-personal'] !== true) unmarked.push(`${path}.${name}`)
      look(member, `${path}.${name}`)
    }
  }
  for (const [name, schema] of Object.entries(COMPONENTS)) look(schema, name)
  // Names of things, not of people.
  const things = /^(Store|TopologyNode|Topology|SystemSnapshot|FraudRule|Portfolio)\.|\.rule\.name$|\.values\.name$/
  expect(unmarked.filter((path) => !things.test(path))).toEqual([])
})

/** A value for every field of a schema, with a text that must not come out of personal ones. */
function filled(schema: AvroSchema, isPersonal: boolean): unknown {
  if (schema === 'string') return isPersonal ? 'SECRET' : 'plain'
  if (schema === 'boolean') return true
  if (schema === 'double' || schema === 'int' || schema === 'long') return isPersonal ? 987_654_321 : 1
  if (typeof schema === 'string') return null
  if (Array.isArray(schema)) return filled(schema[1] as AvroSchema, isPersonal)
  const type = schema as Exclude<AvroSchema, string | readonly unknown[]>
  if (type.type === 'array') return [filled(type.items, isPersonal)]
  if (type.type === 'enum') return type.symbols[0]
  if (type.type !== 'record') return isPersonal ? 'SECRET' : 'plain'
  const isOwn = ({ classification, type: inner }: AvroField): boolean =>
    (classification === 'pii' || classification === 'secret') && !isRecord(inner)
  return Object.fromEntries(type.fields.map((field) => [field.name, filled(field.type, isOwn(field))]))
}

function isRecord(schema: AvroSchema): boolean {
  if (typeof schema === 'string') return false
  if (Array.isArray(schema)) return isRecord(schema[1] as AvroSchema)
  const type = schema as Exclude<AvroSchema, string | readonly unknown[]>
  return type.type === 'record' || (type.type === 'array' && isRecord(type.items))
}

const LEAK = /SECRET|987654321/

test.each(SACCO_EVENTS.map(({ type }) => type))(
  'of %s nothing that is classified as personal comes through',
  (type) => {
    const definition = SACCO_EVENTS.find((each) => each.type === type) as (typeof SACCO_EVENTS)[number]
    const event = { event_type: type, data: filled(definition.data as unknown as AvroSchema, false) }
    const masked = maskEvent(event) as { readonly data: object }
    expect(JSON.stringify(masked)).not.toMatch(LEAK)
    expect(Object.keys(masked.data)).toEqual(Object.keys(event.data as object))
  },
)

test('of every store nothing that is classified as personal comes through', () => {
  const { intake, members, balances, velocity, loans, risk, fraud } = createSaccoStores(localSchemas(SACCO_DEFINITIONS))
  const specs = [
    ...Object.values(intake),
    members,
    ...Object.values(balances),
    ...velocity.windows,
    velocity.sessions,
    ...Object.values(loans),
    ...Object.values(risk),
    ...Object.values(fraud),
  ]
  const leaks: string[] = []
  const known: string[] = []
  for (const spec of specs) {
    const name = spec.valueSerde.name ?? ''
    const definition = SACCO_DEFINITIONS.find(({ fullName }) => name === `avro(${fullName})`)
    const value = definition === undefined ? 'SECRET' : filled(definition.schema as AvroSchema, false)
    if (LEAK.test(JSON.stringify(maskStored(name, value)))) leaks.push(spec.name)
    if (definition !== undefined) known.push(spec.name)
  }
  expect(leaks).toEqual([])
  // Masking by schema shows what is not personal: that a serde's name leads to its schema is what this relies on.
  expect(known).toEqual(expect.arrayContaining(['members', 'balances', 'risk-scores', 'fraud-flag-reviews']))
  const member = maskStored('avro(com.sacco.state.MemberProfile)', { member_id: 'M1', full_name: 'W', later: 'x' })
  expect(member).toEqual({ member_id: 'M1', full_name: MASKED, later: MASKED })
})
