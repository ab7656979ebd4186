import type { PartitionOffset } from '#streams/ports'
import type { StoreFreshness } from '#streams/query'
import { array, dateTime, type JsonSchema, nullable, object, string } from './json-schema.ts'

/**
 * How fresh an answer is: the newest event time that the tasks behind it had seen, and how far they had read their
 * inputs. A client that wrote a record at an offset sees it in an answer whose position is beyond it.
 */
export type Freshness = {
  readonly streamTime: string | null
  /** Of the task that is furthest behind, where several answered. */
  readonly streamTimeOldest: string | null
  /** `topic-partition@offset`: the next record to process. */
  readonly position: readonly string[]
}

export const FRESHNESS_SCHEMA: JsonSchema = object(
  {
    streamTime: nullable(dateTime('Newest event time behind the answer.')),
    streamTimeOldest: nullable(dateTime('Event time of the task furthest behind, where several answered.')),
    position: array(string(), 'How far inputs had been processed: `topic-partition@offset of the next record`.'),
  },
  'How fresh the answer is.',
)

/** Of what was read from the log itself: how far, and the newest time seen there. */
export function logFreshness(positions: readonly PartitionOffset[], newestMs: number | undefined): Freshness {
  const time = newestMs === undefined ? null : isoOf(newestMs)
  const position = positions.map(({ topic, partition, offset }) => `${topic}-${partition}@${offset}`)
  return { streamTime: time, streamTimeOldest: time, position }
}

export function freshnessOf(answers: readonly StoreFreshness[]): Freshness {
  const times = answers.map(({ streamTimeMs }) => streamTimeMs).filter((timeMs) => timeMs > 0)
  const positions = new Map<string, number>()
  for (const { position } of answers) {
    for (const [partition, offset] of Object.entries(position)) {
      // Two stores of one task may be read a step apart: what holds for both is the lower one.
      positions.set(partition, Math.min(offset, positions.get(partition) ?? Number.POSITIVE_INFINITY))
    }
  }
  return {
    streamTime: times.length === 0 ? null : isoOf(Math.max(...times)),
    streamTimeOldest: times.length === 0 ? null : isoOf(Math.min(...times)),
    position: [...positions].map(([partition, offset]) => `${partition}@${offset}`),
  }
}

/** Times beyond what a date can hold come from broken events; they must not break an answer. */
export function isoOf(timeMs: number): string {
  const date = new Date(timeMs)
  return Number.isNaN(date.getTime()) ? new Date(0).toISOString() : date.toISOString()
}
