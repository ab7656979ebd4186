import { hasCode, StreamsError, sentenceOf } from '../base/errors.ts'

/**
 * What the log says of a record that it does not take is about bytes and limits of its own; this says who sent it and
 * what can be done. Other errors come back as they are.
 */
export function explainSinkFailure(error: unknown, nodeName: string, taskId: string): unknown {
  if (!hasCode(error, 'LIMIT_EXCEEDED')) return error
  return bufferFull(error, `node ${nodeName} of task ${taskId} sends more within one step than the producer holds`)
}

export function explainChangelogFailure(
  error: unknown,
  storeName: string,
  taskId: string,
  key: Uint8Array,
  value: Uint8Array | null,
): unknown {
  const where = `store ${storeName} of task ${taskId}`
  if (hasCode(error, 'LIMIT_EXCEEDED'))
    return bufferFull(error, `what one step has written to ${where} is more than the producer holds`)
  if (!hasCode(error, 'RECORD_TOO_LARGE')) return error
  return new StreamsError(
    'RECORD_TOO_LARGE',
    `${where} has an entry that its changelog does not take (key ${key.length} bytes, value ${value?.length ?? 0} bytes): ` +
      `${sentenceOf(error)} Keep less under one key (split it, or bound what an aggregate collects), or raise max.message.bytes: ` +
      "of the topic, and in the store's logging.config for new topics. The task cannot go on before: the input is read again",
    { cause: error },
  )
}

function bufferFull(cause: StreamsError, what: string): StreamsError {
  return new StreamsError(
    'LIMIT_EXCEEDED',
    `${what}: ${sentenceOf(cause)} Raise producerBufferBytesMax, which is looked at between steps, or forward less for one ` +
      'record or punctuation',
    { cause },
  )
}
