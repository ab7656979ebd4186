import type { Attempt } from '../registry.ts'
import type { FinishedRun } from './finished-run.ts'

/**
 * Exactly-once: the committed work takes each input partition from its first record to its last, each record once, in
 * order. Returns what was processed; that nothing was left out is for the replay to say, which knows what tasks drop.
 */
export function checkCoverage(
  { world, config }: FinishedRun,
  committed: readonly Attempt[],
): ReadonlyMap<string, ReadonlySet<number>> {
  const isExactlyOnce = config.processingGuarantee === 'exactly_once_v2'
  const processed = new Map<string, Set<number>>()
  const last = new Map<string, number>()
  for (const { work } of committed) {
    for (const { events, task } of work) {
      for (const event of events) {
        if (event.kind !== 'record') continue
        const name = `${event.topic}/${event.partition}`
        const before = last.get(name) ?? -1
        if (isExactlyOnce && event.offset <= before)
          world.violation(
            'coverage',
            `${task} processed ${name}@${event.offset} after ${before}: twice, or out of order`,
          )
        last.set(name, event.offset)
        const offsets = processed.get(name) ?? new Set()
        processed.set(name, offsets.add(event.offset))
      }
    }
  }
  return processed
}
