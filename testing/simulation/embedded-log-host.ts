import {
  createFaultyDisk,
  createLogOwner,
  createMemoryDisk,
  type LogOwner,
  type MemoryDisk,
} from '#connectors/embedded-log'
import { assert, messageOf, type TaskId } from '#streams/base'
import {
  type CommittedOffset,
  type Consumer,
  type Log,
  type LogAdmin,
  type LogRecord,
  NO_HEADERS,
  type Producer,
  SILENT_LOGGER,
} from '#streams/ports'
import { createLocalMembership } from '#streams/runtime'
import type { Fault } from './faults.ts'
import { flipBit } from './flip-bit.ts'
import type { FinalPartition, LogHost } from './log-host.ts'
import { tagOf, withoutTag } from './observed-log.ts'
import { APPLICATION_ID, prngFor } from './plan.ts'
import { SimulatedProcess } from './simulated-process.ts'
import type { World } from './world.ts'

export type EmbeddedLogHost = LogHost & {
  readonly isUp: () => boolean
  /** The process of the log dies at the so-many-th operation of its disk from now on. */
  crash(fault: Fault & { readonly kind: 'log-crash' }): void
  fillDisk(durationMs: number): void
  /** On a copy of the disk: the run itself goes on unharmed. */
  flipBit(): void
  calmDown(): void
}

export type EmbeddedLogHostOptions = {
  readonly world: World
  readonly inputs: ReadonlyMap<string, TaskId>
  /** The process has died, with every thread in it. */
  readonly onDeath: () => void
  readonly onStart: () => void
}

const POLL_MS = 100

/** The embedded log over a disk in memory: one process with the log and all threads, which die together. */
export function createEmbeddedLogHost(options: EmbeddedLogHostOptions): EmbeddedLogHost {
  return new Host(options)
}

class Host implements EmbeddedLogHost {
  readonly #options: EmbeddedLogHostOptions
  readonly #world: World
  readonly #prng
  #disk: MemoryDisk = createMemoryDisk()
  #process: SimulatedProcess | undefined
  #owner: LogOwner | undefined
  #starts = 0
  #crash: { readonly fault: Fault & { readonly kind: 'log-crash' }; operationsLeft: number } | undefined
  #fullUntilMs = 0
  #ends = ''
  #flips = 0
  readonly #committed = new Map<string, number>()

  constructor(options: EmbeddedLogHostOptions) {
    this.#options = options
    this.#world = options.world
    this.#prng = prngFor(options.world.plan.seed, 'disk')
  }

  readonly isUp = (): boolean => this.#owner !== undefined

  async start(): Promise<void> {
    const { time, trace, plan } = this.#world
    const process = new SimulatedProcess({
      name: `log.${this.#starts++}`,
      time,
      prng: this.#prng,
      trace,
      latencyMs: 0,
      clockOffsetMs: () => 0,
      onFault: () => {},
      onDeath: () => {},
    })
    this.#process = process
    const memory = this.#disk
    const disk = createFaultyDisk(memory, ({ kind }) => {
      if (!process.alive) return 'stop'
      if (this.#crash !== undefined && this.#crash.operationsLeft-- <= 0) {
        this.#dieNow(this.#crash.fault)
        return 'stop'
      }
      const isWrite = kind === 'write' || kind === 'create'
      return isWrite && time.nowMs < this.#fullUntilMs ? 'full' : undefined
    })
    const settings = {
      fsyncIntervalMs: 0,
      maintenanceIntervalMs: 0,
      flushBytes: plan.logBytes,
      checkpointBytes: plan.logBytes * 4,
      tailCacheBytes: plan.logBytes * 2,
      unflushedBytesMax: plan.logBytes * 6,
    }
    const yieldToEvents = (): Promise<void> => process.clock.sleep(0)
    try {
      const owner = await createLogOwner({ disk, clock: process.clock, logger: SILENT_LOGGER, settings, yieldToEvents })
      if (!process.alive) return
      this.#owner = owner
      trace.add(`${time.nowMs} log starts`)
      this.#options.onStart()
    } catch (error) {
      if (!process.alive) return
      if (time.nowMs >= this.#fullUntilMs) this.#world.violation('log', `does not open: ${messageOf(error)}`)
      this.#disk = memory.crashClone(this.#prng, 'kill')
      process.die(undefined)
      time.after(500, () => void this.start())
    }
  }

  crash(fault: Fault & { readonly kind: 'log-crash' }): void {
    this.#crash = { fault, operationsLeft: fault.operationsAhead }
  }

  fillDisk(durationMs: number): void {
    this.#fullUntilMs = this.#world.time.nowMs + durationMs
  }

  flipBit(): void {
    const prng = prngFor(this.#world.plan.seed, `bit ${this.#flips++}`)
    void flipBit(this.#disk, prng).then((problem) => {
      if (problem !== undefined) this.#world.violation('bit-flip', problem)
    })
  }

  calmDown(): void {
    this.#crash = undefined
    this.#fullUntilMs = 0
  }

  #dieNow(fault: Fault & { readonly kind: 'log-crash' }): void {
    this.#crash = undefined
    this.#world.happened(fault)
    this.die(fault.mode, fault.downMs)
  }

  /** The log cannot go on (a full disk), or it dies: everything in its process ends, and starts again. */
  die(mode: 'kill' | 'power-cut' | 'power-cut-reordered', downMs: number): void {
    const { time, trace } = this.#world
    trace.add(`${time.nowMs} log dies ${mode}`)
    this.#disk = this.#disk.crashClone(this.#prng, mode)
    this.#owner = undefined
    this.#process?.die(undefined)
    this.#options.onDeath()
    time.after(downMs, () => void this.start())
  }

  // For the threads ---------------------------------------------------------------------------------------------------

  connect(process: SimulatedProcess): Log {
    assert(this.#owner !== undefined, 'the log is up when a thread starts')
    const isAtomic = this.#world.plan.config.processingGuarantee !== 'at_least_once'
    return overProcess(this.#owner.connect(), process, isAtomic ? this.#onOffsets : () => {})
  }

  readonly #onOffsets = (offsets: readonly CommittedOffset[]): void => {
    for (const { topic, partition, offset } of offsets) {
      const name = `${topic}/${partition}`
      const before = this.#committed.get(name) ?? 0
      if (offset < before) this.#world.violation('committed-offsets', `${name} fell from ${before} to ${offset}`)
      this.#committed.set(name, offset)
    }
  }

  membershipOf(_process: SimulatedProcess, index: number) {
    return createLocalMembership(index, this.#world.plan.members)
  }

  // For the world -----------------------------------------------------------------------------------------------------

  /** Tries again after each death of the log, until it was done. */
  async #insist<T>(body: (log: Log) => Promise<T>): Promise<T> {
    for (;;) {
      const owner = this.#owner
      const process = this.#process
      if (owner !== undefined && process !== undefined) {
        const outcome = await untilDeath(process, () => body(owner.connect()), this.#world)
        if (outcome.kind === 'done') return outcome.value
        // A log that refuses to write (its disk was full) is closed and opened again, as an operator does.
        if (outcome.kind === 'failed' && this.#owner === owner) this.die('kill', 100)
      }
      await this.#world.time.sleep(POLL_MS)
    }
  }

  async createTopics(specs: Parameters<LogAdmin['createTopics']>[0]): Promise<void> {
    await this.#insist((log) => log.admin.createTopics(specs))
  }

  async append(record: Parameters<LogHost['append']>[0], partition: number): Promise<void> {
    const { topic, key, value, timestampMs, headers = NO_HEADERS } = record
    await this.#insist(async (log) => {
      const producer = await log.createProducer({ clientId: 'world', bufferBytesMax: 1024 * 1024 })
      await producer.prepareTopics([topic])
      producer.send(topic, partition, key, value, timestampMs, headers)
      await producer.flush()
      await log.close()
    })
  }

  async isSettled(): Promise<boolean> {
    return this.#insist(async (log) => {
      const names = await log.admin.listTopics()
      const described = await log.admin.describeTopics(names)
      const partitions = [...described.values()].flatMap(({ name, partitions: count }) =>
        Array.from({ length: count }, (_, partition) => ({ topic: name, partition })).filter(({ partition }) =>
          this.#options.inputs.has(`${name}/${partition}`),
        ),
      )
      const ends = await log.admin.endOffsets(partitions)
      const committed = await log.admin.committedOffsets(APPLICATION_ID)
      await log.close()
      const before = this.#ends
      this.#ends = ends.map(({ offset }) => offset).join()
      const isRead = ends.every(({ topic, partition, offset }) => {
        const found = committed.find((each) => each.topic === topic && each.partition === partition)
        return (found?.offset ?? 0) === offset
      })
      return isRead && this.#ends === before
    })
  }

  describeLag(): string {
    return `end offsets ${this.#ends}`
  }

  async committedOffsets(): Promise<ReadonlyMap<string, number>> {
    return this.#insist(async (log) => {
      const committed = await log.admin.committedOffsets(APPLICATION_ID)
      await log.close()
      return new Map(committed.map(({ topic, partition, offset }) => [`${topic}/${partition}`, offset]))
    })
  }

  async readAll(topics: readonly string[]): Promise<readonly FinalPartition[]> {
    return this.#insist(async (log) => {
      const described = await log.admin.describeTopics(topics)
      const result: FinalPartition[] = []
      for (const { name, partitions } of described.values()) {
        for (let partition = 0; partition < partitions; partition++) {
          result.push(await readPartition(log, name, partition))
        }
      }
      await log.close()
      return result
    })
  }
}

async function readPartition(log: Log, topic: string, partition: number): Promise<FinalPartition> {
  const [start] = await log.admin.startOffsets([{ topic, partition }])
  const [end] = await log.admin.endOffsets([{ topic, partition }])
  const endOffset = end?.offset ?? 0
  const consumer = await log.createConsumer({
    clientId: 'world',
    isolation: 'read_committed',
    pollRecordsMax: 1_000,
    pollBytesMax: 1024 * 1024,
  })
  consumer.assign([{ topic, partition, offset: start?.offset ?? 0 }])
  const records: LogRecord[] = []
  while (consumer.position({ topic, partition }) < endOffset) {
    for (const batch of await consumer.poll(POLL_MS)) records.push(...batch.records)
  }
  await consumer.close()
  return {
    topic,
    partition,
    records: records.map((record) => ({ record: withoutTag(record), tag: tagOf(record) })),
    live: records.map(withoutTag),
    endOffset,
  }
}

type Outcome<T> = { readonly kind: 'done'; readonly value: T } | { readonly kind: 'failed' | 'died' }

/** What awaits a dead process would wait for ever. */
async function untilDeath<T>(process: SimulatedProcess, body: () => Promise<T>, world: World): Promise<Outcome<T>> {
  let isOver = false
  const died = (async (): Promise<Outcome<T>> => {
    while (!isOver && process.alive) await world.time.sleep(POLL_MS)
    return { kind: 'died' }
  })()
  const done = body().then(
    (value): Outcome<T> => ({ kind: 'done', value }),
    (): Outcome<T> => ({ kind: 'failed' }),
  )
  const outcome = await Promise.race([done, died])
  isOver = true
  return outcome
}

/** Told of offsets in the order in which the log has committed them. */
type OnOffsets = (offsets: readonly CommittedOffset[]) => void

/** A connection within the process: what the thread awaits of it goes through its process. */
function overProcess(log: Log, process: SimulatedProcess, onOffsets: OnOffsets): Log {
  const { admin } = log
  return {
    admin: {
      createTopics: (specs) => process.request('admin', () => admin.createTopics(specs)),
      deleteTopics: (names) => process.request('admin', () => admin.deleteTopics(names)),
      describeTopics: (names) => process.request('admin', () => admin.describeTopics(names)),
      listTopics: () => process.request('admin', () => admin.listTopics()),
      startOffsets: (partitions) => process.request('admin', () => admin.startOffsets(partitions)),
      endOffsets: (partitions, isolation) => process.request('admin', () => admin.endOffsets(partitions, isolation)),
      offsetsForTimes: (partitions) => process.request('admin', () => admin.offsetsForTimes(partitions)),
      deleteRecords: (before) => process.request('admin', () => admin.deleteRecords(before)),
      listGroups: () => process.request('admin', () => admin.listGroups()),
      committedOffsets: (group, partitions) =>
        process.request('read-offsets', () => admin.committedOffsets(group, partitions)),
      alterCommittedOffsets: (group, offsets) =>
        process.request('admin', () => admin.alterCommittedOffsets(group, offsets)),
      deleteGroup: (group) => process.request('admin', () => admin.deleteGroup(group)),
    },
    createConsumer: (options) =>
      process.request('admin', async () => consumerOver(await log.createConsumer(options), process)),
    createProducer: (options) =>
      process.request('open-producer', async () => producerOver(await log.createProducer(options), process, onOffsets)),
    close: () => log.close(),
  }
}

function consumerOver(consumer: Consumer, process: SimulatedProcess): Consumer {
  return {
    assign: (positions) => consumer.assign(positions),
    pause: (partitions) => consumer.pause(partitions),
    resume: (partitions) => consumer.resume(partitions),
    seek: (position) => consumer.seek(position),
    position: (partition) => consumer.position(partition),
    wakeup: () => consumer.wakeup(),
    close: () => process.request('admin', () => consumer.close()),
    poll: (waitMs) => process.request('poll', () => consumer.poll(waitMs)),
  }
}

function producerOver(producer: Producer, process: SimulatedProcess, onOffsets: OnOffsets): Producer {
  return {
    get bytesBuffered() {
      return producer.bytesBuffered
    },
    send: (...args) => producer.send(...args),
    partitionCount: (topic) => producer.partitionCount(topic),
    producedOffset: (topic, partition) => producer.producedOffset(topic, partition),
    prepareTopics: (topics) => process.request('admin', () => producer.prepareTopics(topics)),
    flush: () => process.request('produce', () => producer.flush()),
    commitTransaction: (group, offsets) =>
      process.request('commit', async () => {
        await producer.commitTransaction(group, offsets)
        onOffsets(offsets)
      }),
    abortTransaction: () => process.request('abort', () => producer.abortTransaction()),
    commitOffsets: (group, offsets) => process.request('commit-offsets', () => producer.commitOffsets(group, offsets)),
    close: () => process.request('admin', () => producer.close()),
  }
}
