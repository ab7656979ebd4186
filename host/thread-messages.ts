import type { MessagePort } from 'node:worker_threads'
import type { Endpoint, EndpointPartitions, KafkaOptions } from '#connectors/kafka'
import type { StreamsErrorCode, TaskId } from '#streams/base'
import type { QueryAnswer, StandbyBound, StateQueryRequest, StateQueryResult, StoreQuery } from '#streams/query'
import type { RestoreEvent, RestoreSummary, ThreadMetadata, ThreadState } from '#streams/runtime'
import type { ThreadSettings } from './create-thread.ts'
import type { LogLevel, LogLine } from './logger.ts'
import type { MetricSample } from './metrics-registry.ts'

/** What a stream thread is started with. */
export type ThreadStart = {
  readonly application: string
  /** What the module's `prepare` returned: plain data. */
  readonly prepared: unknown
  readonly settings: ThreadSettings
  readonly logLevel: LogLevel
  /** Whether anybody listens to the steps of restores: they are not sent otherwise. */
  readonly tellsRestores: boolean
  readonly log: ThreadLog
}

/** The way of a stream thread to its log. */
export type ThreadLog =
  /** To the owner of the embedded log. */
  | { readonly kind: 'embedded'; readonly port: MessagePort }
  /** Connections of its own, and a membership of its own. */
  | {
      readonly kind: 'kafka'
      readonly options: Omit<KafkaOptions, 'clientId'>
      readonly processId: string
      readonly userEndpoint?: Endpoint
    }

export type FailureData = {
  readonly code: StreamsErrorCode | undefined
  readonly message: string
  readonly stack: string | undefined
  /** What it was caused by: for a failed processor, the error of the user's own code. */
  readonly cause: FailureData | undefined
}

/** From the process's main thread to a stream thread. */
export type ThreadRequest =
  | { readonly kind: 'stop' }
  /** With `standby`, its standbys are asked instead of the tasks that it runs. */
  | { readonly kind: 'query'; readonly id: number; readonly query: StoreQuery; readonly standby?: StandbyBound }
  | { readonly kind: 'state-query'; readonly id: number; readonly request: StateQueryRequest }
  | { readonly kind: 'samples'; readonly id: number }
  | { readonly kind: 'metadata'; readonly id: number }
  | { readonly kind: 'assigned'; readonly generation: number; readonly active: readonly TaskId[] }
  | { readonly kind: 'pause' }
  | { readonly kind: 'resume' }

/** From a stream thread. */
export type ThreadReport =
  | { readonly kind: 'state'; readonly state: ThreadState }
  | { readonly kind: 'restored'; readonly summary: RestoreSummary }
  | { readonly kind: 'restore'; readonly event: RestoreEvent }
  | { readonly kind: 'joined'; readonly tasks: readonly TaskId[] }
  /** Which process answers queries for which partitions, on Kafka. */
  | { readonly kind: 'endpoints'; readonly endpoints: readonly EndpointPartitions[] }
  | { readonly kind: 'owned'; readonly generation: number; readonly active: readonly TaskId[] }
  | { readonly kind: 'metadata'; readonly id: number; readonly metadata: ThreadMetadata | undefined }
  | { readonly kind: 'log'; readonly line: LogLine }
  | { readonly kind: 'answer'; readonly id: number; readonly answer: QueryAnswer }
  | { readonly kind: 'state-answer'; readonly id: number; readonly answer: StateQueryResult }
  | { readonly kind: 'refusal'; readonly id: number; readonly failure: FailureData }
  | { readonly kind: 'samples'; readonly id: number; readonly samples: readonly MetricSample[] }
  | { readonly kind: 'stopped' }
  | { readonly kind: 'failed'; readonly failure: FailureData }
