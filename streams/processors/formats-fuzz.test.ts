import { describe, expect, test } from 'vitest'
import { type Bytes, createPrng, hasCode } from '../base/index.ts'
import { NO_HEADERS, type Serde } from '../ports/index.ts'
import {
  changeSerde,
  encodeWithHeaders,
  listOf,
  readHeaders,
  serdes,
  sessionWindowedSerde,
  timeWindowedSerde,
} from '../serdes/index.ts'
import { mutatedBytes } from '../stores/testing/mutated-bytes.ts'
import { combinedKeySerde, INSTRUCTION, subscriptionResponseSerde, subscriptionSerde } from './foreign-key-formats.ts'
import { leftOrRightSerde, outerJoinKeySerde } from './stream-stream-join-stores.ts'
import { bufferKeySerde, bufferValueSerde } from './stream-table-join-buffer.ts'
import { decodeBufferedRecord, encodeBufferedRecord } from './suppress-buffer-format.ts'

const SEED = Number(process.env.SEED ?? 20_261_120)
const CASES = 2_000

const { string, int64 } = serdes
const names = { subscriptionTopic: 'topic', storeName: 'store' }
const hash = Uint8Array.from({ length: 16 }, (_, index) => index)
const context = { topic: 'in', partition: 3, offset: 42, timestampMs: 1_700_000_000_123, headers: NO_HEADERS }
const window = { startMs: 1_000, endMs: 61_000 }
const subscription = { hash, instruction: INSTRUCTION.propagateNullIfNoForeignValue, primaryKey: 'pk' } as const

type Format = { readonly serde: Serde<unknown>; readonly values: readonly unknown[] }
const of = <T>(serde: Serde<T>, ...values: readonly T[]): Format => ({ serde: serde as Serde<unknown>, values })

/** What keys and values of internal topics and changelogs are made of. */
const formats: readonly Format[] = [
  of(
    changeSerde(string),
    { newValue: 'new', oldValue: 'old', isLatest: true },
    { newValue: null, oldValue: 'old', isLatest: true },
  ),
  of(listOf(string), ['a', '', 'long enough']),
  of(listOf(int64), [1, 2, 3]),
  of(timeWindowedSerde(string, 60_000), { key: 'member', window }),
  of(sessionWindowedSerde(string), { key: 'member', window }),
  of(
    subscriptionSerde(string, names),
    { ...subscription, version: 1, primaryPartition: 7 },
    { ...subscription, hash: null, version: 0, primaryPartition: null },
  ),
  of(subscriptionResponseSerde(string), { version: 0, hash, foreignValue: 'right', primaryPartition: null }),
  of(combinedKeySerde(string, int64, names), { foreignKey: 'foreign', primaryKey: 12 }),
  of(outerJoinKeySerde(string), { timestampMs: 5, isLeft: true, key: 'k' }),
  of(leftOrRightSerde(string, int64), { left: 'l', right: null }, { left: null, right: 5 }),
  of(bufferKeySerde(string), { timestampMs: 9, key: 'k', sequence: 4 }),
  of(bufferValueSerde(string), { value: 'v', context }),
]

/** Reads, or says why not: an error of the language would have its class's name in front of a meaning of ours. */
function read(what: string, run: () => unknown): { readonly value: unknown } | undefined {
  try {
    return { value: run() }
  } catch (error) {
    expect(error, what).toBeInstanceOf(Error)
    // What reads beyond the end, of undefined and the like. Range errors of ours say what was expected in a sentence.
    expect(`${(error as Error).name}: ${(error as Error).message}`, what).not.toMatch(
      /^TypeError: (?!The encoded data was not valid)|Invalid typed array length|out of bounds|Invalid array length|call stack/,
    )
    return undefined
  }
}

describe(`mutated bytes (seed ${SEED})`, () => {
  test.each(formats.map((format) => [format.serde.name, format] as const))('%s', (name, { serde, values }) => {
    let readable = 0
    for (let i = 0; i < CASES; i++) {
      const prng = createPrng(SEED + i)
      const bytes = mutatedBytes(prng, serde.serialize(values[prng.below(values.length)] as never, 'app-topic'))
      const what = `${name}, SEED=${SEED + i}: ${Buffer.from(bytes).toString('hex')}`
      const found = read(what, () => serde.deserialize(bytes, 'app-topic'))
      if (found === undefined) continue
      readable++
      // Never silently something else: what was read is what these bytes say, and nothing of them was overlooked.
      const again = serde.serialize(found.value as never, 'app-topic')
      expect(serde.deserialize(again, 'app-topic'), what).toEqual(found.value)
    }
    expect(readable).toBeGreaterThan(0)
    expect(readable).toBeLessThan(CASES)
  })

  test('stored headers', () => {
    const headers = [
      { key: 'source', value: Uint8Array.of(1, 2, 3) },
      { key: 'none', value: null },
    ]
    const original = encodeWithHeaders(Uint8Array.of(9), 77, headers)
    for (let i = 0; i < CASES; i++) {
      const bytes = mutatedBytes(createPrng(SEED + i), original)
      read(`SEED=${SEED + i}`, () => readHeaders(bytes))
    }
  })

  test('changelogs of suppressions: STATE_CORRUPTED', () => {
    const sound = encodeBufferedRecord({
      context,
      prior: Uint8Array.of(1),
      old: null,
      latest: Uint8Array.of(2, 3),
      timeMs: 5,
    })
    for (let i = 0; i < CASES; i++) {
      const prng = createPrng(SEED + i)
      const value = mutatedBytes(prng, sound)
      const version = [undefined, 0, 1, 2, 3, 4, 255][prng.below(7)]
      const headers = version === undefined ? NO_HEADERS : [{ key: 'v', value: Uint8Array.of(version) }]
      try {
        decodeBufferedRecord({ offset: 1, timestampMs: 0, key: null, value, headers }, 'app-s-changelog', undefined)
      } catch (error) {
        expect(hasCode(error, 'STATE_CORRUPTED'), `SEED=${SEED + i}: ${String(error)}`).toBe(true)
      }
    }
  })
})

/** What was read as something else before these were refused. */
const CUT_OFF = Uint8Array.of(0x81, 0, 0, 0, 0)
test.each<[string, Serde<unknown>, Bytes]>([
  ['a subscription whose key and partition are cut off', subscriptionSerde(string, names) as Serde<unknown>, CUT_OFF],
  [
    'a subscription from a negative partition',
    subscriptionSerde(string, names) as Serde<unknown>,
    Uint8Array.of(0x81, 0, 97, 255, 255, 255, 255),
  ],
  ['a key of a grace buffer without its time', bufferKeySerde(string) as Serde<unknown>, Uint8Array.of(0, 0, 0, 0)],
  ['a key of a grace buffer of another layout', bufferKeySerde(string) as Serde<unknown>, new Uint8Array(14).fill(1)],
  ['a key of an outer join without its side', outerJoinKeySerde(string) as Serde<unknown>, new Uint8Array(8)],
  [
    'a key of an outer join of a third side',
    outerJoinKeySerde(string) as Serde<unknown>,
    Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 0, 2),
  ],
  ['nothing as a value of an outer join', leftOrRightSerde(string, string) as Serde<unknown>, new Uint8Array(0)],
  ['a window before time began', timeWindowedSerde(string, 5) as Serde<unknown>, new Uint8Array(8).fill(0xff)],
  [
    'a session that ends before it starts',
    sessionWindowedSerde(string) as Serde<unknown>,
    Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 2),
  ],
])('%s is refused', (_what, serde, bytes) => {
  expect(() => serde.deserialize(bytes, 'app-topic')).toThrow()
})

test('a subscription that cannot be read is left to its reader, where the handler is asked', () => {
  const loading = { ...string, prepare: () => undefined }
  expect(subscriptionSerde(loading, names).prepare?.(CUT_OFF, 'app-topic')).toBeUndefined()
  expect(subscriptionSerde(loading, names).prepare?.(Uint8Array.of(9), 'app-topic')).toBeUndefined()
  expect(subscriptionResponseSerde(loading).prepare?.(new Uint8Array(0), 'app-topic')).toBeUndefined()
})
