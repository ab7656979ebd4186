import { describe, expect, it } from 'vitest'
import { parseOptions, usage } from './options.ts'
import { scenarios } from './scenarios/index.ts'
import { threadCounts } from './scenarios/threads.ts'

describe('options', () => {
  it('are all scenarios, small, unless told', () => {
    expect(parseOptions([])).toEqual({
      scenarios,
      size: 'quick',
      repeats: undefined,
      brokers: undefined,
      baseline: undefined,
      outputDirectory: 'build/bench',
    })
  })

  it('choose', () => {
    const options = parseOptions(['--scenario', 'keys,stages', '--full', '--repeats', '5', '--kafka', 'a:1,b:2'])
    expect(options?.scenarios.map(({ name }) => name)).toEqual(['keys', 'stages'])
    expect(options).toMatchObject({ size: 'full', repeats: 5, brokers: ['a:1', 'b:2'] })
  })

  it.each([
    { args: ['--scenario', 'kyes'], error: "--scenario: there is no 'kyes', only throughput, stages" },
    { args: ['--repeats', '0'], error: "--repeats is a whole number from 1 on, not '0'" },
    { args: ['--full', '--tiny'], error: 'give one of them' },
    { args: ['--events', '5'], error: '--events' },
  ])('$args are refused with a reason', ({ args, error }) => {
    expect(() => parseOptions(args)).toThrow(error)
  })

  it('and scenarios are all in the help', () => {
    expect(parseOptions(['--help'])).toBeUndefined()
    for (const option of ['scenario', 'full', 'tiny', 'repeats', 'kafka', 'baseline', 'output'])
      expect(usage).toContain(`--${option}`)
    for (const { name } of scenarios) expect(usage).toContain(`\n  ${name} `)
  })
})

it.each([
  { cores: 1, counts: [1, 2] },
  { cores: 2, counts: [1, 2] },
  { cores: 6, counts: [1, 2, 4, 6] },
  { cores: 64, counts: [1, 2, 4, 8, 12] },
])('on $cores cores there are $counts threads', ({ cores, counts }) => {
  expect(threadCounts(cores)).toEqual(counts)
})
