import { partitionForKey, StreamsError } from '#streams/base'
import type { Producer } from '#streams/ports'
import type { Line } from './lines.ts'
import type { createRecordParser, ParsedRecord } from './parse-record.ts'

export type SendOptions = {
  readonly producer: Producer
  readonly topic: string
  readonly partitions: number
  readonly lines: AsyncIterable<readonly Line[]>
  readonly parse: ReturnType<typeof createRecordParser>
  readonly nowMs: () => number
  /** Of lines without a key and a partition: they take turns, beginning with this one. */
  readonly firstPartition: number
  /** What becomes of a line that is no record; `stop` ends the work after everything before it is acknowledged. */
  readonly onBadLine: (line: Line, reason: string) => 'go-on' | 'stop'
  readonly onAcknowledged: (records: number) => void
  readonly isStopping: () => boolean
}

export type Sent = {
  readonly acknowledged: number
  readonly bad: number
  /** The last line whose record, and that of every line before it, is acknowledged (or was no record). */
  readonly line: number
  /** Lines from `line + 1` to this one were sent, and it is not known whether they arrived. */
  readonly unknownUpTo: number | undefined
  readonly failure: unknown
}

/** How many bytes are on their way at most before an acknowledgement is waited for. */
export const BUFFER_BYTES_MAX = 4 * 1024 * 1024

/** Sends lines in portions: each is acknowledged before the next one is parsed, so that what arrived is known by line. */
export async function sendLines(options: SendOptions): Promise<Sent> {
  const { producer, lines, onAcknowledged, isStopping } = options
  const state = { acknowledged: 0, bad: 0, line: 0, sent: 0, lastSent: 0 }
  const flush = async (): Promise<void> => {
    await producer.flush()
    state.acknowledged = state.sent
    state.line = state.lastSent
    onAcknowledged(state.acknowledged)
  }
  const result = (failure: unknown): Sent => ({
    acknowledged: state.acknowledged,
    bad: state.bad,
    line: state.line,
    unknownUpTo: state.sent > state.acknowledged ? state.lastSent : undefined,
    failure,
  })
  try {
    for await (const portion of lines) {
      for (const line of portion) {
        const reason = await sendLine(options, line, state.sent)
        if (reason === 'sent') state.sent++
        else if (reason !== 'blank') {
          state.bad++
          if (options.onBadLine(line, reason.because) === 'stop') {
            await flush()
            return result(undefined)
          }
        }
        state.lastSent = line.number
        if (producer.bytesBuffered >= BUFFER_BYTES_MAX) await flush()
        if (isStopping()) break
      }
      await flush()
      if (isStopping()) break
    }
    return result(undefined)
  } catch (failure) {
    // Nothing but a read that was ended by us, or an input that cannot be read: what was sent is still waited for.
    const hasArrived = await flush().then(
      () => true,
      () => false,
    )
    return result(isStopping() && hasArrived ? undefined : failure)
  }
}

type LineOutcome = 'sent' | 'blank' | { readonly because: string }

/** What is wrong with this line alone: others may be sent. */
const OF_THE_LINE = new Set(['RECORD_UNWRITABLE', 'RECORD_TOO_LARGE', 'OFFSET_OUT_OF_RANGE'])

async function sendLine(options: SendOptions, line: Line, sent: number): Promise<LineOutcome> {
  try {
    const record = await options.parse(line.bytes)
    if (record === undefined) return 'blank'
    const { topic, producer, nowMs } = options
    const partition = partitionOf(options, record, sent)
    producer.send(topic, partition, record.key, record.value, record.timestampMs ?? nowMs(), record.headers)
    return 'sent'
  } catch (error) {
    if (error instanceof StreamsError && OF_THE_LINE.has(error.code)) return { because: error.message }
    throw error
  }
}

/** As Kafka's own producer does it: murmur2 of the key's bytes. */
function partitionOf(
  { partitions, firstPartition }: SendOptions,
  { partition, key }: ParsedRecord,
  sent: number,
): number {
  if (partition !== undefined) return partition
  return key === null ? (firstPartition + sent) % partitions : partitionForKey(key, partitions)
}
