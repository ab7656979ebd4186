import { type Bytes, utf8Encode } from '../base/bytes.ts'
import { messageOf } from '../base/errors.ts'
import type { TaskId } from '../base/ids.ts'
import type { Header, Headers } from '../ports/index.ts'

/**
 * What to do with a record that cannot be read, processed or written (KIP-161, KIP-1033, KIP-210, KIP-1034). A handler
 * answers; the runtime acts. Nothing is ever skipped without the handler having said so.
 */
export type ExceptionContext = {
  readonly topic: string
  readonly partition: number
  readonly offset: number
  readonly timestampMs: number
  readonly headers: Headers
  readonly taskId: TaskId
  /** The node that failed; undefined where no node was reached. */
  readonly nodeName: string | undefined
  /** The record as it was read from its source topic. */
  readonly sourceKey: Bytes | null
  readonly sourceValue: Bytes | null
  readonly deadLetterTopic: string | undefined
  /** How often this has failed now, from 1 on. */
  readonly attempt: number
}

export type ExceptionDecision = {
  /**
   * `fail`: the thread stops, nothing of the current commit is kept under exactly-once. `continue`: the record is
   * skipped and counted. `retry`: what failed is done again at once, at most `handlerRetriesMax` times, after which it
   * counts as `fail`. A processor is called again with the same record: what it had written or forwarded before it threw
   * stays, so it must bear that. (Java knows it for production only.)
   */
  readonly action: 'fail' | 'continue' | 'retry'
  /** Where to send the record as it was read, with the reason in headers. */
  readonly deadLetterTopic?: string | undefined
}

export type ExceptionHandler = (error: unknown, context: ExceptionContext) => ExceptionDecision
export type DeserializationExceptionHandler = ExceptionHandler
export type ProcessingExceptionHandler = ExceptionHandler
export type ProductionExceptionHandler = ExceptionHandler

/** The default: stop, so that somebody looks. With a dead-letter topic configured, the record goes there too. */
export const logAndFail: ExceptionHandler = (_error, context) => ({
  action: 'fail',
  deadLetterTopic: context.deadLetterTopic,
})

/** Skip, count, log; with a dead-letter topic configured, the record goes there. */
export const logAndContinue: ExceptionHandler = (_error, context) => ({
  action: 'continue',
  deadLetterTopic: context.deadLetterTopic,
})

/** Skip, and send the record to this topic with the reason in its headers. */
export function sendToDeadLetterTopic(topic: string): ExceptionHandler {
  return () => ({ action: 'continue', deadLetterTopic: topic })
}

const STACK_CHARACTERS_MAX = 8_000

/** Headers of a dead-letter record: those of the record itself, then the reason, under KIP-1034's names. */
export function deadLetterHeaders(error: unknown, context: ExceptionContext): Headers {
  const text = (key: string, value: string): Header => ({
    key: `__streams.errors.${key}`,
    value: utf8Encode(value),
  })
  const stack = error instanceof Error ? (error.stack ?? '') : ''
  return [
    ...context.headers,
    text('exception', error instanceof Error ? error.name : typeof error),
    text('message', messageOf(error)),
    text('stacktrace', stack.slice(0, STACK_CHARACTERS_MAX)),
    text('topic', context.topic),
    text('partition', String(context.partition)),
    text('offset', String(context.offset)),
  ]
}
