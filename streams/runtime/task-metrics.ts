import type { TaskId } from '../base/ids.ts'
import { type Counter, type Latency, type MetricName, type Metrics, records } from '../ports/index.ts'
import type { PartitionGroup } from './partition-group.ts'

const GROUP = 'stream-task-metrics'

/** Metrics of one task. Undefined: not recorded at this level, so that it is not even measured. */
export type TaskMetrics = {
  readonly processed: Counter
  readonly dropped: Counter
  readonly deadLettered: Counter
  readonly lateness: Latency | undefined
  readonly punctuation: Latency | undefined
  readonly processing: Latency | undefined
}

export function taskTags(threadName: string, id: TaskId): Readonly<Record<string, string>> {
  return { 'thread-id': threadName, 'task-id': id }
}

export function nodeTags(threadName: string, id: TaskId, node: string): Readonly<Record<string, string>> {
  return { ...taskTags(threadName, id), 'processor-node-id': node }
}

export function createTaskMetrics(metrics: Metrics, threadName: string, id: TaskId): TaskMetrics {
  const tags = taskTags(threadName, id)
  const counter = (name: string, description: string): Counter =>
    metrics.counter({ group: GROUP, name, description, tags })
  const debug = (name: string, description: string): Latency | undefined =>
    records(metrics.level, 'debug')
      ? metrics.latency({ group: GROUP, name, description, tags, level: 'debug' })
      : undefined
  return {
    processed: counter('process-total', 'Records processed'),
    dropped: counter(
      'dropped-records-total',
      'Records dropped: late, skipped by an exception handler, or with a null key',
    ),
    deadLettered: counter('dead-letter-records-total', 'Records sent to a dead-letter topic'),
    lateness: debug('record-lateness', 'How far records are behind stream time, in milliseconds'),
    punctuation: debug('punctuate-latency', 'Punctuations'),
    processing: debug('process-latency', 'Records processed to the end of every path'),
  }
}

/** What can be read off a task at any time. */
export function taskGauges(metrics: Metrics, threadName: string, id: TaskId, group: PartitionGroup): void {
  const tags = taskTags(threadName, id)
  if (records(metrics.level, 'debug')) {
    const description = 'Records chosen though an input was empty'
    group.enforced = metrics.counter({
      group: GROUP,
      name: 'enforced-processing-total',
      description,
      tags,
      level: 'debug',
    })
  }
  const gauge = (name: string, description: string, read: () => number): void => {
    metrics.gauge({ group: GROUP, name, description, tags }, read)
  }
  gauge('active-buffer-count', 'Records fetched and not yet processed', () => group.recordCount)
  gauge('input-buffer-bytes-total', 'Bytes of records fetched and not yet processed', () => group.byteCount)
}

/** KIP-613: from the record's timestamp to its arrival at a node, by the wall clock. */
export function endToEndLatency(metrics: Metrics, tags: Readonly<Record<string, string>>): Latency {
  return metrics.latency({
    group: 'stream-processor-node-metrics',
    name: 'record-e2e-latency',
    description: "From a record's timestamp to its arrival at the node",
    tags,
    hasMinimum: true,
  })
}

/** Of a node, from debug on. */
export function nodeProcessed(metrics: Metrics, tags: Readonly<Record<string, string>>): Counter | undefined {
  const metric: MetricName = {
    group: 'stream-processor-node-metrics',
    name: 'process-total',
    description: 'Records that the node processed',
    tags,
    level: 'debug',
  }
  return records(metrics.level, 'debug') ? metrics.counter(metric) : undefined
}
