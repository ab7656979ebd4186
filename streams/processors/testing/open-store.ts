import { createMemoryDatabase } from '#state-stores'
import type { LogRecord } from '../../ports/index.ts'
import {
  createRecordCache,
  createStore,
  type ManagedStore,
  type RecordContext,
  type StoreSpec,
} from '../../stores/index.ts'
import type { HarnessStore } from './harness.ts'

/** What a test looks at beside the store's typed face. */
export type OpenedStore = HarnessStore & {
  readonly store: ManagedStore
  /** All records that commits have written. */
  readonly changelog: readonly LogRecord[]
}

/**
 * Opens the real store of a spec over a database in memory that survives `crash`. Stores that keep nothing on disk are
 * restored from their changelog. `cacheBytes`: the record cache of stores that cache; 0 = none.
 */
export function openStore(spec: StoreSpec, recordContext: RecordContext, cacheBytes = 0): OpenedStore {
  const database = createMemoryDatabase('0_0', [spec.name])
  const recordCache = cacheBytes === 0 ? undefined : createRecordCache({ bytesMax: cacheBytes })
  const changelog: LogRecord[] = []
  let metadata: Readonly<Record<string, number>> = {}
  const open = (): ManagedStore => {
    const store: ManagedStore = createStore(spec, {
      keyspace: database.keyspace(spec.name),
      changelogTopic: `test-${spec.name}-changelog`,
      recordContext,
      clock: { wallClockMs: () => 0, monotonicMs: () => 0, sleep: async () => {} },
      recordCache,
      cleanEntriesMax: 100,
      freezeValues: true,
      droppedRecord: () => {},
    })
    store.loadMetadata(metadata)
    return store
  }
  const handleOf = (store: ManagedStore): OpenedStore => ({
    store,
    changelog,
    commit() {
      store.flushCache()
      const batch = database.batch()
      store.prepareCommit(batch, (key, value, timestampMs, headers) => {
        changelog.push({ offset: changelog.length, key, value, timestampMs, headers })
      })
      batch.write()
      metadata = store.saveMetadata()
      store.committed()
    },
    crash() {
      store.aborted()
      store.close()
      const reopened = open()
      if (spec.kind === 'custom' && spec.persistence === 'memory') reopened.restoreBatch(changelog, database.batch())
      return handleOf(reopened)
    },
  })
  return handleOf(open())
}
