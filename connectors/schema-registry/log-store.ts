import { SchemaError } from '#schemas'
import { assert, messageOf } from '#streams/base'
import { type Consumer, type Log, NO_HEADERS, type Producer } from '#streams/ports'
import { decodeRegistryRecord, encodeRegistryRecord, type RegistryRecord } from './registry-records.ts'
import type { RegistryStore } from './registry-store.ts'

/** Confluent's name for the topic. */
export const SCHEMAS_TOPIC = '_schemas'
export const TRANSACTIONAL_ID = 'mto-schema-registry'

const POLL_WAIT_MS = 100
const POLL_RECORDS_MAX = 1_000
const POLL_BYTES_MAX = 4 * 1024 * 1024
const BUFFER_BYTES_MAX = 8 * 1024 * 1024
/** A load that sees nothing new for so many polls although the end is not reached will not get there. */
const EMPTY_POLLS_MAX = 100

export type LogStoreOptions = {
  readonly log: Log
  readonly nowMs: () => number
  readonly topic?: string
  /** Copies of the topic if it has to be created; a cluster of fewer brokers needs fewer. */
  readonly replicationFactor?: number
}

const REPLICATION_FACTOR = 3

/**
 * The registry's records in a compacted topic with one partition. Each append is a transaction. Opening (in `load`)
 * creates the transactional producer, which fences a registry that another process still runs on the same log: two
 * writers would give the same id to different schemas.
 */
export function createLogStore(options: LogStoreOptions): RegistryStore {
  const { log, nowMs } = options
  const topic = options.topic ?? SCHEMAS_TOPIC
  const replicationFactor = options.replicationFactor ?? REPLICATION_FACTOR
  let producer: Producer | undefined
  let consumer: Consumer | undefined
  let position = 0

  const open = async (): Promise<void> => {
    // The old producer's last transaction may be open or decided; a new one with the same id settles it.
    await producer?.close().catch(() => undefined)
    producer = undefined
    await log.admin.createTopics([
      { name: topic, partitions: 1, replicationFactor, config: { cleanupPolicy: 'compact', retentionMs: -1 } },
    ])
    const created = await log.createProducer({
      clientId: 'schema-registry',
      transactionalId: TRANSACTIONAL_ID,
      bufferBytesMax: BUFFER_BYTES_MAX,
    })
    await created.prepareTopics([topic])
    producer = created
  }

  const openConsumer = async (): Promise<Consumer> => {
    const created = await log.createConsumer({
      clientId: 'schema-registry',
      isolation: 'read_committed',
      pollRecordsMax: POLL_RECORDS_MAX,
      pollBytesMax: POLL_BYTES_MAX,
    })
    const [start] = await log.admin.startOffsets([{ topic, partition: 0 }])
    position = Math.max(position, start?.offset ?? 0)
    created.assign([{ topic, partition: 0, offset: position }])
    return created
  }

  const apply = (records: Awaited<ReturnType<Consumer['poll']>>, use: (record: RegistryRecord) => void): number => {
    let count = 0
    for (const batch of records) {
      for (const record of batch.records) {
        count++
        try {
          const decoded = decodeRegistryRecord(record.key, record.value)
          if (decoded !== undefined) use(decoded)
        } catch (cause) {
          throw new SchemaError('SCHEMA_INVALID', `${topic} offset ${record.offset}: ${messageOf(cause)}`, { cause })
        }
      }
      position = Math.max(position, batch.nextOffset)
    }
    return count
  }

  return {
    async load(use) {
      await open()
      const [end] = await log.admin.endOffsets([{ topic, partition: 0 }])
      const offsetEnd = end?.offset ?? 0
      consumer ??= await openConsumer()
      for (let emptyPolls = 0; position < offsetEnd; ) {
        const count = apply(await consumer.poll(POLL_WAIT_MS), use)
        emptyPolls = count === 0 ? emptyPolls + 1 : 0
        if (emptyPolls > EMPTY_POLLS_MAX) {
          throw new Error(`${topic}: reading stopped at offset ${position}, although the end is ${offsetEnd}`)
        }
      }
    },
    async append(records) {
      assert(producer !== undefined, 'the store is loaded before it is written')
      for (const record of records) {
        const { key, value } = encodeRegistryRecord(record)
        producer.send(topic, 0, key, value, nowMs(), NO_HEADERS)
      }
      await producer.commitTransaction(TRANSACTIONAL_ID, [])
    },
    async close() {
      await consumer?.close()
      await producer?.close()
    },
  }
}
