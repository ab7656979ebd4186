import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { hexOf, utf8Encode } from '../base/index.ts'
import { type Headers, NO_HEADERS, type Serde } from '../ports/index.ts'
import { listOf, serdes } from '../serdes/index.ts'
import {
  combinedKeyPrefixSerde,
  combinedKeySerde,
  INSTRUCTION,
  type Subscription,
  subscriptionResponseSerde,
  subscriptionSerde,
} from './foreign-key-formats.ts'
import { murmur3 } from './murmur3.ts'
import { leftOrRightSerde, outerJoinKeySerde } from './stream-stream-join-stores.ts'
import { bufferKeySerde, bufferValueSerde } from './stream-table-join-buffer.ts'

/** Made by testdata/GoldenJoins.java with Kafka Streams 4.3.1. */
const golden = new Map(
  readFileSync(new URL('./testdata/golden-joins.tsv', import.meta.url), 'utf8')
    .trimEnd()
    .split('\n')
    .map((line) => line.split('\t') as [string, string]),
)

const { string, int64 } = serdes
const TIME_MS = 1_700_000_000_123
const hash = murmur3(utf8Encode('left'))
const names = { subscriptionTopic: 'topic', storeName: 'store' }
const subscription = subscriptionSerde(string, names)
const response = subscriptionResponseSerde(string)
const outerValue = listOf(leftOrRightSerde(string, int64))
const bufferValue = bufferValueSerde(string)
const ofVersion1 = { version: 1, hash, primaryKey: 'pk', primaryPartition: 7 } as const
const ofVersion0 = { version: 0, hash, primaryKey: 'pk', primaryPartition: null } as const
const bufferHeaders: Headers = [
  { key: 'h', value: Uint8Array.of(1, 2) },
  { key: 'n', value: null },
]
const context = { topic: 'in', partition: 3, offset: 42, timestampMs: TIME_MS, headers: NO_HEADERS }

type Case = { readonly name: string; readonly serde: Serde<unknown>; readonly value: unknown }
const of = <T>(name: string, serde: Serde<T>, value: T): Case => ({ name, serde: serde as Serde<unknown>, value })

const answered = { version: 0, hash, foreignValue: 'right', primaryPartition: null } as const
const cases: readonly Case[] = [
  ...Object.values(INSTRUCTION).map((instruction) =>
    of<Subscription<string>>(`subscription-${instruction}`, subscription, { ...ofVersion1, instruction }),
  ),
  of<Subscription<string>>('subscription-no-hash', subscription, {
    ...ofVersion1,
    hash: null,
    instruction: INSTRUCTION.deleteKeyAndPropagate,
    primaryPartition: 300,
  }),
  of<Subscription<string>>('subscription-v0', subscription, {
    ...ofVersion0,
    instruction: INSTRUCTION.propagateOnlyIfForeignValue,
  }),
  of<Subscription<string>>('subscription-v0-no-hash', subscription, {
    ...ofVersion0,
    hash: null,
    instruction: INSTRUCTION.deleteKeyAndPropagate,
  }),
  of('response', response, answered),
  of('response-null', response, { ...answered, foreignValue: null }),
  of('response-no-hash', response, { ...answered, hash: null }),
  of('response-nothing', response, { ...answered, hash: null, foreignValue: null }),
  of('combined-key', combinedKeySerde(string, string, names), { foreignKey: 'fk', primaryKey: 'primary' }),
  of('outer-key-left', outerJoinKeySerde(string), { timestampMs: TIME_MS, isLeft: true, key: 'key' }),
  of('outer-key-right', outerJoinKeySerde(string), { timestampMs: TIME_MS, isLeft: false, key: 'key' }),
  of('outer-value-left', outerValue, [{ left: 'left', right: null }]),
  of('outer-value-left-left', outerValue, [
    { left: 'left', right: null },
    { left: 'left', right: null },
  ]),
  of('outer-value-right', outerValue, [{ left: null, right: 5 }]),
  of('buffer-value', bufferValue, { value: 'value', context: { ...context, headers: bufferHeaders } }),
  of('buffer-value-no-headers', bufferValue, { value: '', context }),
  of('buffer-key', bufferKeySerde(string), { timestampMs: TIME_MS, key: 'key', sequence: 9 }),
]

const bytesOf = (text: string): Uint8Array =>
  Uint8Array.from(text.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16))

describe.each(cases)('$name', ({ name, serde, value }) => {
  test('is written as Java writes it', () => {
    expect(hexOf(serde.serialize(value as NonNullable<unknown>, 'topic'), 1000)).toBe(golden.get(name))
  })
  test('is read back', () => expect(serde.deserialize(bytesOf(golden.get(name) ?? ''), 'topic')).toEqual(value))
})

test('the prefix of a foreign key is where its combined keys start', () => {
  const prefix = combinedKeyPrefixSerde(string, names).serialize('fk', 'topic')
  expect(hexOf(prefix)).toBe(golden.get('combined-key-prefix'))
})

test.each(Array.from({ length: 51 }, (_, length) => length))('murmur3 of %i bytes is that of Java', (length) => {
  const data = Uint8Array.from({ length }, (_, i) => i * 37 + length)
  expect(hexOf(murmur3(data))).toBe(golden.get(`murmur3-${length}`))
})

test('parts are serialized under the topics that Java names', () => {
  const topics: string[] = []
  const spy: Serde<string> = {
    ...string,
    serialize: (data, topic) => {
      topics.push(topic)
      return string.serialize(data, topic)
    },
  }
  const bank = { subscriptionTopic: 'loans-subscription-registration-topic', storeName: 'loans-subscription-store' }
  const value = { ...ofVersion1, instruction: INSTRUCTION.propagateOnlyIfForeignValue }
  subscriptionSerde(spy, bank).serialize(value, 'bank-loans-subscription-registration-topic')
  const key = { foreignKey: 'fk', primaryKey: 'pk' }
  combinedKeySerde(spy, spy, bank).serialize(key, 'bank-loans-subscription-store-changelog')
  expect(topics).toEqual([
    'bank-loans-subscription-registration-topic-pk',
    'bank-loans-subscription-registration-topic-fk',
    'bank-loans-subscription-registration-topic-pk',
  ])
})

test.each([
  ['subscription of a later version', () => subscription.deserialize(bytesOf('0200706b'), 'topic'), /version 2/],
  ['subscription with an unknown instruction', () => subscription.deserialize(bytesOf('8004706b'), 'topic'), /4 is no/],
  ['response of a later version', () => response.deserialize(bytesOf('81'), 'topic'), /version 1/],
  ['response cut off in its hash', () => response.deserialize(bytesOf('0001'), 'topic'), /16 bytes/],
  ['empty response', () => response.deserialize(bytesOf(''), 'topic'), /version 127/],
  [
    'combined key that is too short',
    () => combinedKeySerde(string, string, names).deserialize(bytesOf('00000009aa'), 'topic'),
    /foreign key has 9/,
  ],
])('a %s is refused with a reason', (_name, read, reason) => expect(read).toThrow(reason))
