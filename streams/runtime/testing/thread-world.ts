import { createLogOwner, createMemoryDisk } from '#connectors/embedded-log'
import { nodeClock } from '#host'
import { createMemoryEngine, type MemoryEngine } from '#state-stores'
import type { Log, LogRecord, Metrics } from '../../ports/index.ts'
import { NO_HEADERS, NO_METRICS, SILENT_LOGGER } from '../../ports/index.ts'
import { serdes } from '../../serdes/index.ts'
import type { Topology } from '../../topology/topology.ts'
import { resolveConfig, type StreamsOptions } from '../config.ts'
import { createLocalMembership } from '../local-membership.ts'
import { createStreamThread, type StreamThread } from '../stream-thread.ts'

export type TextRecord = { readonly key: string; readonly value: string | Uint8Array; readonly timestampMs?: number }

/** One application on the real embedded log (on a disk in memory): the thread runs, ends and runs again. */
export type ThreadWorld = {
  readonly log: Log
  /** The state on this machine; replaced by an empty one where the machine is lost. */
  engine: MemoryEngine
  readonly warnings: string[]
  /** Of the threads that run next. */
  metrics: Metrics
  send(topic: string, records: readonly TextRecord[]): Promise<void>
  /** `end` gives the error with which the thread ended, or undefined after `thread.stop()`. */
  start(
    topology: Topology,
    options?: Partial<StreamsOptions>,
    log?: Log,
  ): { readonly thread: StreamThread; readonly end: Promise<unknown> }
  /** Runs until all that was sent is committed, or the thread fails: then gives the error. */
  run(topology: Topology, options?: Partial<StreamsOptions>, log?: Log): Promise<unknown>
  read(topic: string, count: number): Promise<readonly LogRecord[]>
  close(): Promise<void>
}

export async function createThreadWorld(topics: readonly string[]): Promise<ThreadWorld> {
  const owner = await createLogOwner({
    disk: createMemoryDisk(),
    clock: nodeClock,
    logger: SILENT_LOGGER,
    settings: { fsyncIntervalMs: 0 },
  })
  const log = owner.connect()
  await log.admin.createTopics(topics.map((name) => ({ name, partitions: 1 })))
  const sent = new Map<string, number>()
  const warnings: string[] = []
  const world: ThreadWorld = {
    log,
    engine: createMemoryEngine(),
    warnings,
    metrics: NO_METRICS,
    async send(topic, records) {
      const producer = await log.createProducer({ clientId: 'test', bufferBytesMax: 10_000_000 })
      await producer.prepareTopics([topic])
      for (const { key, value, timestampMs = 0 } of records) {
        const bytes = typeof value === 'string' ? serdes.string.serialize(value, topic) : value
        producer.send(topic, 0, serdes.string.serialize(key, topic), bytes, timestampMs, NO_HEADERS)
      }
      await producer.flush()
      await producer.close()
      sent.set(topic, (sent.get(topic) ?? 0) + records.length)
    },
    start(topology, options = {}, threadLog = log) {
      const thread = createStreamThread({
        name: 'app-1',
        topology,
        config: resolveConfig({ applicationId: 'app', cacheBytesMax: 0, commitIntervalMs: 5, pollMs: 5, ...options }),
        log: threadLog,
        membership: createLocalMembership(0, 1),
        stateEngine: world.engine,
        memoryEngine: createMemoryEngine(),
        clock: nodeClock,
        logger: { ...SILENT_LOGGER, warn: (message: string) => void warnings.push(message) },
        metrics: world.metrics,
      })
      const end = thread.run().then(
        () => undefined,
        (error: unknown) => error,
      )
      return { thread, end }
    },
    async run(topology, options, threadLog) {
      const { thread, end } = world.start(topology, options, threadLog)
      let hasEnded = false
      end.finally(() => {
        hasEnded = true
      })
      const inputs = [...sent].map(([topic]) => ({ topic, partition: 0 }))
      while (!hasEnded) {
        const committed = await log.admin.committedOffsets('app', inputs)
        if (committed.length === inputs.length && committed.every(({ topic, offset }) => offset === sent.get(topic)))
          break
        await nodeClock.sleep(2)
      }
      thread.stop()
      return end
    },
    async read(topic, count) {
      const consumer = await log.createConsumer({
        clientId: 'check',
        isolation: 'read_committed',
        pollRecordsMax: 1000,
        pollBytesMax: 10_000_000,
      })
      consumer.assign([{ topic, partition: 0, offset: 0 }])
      const found: LogRecord[] = []
      const deadlineMs = nodeClock.monotonicMs() + 5000
      while (found.length < count && nodeClock.monotonicMs() < deadlineMs)
        for (const { records } of await consumer.poll(50)) found.push(...records)
      await consumer.close()
      return found
    },
    async close() {
      await log.close()
      await owner.close()
    },
  }
  return world
}
