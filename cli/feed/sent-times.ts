import type { LoadRecord } from '#load'

/** Simulated times of what was sent last, to know how much of them the platform is behind. */
export type SentTimes = {
  add(records: readonly LoadRecord[]): void
  /** Simulated time between the last record and the one that is so many records before it. */
  spanOfLast(records: number): number
}

const BATCHES_MAX = 512

export function createSentTimes(): SentTimes {
  const batches: { readonly before: number; readonly publishAtMs: number }[] = []
  let sent = 0
  let lastMs = 0
  return {
    add(records) {
      const [first] = records
      if (first === undefined) return
      batches.push({ before: sent, publishAtMs: first.publishAtMs })
      if (batches.length > BATCHES_MAX) batches.shift()
      sent += records.length
      lastMs = records.at(-1)?.publishAtMs ?? lastMs
    },
    spanOfLast(records) {
      if (records === 0) return 0
      const oldest = batches.findLast(({ before }) => before <= sent - records) ?? batches[0]
      return oldest === undefined ? 0 : lastMs - oldest.publishAtMs
    },
  }
}
