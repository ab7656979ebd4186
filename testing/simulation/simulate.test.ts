import { describe, expect, test } from 'vitest'
import { createStreamsBuilder, serdes } from '#streams'
import { topology, totalsInField, totalsInStore } from '../../examples/totals.ts'
import { SimulationFailure, simulate, simulatedInput } from './index.ts'

const { string, int64 } = serdes
const payments = simulatedInput(
  'payments',
  { key: string, value: int64 },
  Array.from({ length: 60 }, (_, i) => ({ key: `member-${i % 3}`, value: 10 + i, timestampMs: i * 1_000 })),
)

describe('simulate', () => {
  test('leaves the one fault that is needed, and says how to repeat the run', async () => {
    const failure = await simulate(topology(totalsInField), { inputs: payments }).catch((error: unknown) => error)
    expect(failure).toBeInstanceOf(SimulationFailure)
    const { message, faults } = failure as SimulationFailure
    expect(message).toMatch(/Replay: simulate\(topology, \{ seed: \d+, count: 1/)
    expect(faults.length, message).toBe(1)
  }, 60_000)

  test('finds nothing without faults, where only they do harm', async () => {
    const report = await simulate(topology(totalsInField), { inputs: payments, faults: 'none', count: 3 })
    expect([report.seeds, report.faults]).toEqual([3, 0])
  }, 60_000)

  test('reports what a check throws, and that no fault is needed for it', async () => {
    const check = () => {
      throw new Error('I am never content')
    }
    await expect(simulate(topology(totalsInStore), { inputs: payments, check })).rejects.toThrow(
      /check: I am never content[\s\S]*It fails without any fault/,
    )
  }, 60_000)

  test('a check may use the real world, since the run is over', async () => {
    const check = () => {
      expect(Date.now()).toBeGreaterThan(0)
    }
    await simulate(topology(totalsInStore), { inputs: payments, faults: 'none', count: 1, check })
  }, 60_000)

  const serdesOfInput = { key: string, value: int64 }
  const MISTAKES = [
    {
      name: 'no inputs',
      options: { inputs: [] },
      says: /no inputs, so nothing would be simulated; it reads: payments/,
    },
    {
      name: 'an input that nobody reads',
      options: { inputs: simulatedInput('paymentz', serdesOfInput, [{ key: 'a', value: 1, timestampMs: 0 }]) },
      says: /reads no topic paymentz/,
    },
    {
      name: 'an unknown kind of fault',
      options: { inputs: payments, faults: ['restrat'] as never },
      says: /no kind of fault restrat; kinds: .*restart/,
    },
    {
      name: 'a check of a topic that is not there',
      options: {
        inputs: payments,
        faults: 'none' as const,
        check: (topics: { records(topic: string, serdes: never): unknown }) =>
          void topics.records('nope', serdesOfInput as never),
      },
      says: /there is no topic nope to read; topics: /,
    },
  ]
  test.each(MISTAKES)(
    '$name is a mistake, and not a run that holds',
    async ({ options, says }) => {
      await expect(simulate(topology(totalsInStore), options as never)).rejects.toThrow(says)
    },
    60_000,
  )

  test('the real clock and real randomness are out of reach in a run', async () => {
    const builder = createStreamsBuilder()
    builder
      .stream('payments', { key: string, value: int64 })
      .mapValues(() => Date.now(), { value: int64 })
      .to('totals')
    await expect(simulate(builder.build(), { inputs: payments })).rejects.toThrow(/now was called inside a simulation/)
    expect(Date.now()).toBeGreaterThan(0)
  }, 60_000)
})
