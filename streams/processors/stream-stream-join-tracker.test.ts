import { expect, test } from 'vitest'
import { createPrng } from '../base/index.ts'
import type { InternalProcessorContext } from '../topology/processor.ts'
import { JoinTimeTracker, NO_TIME_MS } from './stream-stream-join-tracker.ts'

/** Metadata never falls: the highest number that was set is the one that is there. */
function contextOver(metadata: Map<string, number>): InternalProcessorContext<never, never> {
  return {
    timeMetadata: (name: string) => metadata.get(name),
    setTimeMetadata: (name: string, timeMs: number) => {
      metadata.set(name, Math.max(timeMs, metadata.get(name) ?? -1))
    },
  } as unknown as InternalProcessorContext<never, never>
}

const STORED_FROM_MS = 77

function restored(metadata: Map<string, number>): JoinTimeTracker {
  const tracker = new JoinTimeTracker('store')
  tracker.restore(contextOver(metadata), STORED_FROM_MS)
  return tracker
}

test('times that rise and fall come back as they were left', () => {
  const prng = createPrng(7)
  const metadata = new Map<string, number>()
  let tracker = restored(metadata)
  for (let i = 0; i < 2000; i++) {
    const isNone = prng.below(4) === 0
    const timeMs = isNone ? NO_TIME_MS : 1_700_000_000_000 + i * 10 - prng.below(100_000)
    tracker.setScanFrom(timeMs)
    tracker.advanceStreamTime(1_700_000_000_000 + prng.below(1_000_000))
    const again = restored(metadata)
    expect(again.scanFromMs).toBe(isNone ? STORED_FROM_MS : timeMs)
    expect(again.streamTimeMs).toBe(tracker.streamTimeMs)
    if (prng.below(10) === 0 && !isNone) tracker = again
  }
})

test('where nothing was kept, the store says from when on there are records', () => {
  expect(restored(new Map()).scanFromMs).toBe(STORED_FROM_MS)
})

test('a sum too large to be exact is not relied on', () => {
  const metadata = new Map<string, number>()
  const tracker = restored(metadata)
  const largeMs = 2 ** 51
  for (let i = 0; i < 10; i++) {
    tracker.setScanFrom(largeMs)
    tracker.setScanFrom(1)
  }
  expect(restored(metadata).scanFromMs).toBe(STORED_FROM_MS)
})
