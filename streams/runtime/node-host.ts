import type { TaskId } from '../base/ids.ts'
import type { Clock, Logger, Metrics } from '../ports/index.ts'
import type { ManagedStore, RecordContext } from '../stores/index.ts'
import type { Cancellable, PunctuationType, Punctuator } from '../topology/index.ts'
import type { NodeInstance } from './node-instance.ts'
import type { RecordCollector } from './record-collector.ts'

/** What node instances and their contexts need of the task that runs them: a stream task or the global task. */
export type NodeHost = {
  readonly id: TaskId
  readonly threadName: string
  /** Wall clock of the turn in process: for metrics, which need no exact time. */
  readonly turnMs: number
  readonly applicationId: string
  readonly recordContext: RecordContext
  readonly collector: RecordCollector
  readonly clock: Clock
  readonly logger: Logger
  readonly metrics: Metrics
  readonly globalStores: ReadonlyMap<string, ManagedStore>
  readonly times: ReadonlyMap<string, number>
  readonly streamTimeMs: number
  readonly freezesValues: boolean
  commitRequested: boolean
  store(name: string): ManagedStore
  setTime(name: string, timeMs: number): void
  schedule(
    node: NodeInstance,
    schedule: {
      readonly intervalMs: number
      readonly type: PunctuationType
      readonly startTimeMs?: number
    },
    punctuator: Punctuator,
    metadataName: string,
  ): Cancellable
  nextKeylessPartition(topic: string, partitionCount: number): number
  droppedRecord(reason: string, nodeName: string | undefined): void
  /** Throws, or says whether to try again (true) or to go on without the record. `attempt` counts from 1. */
  handleProcessingError(error: unknown, nodeName: string, attempt: number): boolean
  handleProductionError(error: unknown, nodeName: string, attempt: number): boolean
}
