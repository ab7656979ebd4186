import { describe, expect, test } from 'vitest'
import { createStreamsBuilder, keyValueStore, type ProcessorContext, type ProcessorSupplier, serdes } from '#streams'
import { SimulationFailure, simulate, simulatedInput } from './index.ts'

const { string, int64 } = serdes
const MEMBERS = ['ann', 'ben', 'cat'] as const

const payments = simulatedInput(
  'payments',
  { key: string, value: int64 },
  Array.from({ length: 60 }, (_, i) => ({
    key: MEMBERS[i % MEMBERS.length] as string,
    value: 10 + i,
    timestampMs: i * 1_000,
  })),
)

/** The mistake: totals live in the processor, so a crash or a move to another member begins them anew. */
const totalsInField: ProcessorSupplier<string, number, string, number> = {
  get: () => {
    const totals = new Map<string, number>()
    let context: ProcessorContext<string, number>
    return {
      init: (given) => {
        context = given
      },
      process: (record) => {
        const total = (totals.get(record.key) ?? 0) + record.value
        totals.set(record.key, total)
        context.forward({ ...record, value: total })
      },
    }
  },
}

const totalsStore = keyValueStore({ name: 'totals', key: string, value: int64 })
const totalsInStore: ProcessorSupplier<string, number, string, number> = {
  stores: [totalsStore],
  get: () => {
    let context: ProcessorContext<string, number>
    return {
      init: (given) => {
        context = given
      },
      process: (record) => {
        const totals = context.store(totalsStore)
        const total = (totals.get(record.key) ?? 0) + record.value
        totals.put(record.key, total)
        context.forward({ ...record, value: total })
      },
    }
  },
}

function topologyWith(supplier: ProcessorSupplier<string, number, string, number>) {
  const builder = createStreamsBuilder()
  builder
    .stream('payments', { key: string, value: int64 })
    .process(supplier, { key: string, value: int64 })
    .to('totals')
  return builder.build()
}

describe('simulate', () => {
  test('finds that a processor keeps its state in a field', async () => {
    const failure = await simulate(topologyWith(totalsInField), { inputs: payments }).catch((error: unknown) => error)
    expect(failure).toBeInstanceOf(SimulationFailure)
    const { message, faults } = failure as SimulationFailure
    expect(message).toMatch(/record \d+ of totals: the log has .*, undisturbed it is/)
    expect(message).toMatch(/Replay: simulate\(topology, \{ seed: \d+, count: 1/)
    expect(faults.length, message).toBe(1)
  }, 60_000)

  test('finds nothing where the state is in a store, with a check of the sums', async () => {
    const expected = new Map<string, number>()
    for (const [i, key] of payments.entries()) {
      const member = MEMBERS[i % MEMBERS.length] as string
      expect(key.topic).toBe('payments')
      expected.set(member, (expected.get(member) ?? 0) + 10 + i)
    }
    const report = await simulate(topologyWith(totalsInStore), {
      inputs: payments,
      // The embedded log may be given a record of the world twice, when it dies before it answers.
      check: (topics) => {
        const last = new Map(
          topics.records('totals', { key: string, value: int64 }).map(({ key, value }) => [key, value]),
        )
        for (const [member, total] of expected) {
          if ((last.get(member) ?? 0) < total) throw new Error(`${member} has ${last.get(member)}, not ${total}`)
        }
      },
    })
    expect(report.seeds).toBe(20)
    expect(report.faults).toBeGreaterThan(50)
  }, 60_000)

  test('reports what a check throws, and that no fault is needed for it', async () => {
    const check = () => {
      throw new Error('I am never content')
    }
    await expect(simulate(topologyWith(totalsInStore), { inputs: payments, check })).rejects.toThrow(
      /check: I am never content[\s\S]*It fails without any fault/,
    )
  }, 60_000)

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
