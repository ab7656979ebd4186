import { AssertionError } from '../base/assert.ts'
import type { Bytes } from '../base/bytes.ts'
import { messageOf, StreamsError } from '../base/errors.ts'
import { partitionForKey } from '../base/murmur2.ts'
import type { Counter, Headers, Latency, Serde } from '../ports/index.ts'
import type { Processor, StreamRecord } from '../topology/index.ts'
import type { SinkNode } from '../topology/topology.ts'
import type { NodeHost } from './node-host.ts'
import { explainSinkFailure } from './send-failure.ts'
import { endToEndLatency, nodeProcessed, nodeTags } from './task-metrics.ts'
import { producedBytes, TopicMeter } from './topic-meter.ts'

/** A node of the topology as one task runs it. */
export type NodeInstance = {
  readonly name: string
  readonly children: NodeInstance[]
  process(record: StreamRecord<unknown, unknown>): void
}

/** Errors of the engine itself end the task; only what user code throws is for the exception handlers. */
export function isEngineError(error: unknown): boolean {
  return error instanceof StreamsError || error instanceof AssertionError
}

export class ProcessorInstance implements NodeInstance {
  readonly name: string
  readonly children: NodeInstance[] = []
  readonly processor: Processor<unknown, unknown, unknown, unknown>
  readonly #task: NodeHost
  readonly #processed: Counter | undefined
  #endToEnd: Latency | undefined
  #isMeasured: boolean

  constructor(name: string, processor: Processor<unknown, unknown, unknown, unknown>, task: NodeHost) {
    this.name = name
    this.processor = processor
    this.#task = task
    this.#processed = nodeProcessed(task.metrics, nodeTags(task.threadName, task.id, name))
    this.#isMeasured = this.#processed !== undefined
  }

  /** Called when the graph is complete: nodes where records end are measured. */
  prepareMetrics(): void {
    if (this.children.length > 0) return
    const { metrics, threadName, id } = this.#task
    this.#endToEnd = endToEndLatency(metrics, nodeTags(threadName, id, this.name))
    this.#isMeasured = true
  }

  /**
   * A failure is handled at the node where it happened: with `continue` only this branch of the record is dropped,
   * the parent goes on with the next child and the next record (KIP-1033).
   */
  process(record: StreamRecord<unknown, unknown>): void {
    try {
      this.processor.process(record)
    } catch (error) {
      this.#recover(record, error)
    }
    if (this.#isMeasured) this.#measure(record)
  }

  #measure(record: StreamRecord<unknown, unknown>): void {
    this.#processed?.add(1)
    this.#endToEnd?.record(this.#task.turnMs - record.timestampMs)
  }

  #recover(record: StreamRecord<unknown, unknown>, failure: unknown): void {
    let error = failure
    for (let attempt = 1; ; attempt++) {
      if (isEngineError(error)) throw error
      if (!this.#task.handleProcessingError(error, this.name, attempt)) return
      try {
        this.processor.process(record)
        return
      } catch (next) {
        error = next
      }
    }
  }
}

/** Passes records on to its children: the entry of a sub-topology. */
export class SourceInstance implements NodeInstance {
  readonly name: string
  readonly children: NodeInstance[] = []
  readonly keySerde: Serde<unknown>
  readonly valueSerde: Serde<unknown>
  readonly endToEnd: Latency

  constructor(name: string, keySerde: Serde<unknown>, valueSerde: Serde<unknown>, endToEnd: Latency) {
    this.endToEnd = endToEnd
    this.name = name
    this.keySerde = keySerde
    this.valueSerde = valueSerde
  }

  process(record: StreamRecord<unknown, unknown>): void {
    for (const child of this.children) child.process(record)
  }
}

/** Serialises, chooses the partition and sends. Java: SinkNode with RecordCollectorImpl. */
export class SinkInstance implements NodeInstance {
  readonly name: string
  readonly children: NodeInstance[] = []
  readonly #task: NodeHost
  readonly #node: SinkNode
  /** Undefined where a name extractor decides for each record. */
  readonly #topic: string | undefined
  readonly #meters = new Map<string, TopicMeter>()
  readonly #endToEnd: Latency
  #meter: TopicMeter | undefined
  #meterTopic: string | undefined

  constructor(node: SinkNode, topic: string | undefined, task: NodeHost) {
    this.name = node.name
    this.#task = task
    this.#node = node
    this.#topic = topic
    this.#endToEnd = endToEndLatency(task.metrics, this.#tags())
    this.#meterTopic = topic
    this.#meter = topic === undefined ? undefined : this.#meterOf(topic)
  }

  process(record: StreamRecord<unknown, unknown>): void {
    for (let attempt = 1; ; attempt++) {
      try {
        this.#send(record)
        return
      } catch (error) {
        if (isEngineError(error) && !(error instanceof StreamsError && error.code.startsWith('RECORD_')))
          throw explainSinkFailure(error, this.name, this.#task.id)
        if (!this.#task.handleProductionError(error, this.name, attempt)) return
      }
    }
  }

  #send(record: StreamRecord<unknown, unknown>): void {
    const topic = this.#topic ?? this.#extractTopic(record)
    const key = this.#serialize(this.#node.keySerde, 'key', record.key, topic, record)
    const value = this.#serialize(this.#node.valueSerde, 'value', record.value, topic, record)
    const collector = this.#task.collector
    const partitionCount = collector.partitionCount(topic)
    if (partitionCount === undefined) {
      throw new StreamsError(
        'TOPIC_MISSING',
        `node ${this.name} writes to topic ${topic}, which does not exist or was not known at start; create it, or name it in the topology`,
      )
    }
    const choice = this.#node.partitioner?.(topic, record.key, record.value, partitionCount, record.headers)
    if (typeof choice === 'object') {
      for (const partition of choice) this.#write(topic, partition, key, value, record)
      return
    }
    this.#write(topic, choice ?? this.#defaultPartition(topic, key, partitionCount), key, value, record)
  }

  #write(
    topic: string,
    partition: number,
    key: Bytes | null,
    value: Bytes | null,
    { timestampMs, headers }: { readonly timestampMs: number; readonly headers: Headers },
  ): void {
    this.#task.collector.send(topic, partition, key, value, timestampMs, headers)
    if (topic !== this.#meterTopic) {
      this.#meterTopic = topic
      this.#meter = this.#meterOf(topic)
    }
    this.#meter?.add(1, producedBytes(key, value, headers, topic))
    this.#endToEnd.record(this.#task.turnMs - timestampMs)
  }

  #meterOf(topic: string): TopicMeter {
    let meter = this.#meters.get(topic)
    if (meter === undefined) {
      meter = new TopicMeter(this.#task.metrics, 'produced', topic, this.#tags())
      this.#meters.set(topic, meter)
    }
    return meter
  }

  #tags(): Readonly<Record<string, string>> {
    return nodeTags(this.#task.threadName, this.#task.id, this.name)
  }

  #extractTopic(record: StreamRecord<unknown, unknown>): string {
    const extract = this.#node.topic
    if (typeof extract !== 'function') throw new AssertionError(`sink ${this.name} has neither topic nor extractor`)
    return extract(record.key, record.value, record)
  }

  #defaultPartition(topic: string, key: Bytes | null, partitionCount: number): number {
    return key === null ? this.#task.nextKeylessPartition(topic, partitionCount) : partitionForKey(key, partitionCount)
  }

  #serialize(
    serde: Serde<unknown>,
    part: 'key' | 'value',
    data: unknown,
    topic: string,
    record: StreamRecord<unknown, unknown>,
  ): Bytes | null {
    if (data === null || data === undefined) return null
    try {
      return serde.serialize(data, topic, record.headers)
    } catch (cause) {
      throw new StreamsError(
        'RECORD_UNWRITABLE',
        `serde ${serde.name} cannot write the ${part} of a record for topic ${topic} at node ${this.name}: ${messageOf(cause)}`,
        { cause },
      )
    }
  }
}
