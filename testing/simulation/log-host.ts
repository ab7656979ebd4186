import type { GroupMembership, Log, LogRecord, TopicSpec } from '#streams/ports'
import type { SimulatedProcess } from './simulated-process.ts'
import type { SimulatedRecord } from './workload.ts'

/** A record of the log as it is at the end, with what nobody can read any more (purged or compacted away). */
export type FinalRecord = { readonly record: LogRecord; readonly tag: string | undefined }

export type FinalPartition = {
  readonly topic: string
  readonly partition: number
  /** Committed records in offset order. */
  readonly records: readonly FinalRecord[]
  /** What a reader can still see. */
  readonly live: readonly LogRecord[]
  readonly endOffset: number
}

/** The log of a run with what is around it: the two variants of the simulation differ in nothing else. */
export type LogHost = {
  /** Resolves when the log can be used (again). */
  start(): Promise<void>
  createTopics(specs: readonly TopicSpec[]): Promise<void>
  /** What the world writes; repeated until it is acknowledged, so a record may come twice. */
  append(record: SimulatedRecord, partition: number): Promise<void>
  connect(process: SimulatedProcess, threadName: string): Log
  membershipOf(process: SimulatedProcess, index: number): GroupMembership
  /** Everything in the topics that tasks read is committed, and nothing has come to them since it was asked last. */
  isSettled(): Promise<boolean>
  /** What is not settled, for people. */
  describeLag(): string
  /** Of the application's group, by `topic/partition`. */
  committedOffsets(): Promise<ReadonlyMap<string, number>>
  /** Reads everything at the end of the run. */
  readAll(topics: readonly string[]): Promise<readonly FinalPartition[]>
}
