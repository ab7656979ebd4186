import { definitionOf, keyOfEvent, type SaccoEvent } from '#schemas'
import { messageOf, partitionForKey, utf8Encode } from '#streams/base'
import { type Log, type Logger, NO_HEADERS, type PartitionOffset, type Producer, type Serde } from '#streams/ports'
import { ApiProblem } from '../http/problem.ts'

/**
 * Appends events to topics: all that the API ever writes. What an event changes, the topologies decide; the position
 * that it got tells a reader from when on an answer has it in it.
 */
export type EventWriter = {
  /**
   * Resolves when the events are durable, with where they are. 503 where the log cannot be reached: whether they are
   * there is not known then, and sending them again with the same ids is right.
   */
  write(events: readonly SaccoEvent[]): Promise<readonly PartitionOffset[]>
  close(): Promise<void>
}

export type EventWriterOptions = {
  readonly log: Log
  readonly logger: Logger
  readonly clientId: string
  readonly nowMs: () => number
  /** How the values of a topic are written. */
  readonly serdes: Readonly<Record<string, Serde<unknown>>>
}

const BUFFER_BYTES_MAX = 4 * 1024 * 1024
/** Writers who wait for those before them. */
const WAITING_MAX = 1_000

export function createEventWriter(options: EventWriterOptions): EventWriter {
  const { log, logger, clientId, nowMs, serdes } = options
  const topics = Object.keys(serdes)
  let producer: Producer | undefined
  /** A producer serves one caller at a time. */
  let last: Promise<unknown> = Promise.resolve()
  let waiting = 0
  let isClosed = false

  const open = async (): Promise<Producer> => {
    const opened = await log.createProducer({ clientId, bufferBytesMax: BUFFER_BYTES_MAX })
    await opened.prepareTopics(topics)
    return opened
  }
  const append = async (events: readonly SaccoEvent[]): Promise<readonly PartitionOffset[]> => {
    producer ??= await open()
    const writing = producer
    const places = events.map((event) => {
      const { topic } = definitionOf(event.event_type)
      const key = utf8Encode(keyOfEvent(event))
      const partition = partitionForKey(key, writing.partitionCount(topic) ?? 1)
      const value = (serdes[topic] as Serde<unknown>).serialize(event, topic)
      writing.send(topic, partition, key, value, Date.parse(event.timestamp) || nowMs(), NO_HEADERS)
      return { topic, partition }
    })
    await writing.flush()
    // Nobody else writes with this producer: what was sent to a partition is the last that it has there.
    const counts = new Map<string, number>()
    return places
      .reverse()
      .map(({ topic, partition }): PartitionOffset => {
        const fromEnd = (counts.get(`${topic}-${partition}`) ?? 0) + 1
        counts.set(`${topic}-${partition}`, fromEnd)
        return { topic, partition, offset: (writing.producedOffset(topic, partition) ?? fromEnd) - fromEnd }
      })
      .reverse()
  }
  /** What it has buffered may or may not be in the log: another one begins with nothing. */
  const drop = async (): Promise<void> => {
    const broken = producer
    producer = undefined
    await broken?.close().catch(() => {})
  }
  const run = async (events: readonly SaccoEvent[]): Promise<readonly PartitionOffset[]> => {
    try {
      if (isClosed) throw new ApiProblem('unavailable', 'The server is stopping.')
      return await append(events)
    } catch (error) {
      await drop()
      if (error instanceof ApiProblem) throw error
      logger.warn('events cannot be written', { error: messageOf(error) })
      throw new ApiProblem(
        'unavailable',
        'The log cannot be written to right now. Send it again with the same eventId: it counts once.',
      )
    }
  }
  return {
    write(events) {
      if (waiting >= WAITING_MAX) {
        return Promise.reject(new ApiProblem('unavailable', 'Too many writes are waiting; try again shortly.'))
      }
      waiting++
      const result = last.then(() => run(events))
      last = result.then(
        () => waiting--,
        () => waiting--,
      )
      return result
    },
    async close() {
      isClosed = true
      await last
      await drop()
    },
  }
}
