import { hasCode, utf8Decode, utf8Encode } from '#streams/base'
import { type Consumer, type Header, type Log, type LogRecord, NO_HEADERS, type Producer } from '#streams/ports'
import type { Bounds } from './bounds.ts'
import type { Attempt, CommittedWork, Registry } from './registry.ts'
import { taskInStep } from './task-probe.ts'

/** One record per commit goes here, within the transaction: what is in it was committed, whatever the caller was told. */
export const COMMITS_TOPIC = 'simulation-commits'
const TAG = 'simulation'

export type ObservedLogOptions = {
  readonly registry: Registry
  readonly process: string
  /** The work that was prepared since it was asked for last. */
  readonly takePrepared: () => readonly CommittedWork[]
  readonly bounds: Bounds
}

/** What the consumer of a thread's inputs is called, unlike those for restores. */
const INPUTS_CLIENT = /-consumer$/

/**
 * A log whose records say which attempt to commit they belong to (in a header that no application sees), and that notes
 * what was sent, committed and polled.
 */
export function observeLog(log: Log, options: ObservedLogOptions): Log {
  return {
    admin: log.admin,
    createConsumer: async (consumerOptions) => {
      const consumer = await log.createConsumer(consumerOptions)
      return observeConsumer(consumer, consumerOptions.clientId, options)
    },
    createProducer: async (producerOptions) => {
      const producer = await log.createProducer(producerOptions)
      options.bounds.producerIs(() => producer.bytesBuffered)
      // Of a commit that failed while it was prepared: those tasks were closed, and nothing of it is ever sent.
      options.takePrepared()
      return new ObservedProducer(producer, producerOptions.transactionalId !== undefined, options)
    },
    close: () => log.close(),
  }
}

/** `<attempt>/<number>` of a record of a run; undefined for input. */
export function tagOf({ headers }: Pick<LogRecord, 'headers'>): string | undefined {
  const last = headers[headers.length - 1]
  return last?.key === TAG && last.value !== null ? utf8Decode(last.value) : undefined
}

export function withoutTag(record: LogRecord): LogRecord {
  if (tagOf(record) === undefined) return record
  const headers = record.headers.length === 1 ? NO_HEADERS : record.headers.slice(0, -1)
  return { ...record, headers }
}

function isDirty(tag: string | undefined, registry: Registry): boolean {
  return tag !== undefined && registry.attempts[Number(tag.split('/')[0])]?.isCommitted === false
}

function observeConsumer(consumer: Consumer, clientId: string, options: ObservedLogOptions): Consumer {
  const { registry, bounds } = options
  const name = `${options.process} ${clientId}`
  return {
    assign: (positions) => consumer.assign(positions),
    pause: (partitions) => consumer.pause(partitions),
    resume: (partitions) => consumer.resume(partitions),
    seek: (position) => consumer.seek(position),
    position: (partition) => consumer.position(partition),
    wakeup: () => consumer.wakeup(),
    close: () => consumer.close(),
    poll: async (waitMs) => {
      if (INPUTS_CLIENT.test(clientId)) bounds.beforePoll()
      const batches = await consumer.poll(waitMs)
      return batches.map((batch) => {
        registry.polls.push({
          consumer: name,
          topic: batch.topic,
          partition: batch.partition,
          position: batch.records[0]?.offset ?? batch.nextOffset,
          nextOffset: batch.nextOffset,
          offsets: batch.records.map(({ offset }) => offset),
          tags: batch.records.map(tagOf),
          dirty: registry.knowsCommits ? batch.records.map(tagOf).find((tag) => isDirty(tag, registry)) : undefined,
        })
        return { ...batch, records: batch.records.map(withoutTag) }
      })
    },
  }
}

class ObservedProducer implements Producer {
  readonly #inner: Producer
  readonly #isTransactional: boolean
  readonly #options: ObservedLogOptions
  #attempt: Attempt | undefined

  constructor(inner: Producer, isTransactional: boolean, options: ObservedLogOptions) {
    this.#inner = inner
    this.#isTransactional = isTransactional
    this.#options = options
  }

  get bytesBuffered(): number {
    return this.#inner.bytesBuffered
  }

  partitionCount(topic: string): number | undefined {
    return this.#inner.partitionCount(topic)
  }

  prepareTopics(topics: readonly string[]): Promise<void> {
    return this.#inner.prepareTopics([...topics, COMMITS_TOPIC])
  }

  send(...args: Parameters<Producer['send']>): void {
    const [topic, partition, key, value, timestampMs, headers] = args
    const attempt = this.#open()
    const tag: Header = { key: TAG, value: utf8Encode(`${attempt.id}/${attempt.sent.length}`) }
    this.#inner.send(topic, partition, key, value, timestampMs, [...headers, tag])
    attempt.sent.push({ task: taskInStep(), topic, partition, key, value, timestampMs, headers })
  }

  #open(): Attempt {
    this.#attempt ??= this.#options.registry.newAttempt(this.#options.process)
    return this.#attempt
  }

  #sendMarker(attempt: Attempt): void {
    this.#inner.send(COMMITS_TOPIC, 0, null, utf8Encode(String(attempt.id)), 0, NO_HEADERS)
  }

  async commitTransaction(...args: Parameters<Producer['commitTransaction']>): Promise<void> {
    const attempt = this.#open()
    this.#attempt = undefined
    attempt.work = this.#options.takePrepared()
    attempt.offsets = args[1]
    this.#sendMarker(attempt)
    try {
      await this.#inner.commitTransaction(...args)
      attempt.outcome = 'acknowledged'
    } catch (error) {
      if (hasCode(error, 'FENCED', 'TASK_MIGRATED')) attempt.outcome = 'refused'
      throw error
    }
  }

  async flush(): Promise<void> {
    if (this.#isTransactional) return this.#inner.flush()
    const attempt = this.#open()
    this.#attempt = undefined
    attempt.work = this.#options.takePrepared()
    this.#sendMarker(attempt)
    await this.#inner.flush()
    attempt.outcome = 'acknowledged'
  }

  async abortTransaction(): Promise<void> {
    this.#attempt = undefined
    this.#options.takePrepared()
    await this.#inner.abortTransaction()
  }

  commitOffsets(...args: Parameters<Producer['commitOffsets']>): Promise<void> {
    return this.#inner.commitOffsets(...args)
  }

  producedOffset(topic: string, partition: number): number | undefined {
    return this.#inner.producedOffset(topic, partition)
  }

  close(): Promise<void> {
    return this.#inner.close()
  }
}
