import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { compareWithBaseline } from './baseline.ts'
import { type Figure, figuresOf, tableOf } from './figures.ts'
import { readResults } from './results.ts'

function figure(values: readonly number[], changes: Partial<Figure> = {}): Figure {
  return { scenario: 'keys', name: 'events/s', unit: 'events/s', better: 'higher', values, ...changes }
}
const known = ['keys', 'state']

describe('since the baseline', () => {
  it.each([
    { what: 'the ranges do not touch, fewer a second', before: [100, 110, 120], now: [70, 75, 80], kind: 'slower' },
    { what: 'the ranges do not touch, more a second', before: [100, 110, 120], now: [140, 150, 160], kind: 'faster' },
    { what: 'the middles differ, but the ranges touch', before: [80, 110, 120], now: [60, 70, 90], kind: 'same' },
    { what: 'apart, but by less than the machine drifts', before: [100, 101, 102], now: [95, 96, 97], kind: 'same' },
    { what: 'once each, a fifth', before: [100], now: [80], kind: 'same' },
    { what: 'once each, far', before: [100], now: [60], kind: 'slower' },
  ])('$what: $kind', ({ before, now, kind }) => {
    const [verdict] = compareWithBaseline({ figures: [figure(before)] }, [figure(now)], known)
    expect(verdict?.kind).toBe(kind)
  })

  it('less is better of a cost', () => {
    const cost = { name: 'processor time', unit: 'µs/event', better: 'lower' } as const
    const baseline = { figures: [figure([5, 5, 6], cost)] }
    expect(compareWithBaseline(baseline, [figure([8, 9, 10], cost)], known)).toMatchObject([
      { kind: 'slower', text: 'keys: processor time was 5.00, is 9.00 µs/event (+80 %)' },
    ])
    expect(compareWithBaseline(baseline, [figure([2, 3, 3], cost)], known)).toMatchObject([{ kind: 'faster' }])
  })

  it('what is neither good nor bad is not judged', () => {
    const size = { better: 'neither' } as const
    expect(compareWithBaseline({ figures: [figure([1, 1, 1], size)] }, [figure([9, 9, 9], size)], known)).toEqual([])
  })

  it('a scenario that nobody knows, and a figure that is not there yet, are said', () => {
    const verdicts = compareWithBaseline(
      { figures: [figure([1, 2, 3], { scenario: 'cleys' })] },
      [figure([1, 2, 3])],
      known,
    )
    expect(verdicts).toMatchObject([
      { kind: 'unknown', text: expect.stringContaining("'cleys', which is none of keys, state") },
      { kind: 'new', text: 'keys: events/s is not in the baseline' },
    ])
  })

  it('what was not run this time is passed over', () => {
    expect(compareWithBaseline({ figures: [figure([1], { scenario: 'state' })] }, [], known)).toEqual([])
  })
})

describe('figures', () => {
  const sample = (value: number) => ({ name: 'p99', unit: 'ms', better: 'lower', value }) as const

  it('gather the repeats', () => {
    expect(figuresOf('query', [[sample(3)], [sample(1)], [sample(2)]])).toEqual([
      { scenario: 'query', name: 'p99', unit: 'ms', better: 'lower', values: [3, 1, 2] },
    ])
  })

  it('are a table of the smallest, the middle and the largest', () => {
    const table = tableOf(figuresOf('query', [[sample(1234.5)], [sample(1)], [sample(20)]]))
    expect(table).toContain('| p99 | 1.00 / 20.0 / 1,235 | ms |')
    expect(tableOf(figuresOf('query', [[sample(20)]]))).toContain('| p99 | 20.0 | ms |')
  })
})

it('a file that is no baseline is refused with what is wrong', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'mto-bench-baseline-'))
  try {
    const file = join(directory, 'other.json')
    await expect(readResults(file)).rejects.toThrow(`the baseline ${file} cannot be read`)
    await writeFile(file, '{"throughput":[]}')
    await expect(readResults(file)).rejects.toThrow('is no file of results')
  } finally {
    await rm(directory, { recursive: true, force: true })
  }
})
