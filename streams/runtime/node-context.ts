import { assert } from '../base/assert.ts'
import { StreamsError } from '../base/errors.ts'
import type { TaskId } from '../base/ids.ts'
import type { Counter, Headers, Latency, Logger } from '../ports/index.ts'
import type { ManagedStore, StoreOf, StoreSpec } from '../stores/index.ts'
import type {
  Cancellable,
  InternalProcessorContext,
  ProcessorMetrics,
  PunctuationType,
  Punctuator,
  RecordMetadata,
  StreamRecord,
} from '../topology/index.ts'
import { scheduleName } from './committed-times.ts'
import type { NodeHost } from './node-host.ts'
import type { NodeInstance } from './node-instance.ts'
import { createProcessorMetrics } from './processor-metrics.ts'
import { nodeTags, taskTags } from './task-metrics.ts'

/** What one processor of one task sees of the engine. */
export class NodeContext implements InternalProcessorContext<unknown, unknown> {
  readonly applicationId: string
  readonly taskId: TaskId
  readonly nodeName: string
  readonly logger: Logger
  readonly #task: NodeHost
  readonly #node: NodeInstance
  readonly #stores: ReadonlySet<string>
  /** Numbers of the schedules that run; under its number the next time of each is kept over restarts. */
  readonly #scheduled = new Set<number>()
  #metrics: ProcessorMetrics | undefined

  constructor(task: NodeHost, node: NodeInstance, stores: readonly string[]) {
    this.applicationId = task.applicationId
    this.taskId = task.id
    this.nodeName = node.name
    this.logger = task.logger
    this.#task = task
    this.#node = node
    this.#stores = new Set(stores)
  }

  /**
   * Within a child, "the record in process" has the forwarded record's time and headers, which is what a changelog
   * entry written there carries (as in Java's ProcessorContextImpl.forward).
   */
  forward(record: StreamRecord<unknown, unknown>, childName?: string): void {
    const context = this.#task.recordContext
    const timestampMs = context.timestampMs
    const headers = context.headers
    const children = this.#node.children
    let found = childName === undefined
    for (let i = 0; i < children.length; i++) {
      const child = children[i] as NodeInstance
      if (childName !== undefined && child.name !== childName) continue
      found = true
      context.timestampMs = record.timestampMs
      context.headers = record.headers
      child.process(record)
    }
    context.timestampMs = timestampMs
    context.headers = headers
    if (!found) {
      const known = children.map((child) => child.name).join(', ') || 'none'
      throw new StreamsError(
        'TOPOLOGY_INVALID',
        `node ${this.nodeName} forwards to ${childName}, which is no child of it; children: ${known}`,
      )
    }
  }

  store<S extends StoreSpec>(spec: S): StoreOf<S> {
    return this.storeByName(spec.name)
  }

  storeByName<S>(name: string): S {
    return this.managedStore(name) as unknown as S
  }

  managedStore(name: string): ManagedStore {
    const isGlobal = this.#task.globalStores.has(name)
    if (!this.#stores.has(name) && !isGlobal) {
      throw new StreamsError(
        'STORE_UNKNOWN',
        `processor ${this.nodeName} asks for store ${name}, but is not connected to it; connected: ${[...this.#stores].join(', ') || 'none'}. Name the store where the processor is added, or in its supplier's stores`,
      )
    }
    return this.#task.store(name)
  }

  schedule(
    schedule: {
      readonly intervalMs: number
      readonly type: PunctuationType
      readonly startTimeMs?: number
    },
    punctuator: Punctuator,
  ): Cancellable {
    assert(
      schedule.intervalMs >= 1,
      `punctuation of ${this.nodeName} has intervalMs ${schedule.intervalMs}, it must be at least 1`,
    )
    let number = 0
    while (this.#scheduled.has(number)) number++
    const metadataName = scheduleName(schedule.type, this.nodeName, number)
    const cancellable = this.#task.schedule(this.#node, schedule, punctuator, metadataName)
    this.#scheduled.add(number)
    let isCancelled = false
    return {
      cancel: () => {
        if (isCancelled) return
        isCancelled = true
        cancellable.cancel()
        this.#scheduled.delete(number)
      },
    }
  }

  requestCommit(): void {
    this.#task.commitRequested = true
  }

  recordMetadata(): RecordMetadata | undefined {
    const { topic, partition, offset } = this.#task.recordContext
    return topic === '' ? undefined : { topic, partition, offset }
  }

  currentStreamTimeMs(): number {
    return this.#task.streamTimeMs
  }

  currentSystemTimeMs(): number {
    return this.#task.clock.wallClockMs()
  }

  timeMetadata(name: string): number | undefined {
    return this.#task.times.get(name)
  }

  setTimeMetadata(name: string, timeMs: number): void {
    this.#task.setTime(name, timeMs)
  }

  get metrics(): ProcessorMetrics {
    this.#metrics ??= createProcessorMetrics(this.#task.metrics, taskTags(this.#task.threadName, this.taskId))
    return this.#metrics
  }

  get recordHeaders(): Headers {
    return this.#task.recordContext.headers
  }

  get recordTimestampMs(): number {
    return this.#task.recordContext.timestampMs
  }

  get freezesValues(): boolean {
    return this.#task.freezesValues
  }

  droppedRecord(reason: string): void {
    this.#task.droppedRecord(reason, this.nodeName)
  }

  counter(group: string, name: string, description: string): Counter {
    return this.#task.metrics.counter({
      group,
      name,
      description,
      tags: this.#tags(),
    })
  }

  latency(group: string, name: string, description: string): Latency {
    return this.#task.metrics.latency({
      group,
      name,
      description,
      tags: this.#tags(),
    })
  }

  #tags(): Readonly<Record<string, string>> {
    return nodeTags(this.#task.threadName, this.taskId, this.nodeName)
  }
}
