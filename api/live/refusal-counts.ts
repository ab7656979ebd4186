import type { Clock, Log, Logger } from '#streams/ports'
import type { ApiApplication } from '../application.ts'
import { isoOf } from '../http/freshness.ts'
import { type DeadLetter, reasonOf } from '../queries/dead-letters.ts'
import { followLog, type LogTail } from './log-tail.ts'

export type RefusalCount = {
  readonly kind: DeadLetter['kind']
  /** Topic that it was read from; null where the record does not say. */
  readonly topic: string | null
  readonly reason: string
  readonly count: number
  /** Time of the newest record. */
  readonly newest: string
}

/**
 * How much was refused, by reason: the dead-letter and late topics are followed from their start, by their headers
 * alone. They hold seven years, so the numbers are those of the topics, not of this process.
 */
export type RefusalCounts = {
  read(): readonly RefusalCount[]
  /** False until what was there at the start is counted. */
  readonly isComplete: boolean
  close(): Promise<void>
}

export type RefusalCountsOptions = {
  readonly application: ApiApplication
  readonly log: Log
  readonly clock: Clock
  readonly logger: Logger
  readonly deadLetterTopics: readonly string[]
  readonly lateTopics: readonly string[]
}

/** Reasons come from headers, and those may come from anywhere. */
const KINDS_MAX = 500
const OTHERS = 'others'

type Count = { -readonly [Key in keyof RefusalCount]: RefusalCount[Key] } & { newestMs: number }

export async function countRefusals(options: RefusalCountsOptions): Promise<RefusalCounts> {
  const { log, clock, logger, deadLetterTopics, lateTopics } = options
  const counts = new Map<string, Count>()
  let isComplete = false
  const add = (kind: DeadLetter['kind'], topic: string | null, reason: string, timeMs: number): void => {
    const key = `${kind}|${topic}|${reason}`
    let count = counts.get(key)
    if (count === undefined) {
      if (counts.size >= KINDS_MAX && reason !== OTHERS) return add(kind, null, OTHERS, timeMs)
      count = { kind, topic, reason, count: 0, newest: '', newestMs: Number.NEGATIVE_INFINITY }
      counts.set(key, count)
    }
    count.count++
    if (timeMs > count.newestMs) count.newestMs = timeMs
  }
  const tail: LogTail = await followLog({
    log,
    clock,
    logger,
    name: 'api-refusals',
    topics: [...deadLetterTopics, ...lateTopics],
    from: 'start',
    onRecord: ({ headers, timestampMs }, { topic }) => {
      const { reason, source } = reasonOf(headers)
      add(lateTopics.includes(topic) ? 'late' : 'dead-letter', source, reason, timestampMs)
    },
  })
  void tail.caughtUp.then(() => {
    isComplete = true
  })
  return {
    get isComplete() {
      return isComplete
    },
    read: () =>
      [...counts.values()]
        .map(({ newestMs, ...count }) => ({ ...count, newest: isoOf(newestMs) }))
        .sort((left, right) => right.count - left.count || (left.reason < right.reason ? -1 : 1)),
    close: () => tail.close(),
  }
}
