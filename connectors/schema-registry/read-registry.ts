import { SchemaError } from '#schemas'
import { messageOf } from '#streams/base'
import type { Log } from '#streams/ports'
import { SCHEMAS_TOPIC } from './log-store.ts'
import { decodeRegistryRecord } from './registry-records.ts'
import { createRegistryState, type RegistryState } from './registry-state.ts'

const POLL_WAIT_MS = 1_000
const POLL_RECORDS_MAX = 1_000
const POLL_BYTES_MAX = 4 * 1024 * 1024

/**
 * What the registry on a log holds at the moment, undefined where there is none. Only reads: opening the registry
 * itself would fence the one that runs.
 */
export async function readRegistry(log: Log, topic: string = SCHEMAS_TOPIC): Promise<RegistryState | undefined> {
  if (!(await log.admin.describeTopics([topic])).has(topic)) return undefined
  const at = { topic, partition: 0 }
  const [[start], [end]] = await Promise.all([log.admin.startOffsets([at]), log.admin.endOffsets([at])])
  const state = createRegistryState()
  const consumer = await log.createConsumer({
    clientId: 'schema-reader',
    isolation: 'read_committed',
    pollRecordsMax: POLL_RECORDS_MAX,
    pollBytesMax: POLL_BYTES_MAX,
  })
  try {
    consumer.assign([{ ...at, offset: start?.offset ?? 0 }])
    while (consumer.position(at) < (end?.offset ?? 0)) {
      for (const { records } of await consumer.poll(POLL_WAIT_MS)) {
        for (const { key, value, offset } of records) {
          try {
            const record = decodeRegistryRecord(key, value)
            if (record !== undefined) state.apply(record)
          } catch (cause) {
            throw new SchemaError('SCHEMA_INVALID', `${topic} offset ${offset}: ${messageOf(cause)}`, { cause })
          }
        }
      }
    }
    return state
  } finally {
    await consumer.close()
  }
}
