import { isFrozenError } from '../base/deep-freeze.ts'
import { messageOf, StreamsError, sentenceOf } from '../base/errors.ts'
import type { Counter, Logger } from '../ports/index.ts'
import { deadLetterHeaders, type ExceptionContext, type ExceptionHandler } from './exception-handlers.ts'
import type { RecordCollector } from './record-collector.ts'

export type FailureKind = 'PROCESSING_FAILED' | 'RECORD_UNREADABLE' | 'RECORD_UNWRITABLE'

const whatFailed: Readonly<Record<FailureKind, string>> = {
  PROCESSING_FAILED: 'could not be processed',
  RECORD_UNREADABLE: 'could not be read',
  RECORD_UNWRITABLE: 'gave an output that could not be written',
}

export type FailureSurroundings = {
  readonly collector: RecordCollector
  readonly logger: Logger
  readonly dropped: Counter
  readonly deadLettered: Counter
  readonly retriesMax: number
}

/**
 * Asks the handler and does what it says: throws, or counts, logs and (where it says so) sends to dead letters. True:
 * the caller is to try again.
 */
export function handleFailure(
  kind: FailureKind,
  error: unknown,
  handler: ExceptionHandler,
  context: ExceptionContext,
  surroundings: FailureSurroundings,
): boolean {
  const decision = handler(error, context)
  const { retriesMax } = surroundings
  if (decision.action === 'retry' && context.attempt <= retriesMax) return true
  const where =
    context.topic === '' ? 'a punctuation' : `the record at ${context.topic}-${context.partition}@${context.offset}`
  const node = context.nodeName === undefined ? '' : ` at node ${context.nodeName}`
  const message = `${where} ${whatFailed[kind]}${node} of task ${context.taskId}: ${messageOf(error)}${frozenHint(error)}`
  if (decision.deadLetterTopic !== undefined) sendToDeadLetters(decision.deadLetterTopic, error, context, surroundings)
  if (decision.action !== 'continue') {
    const hint =
      decision.action === 'retry'
        ? `It was tried ${context.attempt} times; handlerRetriesMax says how often`
        : 'To go on in such cases, set an exception handler that continues, and a dead-letter topic'
    throw new StreamsError(kind, `${sentenceOf(message)} ${hint}`, { cause: error })
  }
  surroundings.dropped.add(1)
  surroundings.logger.warn(`Skipped: ${message}`, {
    task: context.taskId,
    node: context.nodeName,
    deadLetterTopic: decision.deadLetterTopic,
  })
  return false
}

/** Nothing else in a step freezes what user code may want to change. */
function frozenHint(error: unknown): string {
  if (!isFrozenError(error)) return ''
  return ' (values of stores are not to be changed in place: return or put a new one, such as { ...old, count: old.count + 1 })'
}

/** The record as it was read, to the partition it came from (KIP-1034). */
function sendToDeadLetters(
  topic: string,
  error: unknown,
  context: ExceptionContext,
  { collector, deadLettered }: FailureSurroundings,
): void {
  const partitionCount = collector.partitionCount(topic)
  if (partitionCount === undefined) {
    throw new StreamsError(
      'TOPIC_MISSING',
      `the dead-letter topic ${topic} does not exist, so a failed record would be lost; create it, and name it as deadLetterTopic`,
    )
  }
  const partition = Math.max(0, context.partition) % partitionCount
  const timestampMs = Math.max(0, context.timestampMs)
  collector.send(
    topic,
    partition,
    context.sourceKey,
    context.sourceValue,
    timestampMs,
    deadLetterHeaders(error, context),
  )
  deadLettered.add(1)
}
