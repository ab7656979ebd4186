import type { Attempt } from '../registry.ts'
import type { FinishedRun } from './finished-run.ts'

/**
 * Exactly-once: the committed work takes each input partition from its first record to its last, each record once, in
 * order. At-least-once: each record at least once. Records that tasks drop unread are looked for by the replay.
 */
export function checkCoverage(
  { world, resolved, partitions, config }: FinishedRun,
  committed: readonly Attempt[],
): void {
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
  if (isExactlyOnce) return
  for (const { sources } of resolved.subTopologies) {
    for (const { topics } of sources) {
      for (const { name: topic } of topics) {
        for (const final of partitions.values()) {
          if (final.topic !== topic) continue
          for (const { record } of final.records) {
            const name = `${topic}/${final.partition}`
            if (!processed.get(name)?.has(record.offset))
              world.violation('coverage', `${name}@${record.offset} was never processed`)
          }
        }
      }
    }
  }
}
