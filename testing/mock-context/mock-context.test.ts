import { expect, test } from 'vitest'
import { keyValueStore, type Processor, type ProcessorContext, serdes } from '#streams'
import { createMockContext } from './index.ts'

const totals = keyValueStore({ name: 'totals', key: serdes.string, value: serdes.int64 })

/** Sums, and sends all sums at each punctuation. */
function summing(): Processor<string, number, string, number> {
  let context: ProcessorContext<string, number>
  return {
    init: (given) => {
      context = given
      const schedule = context.schedule({ intervalMs: 1000, type: 'stream-time' }, (timestampMs) => {
        for (const { key, value } of context.store(totals).all())
          context.forward({ key, value, timestampMs, headers: [] })
        schedule.cancel()
        context.requestCommit()
      })
    },
    process: ({ key, value }) => {
      const store = context.store(totals)
      store.put(key, (store.get(key) ?? 0) + value)
    },
  }
}

test('captures what a processor forwards, schedules and asks for', () => {
  const context = createMockContext<string, number>({ stores: [totals] })
  const processor = summing()
  processor.init?.(context)
  for (const [key, value] of [
    ['a', 1],
    ['b', 2],
    ['a', 3],
  ] as const)
    processor.process({ key, value, timestampMs: 5, headers: [] })
  expect(context.forwarded).toEqual([])
  expect(context.punctuators).toMatchObject([{ intervalMs: 1000, type: 'stream-time', isCancelled: false }])
  context.punctuators[0]?.fire(1000)
  expect(context.forwarded.map(({ record }) => [record.key, record.value, record.timestampMs])).toEqual([
    ['a', 4, 1000],
    ['b', 2, 1000],
  ])
  expect([context.commitRequested, context.punctuators[0]?.isCancelled]).toEqual([true, true])
  context.punctuators[0]?.fire(2000)
  expect(context.forwarded).toHaveLength(2)
})

test('says where the record comes from, and names a store that it does not have', () => {
  const context = createMockContext({ stores: [totals], startMs: 10 })
  expect(context.recordMetadata()).toBeUndefined()
  context.setRecord({ topic: 'in', partition: 2, offset: 7 })
  expect(context.recordMetadata()).toEqual({ topic: 'in', partition: 2, offset: 7 })
  context.advanceWallClock(5)
  expect(context.currentSystemTimeMs()).toBe(15)
  expect(() => context.storeByName('other')).toThrow(/no store other; stores: totals/)
})
