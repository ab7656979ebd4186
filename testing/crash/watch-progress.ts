import type { Log, TopicPartition } from '#streams/ports'
import { PARTITIONS } from './application.ts'

const POLL_MS = 25

export type Stall = { readonly name: string; readonly ms: number; readonly fromMs: number }

export type ProgressWatch = {
  /** The longest time in which a partition got nothing that a read-committed reader sees, since the last call. */
  longestStall(): Stall
  stop(): Promise<void>
}

/** Watches the committed ends of a topic that is written all the time. */
export function watchProgress(log: Log, topic: string): ProgressWatch {
  const partitions: readonly TopicPartition[] = Array.from({ length: PARTITIONS }, (_, partition) => ({
    topic,
    partition,
  }))
  const last = new Map<number, { offset: number; sinceMs: number }>()
  let longest: Stall = { name: 'none', ms: 0, fromMs: 0 }
  let isStopping = false
  const note = (partition: number, sinceMs: number, nowMs: number): void => {
    if (nowMs - sinceMs > longest.ms) longest = { name: `${topic}-${partition}`, ms: nowMs - sinceMs, fromMs: sinceMs }
  }
  const look = async (): Promise<void> => {
    const ends = await log.admin.endOffsets(partitions, 'read_committed').catch(() => [])
    const nowMs = Date.now()
    for (const { partition, offset } of ends) {
      const known = last.get(partition)
      if (known !== undefined && offset <= known.offset) continue
      if (known !== undefined) note(partition, known.sinceMs, nowMs)
      last.set(partition, { offset, sinceMs: nowMs })
    }
  }
  const running = (async () => {
    while (!isStopping) {
      await look()
      await new Promise((resolve) => setTimeout(resolve, POLL_MS))
    }
  })()
  return {
    longestStall: () => {
      const nowMs = Date.now()
      for (const [partition, { sinceMs }] of last) note(partition, sinceMs, nowMs)
      const found = longest
      longest = { name: 'none', ms: 0, fromMs: 0 }
      return found
    },
    stop: async () => {
      isStopping = true
      await running
    },
  }
}
