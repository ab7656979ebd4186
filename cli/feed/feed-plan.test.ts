import { expect, test } from 'vitest'
import { createPrng } from '#streams/base'
import { parsePlan, parseProgress } from './feed-plan.ts'

const plan = { seed: 7, members: 3_000, startMs: 1_700_000_000_000, options: {} }
const progress = { publishedMs: 1_700_000_000_000, ended: false }

test('what was written is read', () => {
  expect(parsePlan(JSON.stringify(plan))).toEqual(plan)
  expect(parseProgress(JSON.stringify(progress))).toEqual(progress)
})

test.each([
  '',
  'null',
  '5',
  '[]',
  '{}',
  'x',
  '{"seed":1,"members":null,"startMs":2,"options":{}}',
  '{"publishedMs":"1","ended":false}',
])('what no feeder has written is refused: %s', (text) => {
  expect(() => parsePlan(text)).toThrow(expect.objectContaining({ code: 'CONFIG_INVALID' }))
  expect(() => parseProgress(text)).toThrow(expect.objectContaining({ code: 'CONFIG_INVALID' }))
})

test('mutated plans are plans, or refused', () => {
  const seed = Number(process.env.SEED ?? 20_261_120)
  const text = JSON.stringify(plan)
  for (let i = 0; i < 2_000; i++) {
    const prng = createPrng(seed + i)
    const at = prng.below(text.length)
    const part = ['', '"', '{', 'null', '-', '.5', 'e99'][prng.below(7)] as string
    try {
      const { seed: read, members, startMs } = parsePlan(text.slice(0, at) + part + text.slice(at + prng.below(4)))
      expect([read, members, startMs].every(Number.isSafeInteger), `SEED=${seed + i}`).toBe(true)
    } catch (error) {
      expect(error, `SEED=${seed + i}`).toMatchObject({ code: 'CONFIG_INVALID' })
    }
  }
})
