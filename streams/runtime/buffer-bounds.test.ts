import { expect, test } from 'vitest'
import { createStreamsBuilder, serdes } from '../index.ts'
import { defaults } from './config.ts'
import { createThreadWorld } from './testing/thread-world.ts'

/** Two inputs of one task, so that the choice of the next record needs a head of each. */
function mergingTopology() {
  const builder = createStreamsBuilder()
  const serde = { key: serdes.string, value: serdes.string }
  builder.stream('late', serde).merge(builder.stream('early', serde)).to('out')
  return builder.build()
}

function recordsOf(count: number, value: string, fromMs: number) {
  return Array.from({ length: count }, (_, i) => ({ key: 'k', value, timestampMs: fromMs + i }))
}

test('an input that fills the buffers does not starve the one that its task waits for', async () => {
  const world = await createThreadWorld(['late', 'early', 'out'])
  await world.send('late', recordsOf(100, 'x'.repeat(1000), 1_000_000))
  await world.send('early', recordsOf(500, 'y', 0))
  const { thread, end } = world.start(mergingTopology(), {
    cacheBytesMax: defaults.cacheBytesMax,
    pollRecordsMax: 10,
    bufferedBytesMax: 20_000,
  })
  const times = (await world.read('out', 600)).map(({ timestampMs }) => timestampMs)
  thread.stop()
  expect(await end).toBeUndefined()
  await world.close()
  expect(times.length).toBe(600)
  expect(times).toEqual([...times].sort((left, right) => left - right))
})
