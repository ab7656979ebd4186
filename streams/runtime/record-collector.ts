import type { Bytes } from '../base/bytes.ts'
import type { Headers } from '../ports/index.ts'

/** Where sinks and changelogs write in a step: a log producer in the runtime, memory in the test driver. */
export type RecordCollector = {
  send(
    topic: string,
    partition: number,
    key: Bytes | null,
    value: Bytes | null,
    timestampMs: number,
    headers: Headers,
  ): void
  /** Asserts that the topic's metadata was loaded (all static topics are, at start). */
  partitionCount(topic: string): number | undefined
  /** The offset after this owner's last acknowledged record in a changelog partition. */
  producedOffset(topic: string, partition: number): number | undefined
}
