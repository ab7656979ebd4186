import { createEventSerde, type RegisteredSchemas, SACCO_EVENTS } from '#schemas'
import { keyValueStore, serdes, timestampedKeyValueStore, windowStore } from '#streams'
import { SEEN_BUCKET_MS, SEEN_RETENTION_MS } from '../shared/limits.ts'

export function createIntakeStores(schemas: RegisteredSchemas) {
  return {
    /** Event id, in the month in which the event happened. Months expire whole. */
    seen: windowStore({
      name: 'seen-events',
      key: serdes.string,
      value: serdes.boolean,
      windowSizeMs: SEEN_BUCKET_MS,
      retentionMs: SEEN_RETENTION_MS,
      segmentIntervalMs: SEEN_BUCKET_MS,
      // Nobody asks for an id again but for a duplicate.
      cleanEntriesMax: 0,
    }),
    /** `topic|outcome|reason` → how many events of this task. The sum over all tasks is the account of all inputs. */
    accounting: keyValueStore({ name: 'input-accounting', key: serdes.string, value: serdes.int64 }),
    /** Topic → time of its newest event in this task. */
    progress: keyValueStore({ name: 'input-progress', key: serdes.string, value: serdes.int64 }),
    /** `member|parked at|number` → event of a member who is not known yet. */
    parked: timestampedKeyValueStore({
      name: 'parked-events',
      key: serdes.string,
      value: createEventSerde(SACCO_EVENTS, schemas),
    }),
  }
}
export type IntakeStores = ReturnType<typeof createIntakeStores>
