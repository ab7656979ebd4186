import type { BatchHandle, RocksDbBinding } from './binding.ts'

/**
 * Native write batches, used again and again by all databases of an engine. A batch that is thrown away keeps its
 * memory until a finalizer runs, which the collector, not knowing of that memory, is in no hurry to do: at full speed
 * the process grew by 120 MB a second. A kept one keeps the capacity of the largest batch that it ever held.
 */
export type BatchPool = {
  take(): BatchHandle
  /** Empties the batch. */
  give(batch: BatchHandle): void
}

/** More are in use at a time only if batches of several databases are filled side by side. */
const BATCHES_KEPT_MAX = 4

export function createBatchPool(binding: RocksDbBinding): BatchPool {
  const kept: BatchHandle[] = []
  return {
    take: () => kept.pop() ?? binding.batch_init(),
    give(batch) {
      binding.batch_clear(batch)
      if (kept.length < BATCHES_KEPT_MAX) kept.push(batch)
    },
  }
}
