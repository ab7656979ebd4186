import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type EmbeddedApplication, nodeClock, startEmbeddedApplication } from '#host'
import { createEncoder, createPacer, createSacco, type EventStreamOptions, events, type LoadRecord } from '#load'
import {
  createTopicSerde,
  definitionOf,
  eventTimeMs,
  keyOfEvent,
  localSchemas,
  SACCO_EVENTS,
  type SaccoEvent,
} from '#schemas'
import { partitionForKey, utf8Encode } from '#streams/base'
import { type Log, NO_HEADERS, type PartitionOffset, SILENT_LOGGER } from '#streams/ports'
import { SACCO_DEFINITIONS } from '#topologies/sacco'
import type { User } from '../access/tokens.ts'
import { type Api, type ApiServer, createApi, startApiServer } from '../index.ts'

/** The SACCO's topologies on an embedded log, fed by the load generator, with API and server: what `mto demo` runs, for tests and pictures. */
export type RunningSacco = {
  readonly application: EmbeddedApplication
  readonly api: Api
  readonly server: ApiServer
  readonly feed: Feed
  close(): Promise<void>
}

export type Feed = {
  /** Publishes records of the simulated SACCO until its simulated time is reached; at once, or at a rate. */
  until(
    untilMs: number,
    options?: { readonly recordsPerSecond?: number; readonly signal?: AbortSignal },
  ): Promise<number>
  /** Publishes one event, beside those of the generator. */
  send(event: SaccoEvent): Promise<void>
  /** Publishes bytes as they are; says where they are. */
  sendBytes(topic: string, key: string, value: Uint8Array, timestampMs: number): Promise<PartitionOffset>
  readonly simulatedMs: number
}

export type RunningSaccoOptions = {
  readonly members?: number
  readonly seed?: number
  readonly startMs?: number
  readonly port?: number
  readonly threads?: number
  readonly stream?: EventStreamOptions
  /** Absent: nobody has to sign in. */
  readonly users?: readonly User[]
}

export const APPLICATION_ID = 'sacco'
export const DEFAULT_START_MS = Date.parse('2026-02-20T00:00:00+03:00')
const MODULE = new URL('../../topologies/sacco/application.ts', import.meta.url)
const STATE_BYTES_MAX = 1024 * 1024 * 1024
const BUFFER_BYTES_MAX = 16 * 1024 * 1024

export async function startRunningSacco(options: RunningSaccoOptions = {}): Promise<RunningSacco> {
  const { members = 400, seed = 11, startMs = DEFAULT_START_MS, port = 0, threads = 2, stream = {} } = options
  const dataDirectory = await mkdtemp(join(tmpdir(), 'mto-api-'))
  const application = await startEmbeddedApplication({
    module: MODULE,
    applicationId: APPLICATION_ID,
    dataDirectory,
    threads,
    // Several dozen databases, each with a share for every store.
    stateWriteBufferBytesMax: STATE_BYTES_MAX,
    stateCacheBytesMax: STATE_BYTES_MAX,
    logLevel: (process.env.LOG ?? 'warn') as never,
  })
  await application.ready
  const api = await createApi({
    ...{ application, applicationId: APPLICATION_ID, clock: nodeClock, logger: SILENT_LOGGER },
    // An empty registry gives the ids that local schemas have: the first one is 1.
    schemas: localSchemas(SACCO_DEFINITIONS),
    ...(options.users === undefined ? {} : { users: options.users }),
  })
  const server = await startApiServer({ api, port })
  const source = events(createSacco({ members, seed, startMs }), { seed, ...stream })
  const feed = await createFeed(application.log, source)
  return {
    application,
    api,
    server,
    feed,
    close: async () => {
      await feed.close()
      await server.close()
      await application.stop()
      await rm(dataDirectory, { recursive: true, force: true })
    },
  }
}

async function createFeed(
  log: Log,
  source: Iterator<LoadRecord, undefined>,
): Promise<Feed & { close(): Promise<void> }> {
  const topics = [...new Set(SACCO_EVENTS.map(({ topic }) => topic))]
  const producer = await log.createProducer({ clientId: 'load', bufferBytesMax: BUFFER_BYTES_MAX })
  await producer.prepareTopics(topics)
  const schemas = localSchemas(SACCO_EVENTS)
  const encode = createEncoder(schemas)
  let simulatedMs = 0
  let head = source.next().value

  const send = (record: LoadRecord): void => {
    const key = utf8Encode(record.key)
    const partition = partitionForKey(key, producer.partitionCount(record.topic) ?? 1)
    producer.send(record.topic, partition, key, encode(record), record.timestampMs, NO_HEADERS)
    simulatedMs = Math.max(simulatedMs, record.publishAtMs)
  }
  function* upTo(untilMs: number): Generator<LoadRecord, undefined> {
    while (head !== undefined && head.publishAtMs <= untilMs) {
      const record = head
      head = source.next().value
      yield record
    }
  }
  return {
    get simulatedMs() {
      return simulatedMs
    },
    async until(untilMs, { recordsPerSecond, signal } = {}) {
      const schedule =
        recordsPerSecond === undefined ? ({ kind: 'unpaced' } as const) : ({ kind: 'rate', recordsPerSecond } as const)
      const pacer = createPacer({ clock: nodeClock, schedule, ...(signal === undefined ? {} : { signal }) })
      let count = 0
      for await (const { records } of pacer.batches(upTo(untilMs))) {
        for (const record of records) send(record)
        count += records.length
        await producer.flush()
      }
      return count
    },
    async send(event) {
      const { topic } = definitionOf(event.event_type)
      const key = utf8Encode(keyOfEvent(event))
      const serde = createTopicSerde(topic, schemas)
      const partition = partitionForKey(key, producer.partitionCount(topic) ?? 1)
      producer.send(topic, partition, key, serde.serialize(event as never, topic), eventTimeMs(event), NO_HEADERS)
      await producer.flush()
    },
    async sendBytes(topic, key, value, timestampMs) {
      const partition = partitionForKey(utf8Encode(key), producer.partitionCount(topic) ?? 1)
      producer.send(topic, partition, utf8Encode(key), value, timestampMs, NO_HEADERS)
      await producer.flush()
      return { topic, partition, offset: (producer.producedOffset(topic, partition) ?? 1) - 1 }
    },
    close: () => producer.close(),
  }
}
