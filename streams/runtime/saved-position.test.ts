import { expect, test } from 'vitest'
import { createPrng, utf8Encode } from '../base/index.ts'
import { mutatedBytes } from '../stores/testing/mutated-bytes.ts'
import { decodePosition, encodePosition } from './saved-position.ts'

const sound = { offset: 12_345, layout: 'window 3', metadata: { observedStreamTimeMs: 1_700_000_000_000 } }

test('a position is read as it was written', () => {
  expect(decodePosition(encodePosition(sound))).toEqual(sound)
  expect(decodePosition(encodePosition({ offset: null, metadata: {} }))).toEqual({ offset: null, metadata: {} })
})

test.each([
  '',
  'null',
  '5',
  '[]',
  '{}',
  '{"offset":"5","metadata":{}}',
  '{"offset":-1,"metadata":{}}',
  '{"offset":0.5,"metadata":{}}',
  '{"offset":5}',
  '{"offset":5,"metadata":{"a":null}}',
  '{"offset":5,"layout":7,"metadata":{}}',
])('what is no position is refused: %s', (text) => expect(() => decodePosition(utf8Encode(text))).toThrow())

test('mutated bytes are a position or refused', () => {
  const seed = Number(process.env.SEED ?? 20_261_120)
  for (let i = 0; i < 2_000; i++) {
    try {
      const { offset, metadata } = decodePosition(mutatedBytes(createPrng(seed + i), encodePosition(sound)))
      expect(Number.isSafeInteger(offset) && Object.values(metadata).every(Number.isFinite), `SEED=${seed + i}`).toBe(
        true,
      )
    } catch (error) {
      expect(String(error), `SEED=${seed + i}`).toMatch(/JSON|position|encoded data/)
    }
  }
})
