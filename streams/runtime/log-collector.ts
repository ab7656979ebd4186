import { present } from '../base/assert.ts'
import type { Bytes } from '../base/bytes.ts'
import type { Counter, Headers, Metrics, Producer } from '../ports/index.ts'
import type { RecordCollector } from './record-collector.ts'

/** Sinks and changelogs of a thread's tasks write through the thread's one producer, which may be replaced. */
export class LogCollector implements RecordCollector {
  #producer: Producer | undefined
  #unknownTopic: string | undefined
  readonly #sent: Counter

  constructor(metrics: Metrics, threadName: string) {
    this.#sent = metrics.counter({
      group: 'stream-thread-metrics',
      name: 'records-produced-total',
      description: 'Records written to output, repartition and changelog topics',
      tags: { 'thread-id': threadName },
    })
  }

  use(producer: Producer | undefined): void {
    this.#producer = producer
  }

  send(
    topic: string,
    partition: number,
    key: Bytes | null,
    value: Bytes | null,
    timestampMs: number,
    headers: Headers,
  ): void {
    present(this.#producer, 'a record was sent while the thread has no producer').send(
      topic,
      partition,
      key,
      value,
      timestampMs,
      headers,
    )
    this.#sent.add(1)
  }

  partitionCount(topic: string): number | undefined {
    const count = this.#producer?.partitionCount(topic)
    if (count === undefined) this.#unknownTopic = topic
    return count
  }

  /** The last topic that the producer was not prepared for, once. */
  takeUnknownTopic(): string | undefined {
    const topic = this.#unknownTopic
    this.#unknownTopic = undefined
    return topic
  }

  producedOffset(topic: string, partition: number): number | undefined {
    return this.#producer?.producedOffset(topic, partition)
  }
}
