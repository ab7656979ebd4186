import { expect, test } from 'vitest'
import { createPrng } from '#streams/base'
import { formatLabel, type Label, parseLabels } from './labels.ts'

const label = {
  ...{ scenarioId: 's1', family: 'fan-in', benign: false, complete: true, note: 'two\nlines' },
  ...{ memberIds: ['M1'], staffIds: [], loanIds: [], eventIds: ['E1', 'E2'], fromMs: 5, toMs: 6 },
} as unknown as Label
const line = formatLabel(label)

test('labels are read as they were written', () => {
  expect(parseLabels(`${line}\n${line}`)).toEqual([label, label])
  expect(parseLabels('')).toEqual([])
})

test.each([
  'null',
  '5',
  '{}',
  '{"family":"none"}',
  line.trim().replace('["M1"]', '"M1"'),
  line.trim().replace(':5', ':"5"'),
  'x',
])('what is no label is refused with its line: %s', (text) =>
  expect(() => parseLabels(`${line}${text}\n`)).toThrow('line 2 is no label'),
)

test('mutated labels are labels, or refused with their line', () => {
  const seed = Number(process.env.SEED ?? 20_261_120)
  for (let i = 0; i < 2_000; i++) {
    const prng = createPrng(seed + i)
    const at = prng.below(line.length)
    const text =
      line.slice(0, at) +
      (['', '"', '\n', 'null', '{', ',', '0'][prng.below(7)] as string) +
      line.slice(at + prng.below(4))
    try {
      for (const { eventIds, fromMs } of parseLabels(text))
        expect(eventIds.length + fromMs, `SEED=${seed + i}`).not.toBeNaN()
    } catch (error) {
      expect(String(error), `SEED=${seed + i}`).toMatch(/^Error: line \d+ is no label$/)
    }
  }
})
