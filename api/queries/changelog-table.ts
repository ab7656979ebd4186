import { assert, utf8Decode } from '#streams/base'
import type { Clock, Logger } from '#streams/ports'
import { type ApiApplication, storeNamed } from '../application.ts'
import { type Freshness, logFreshness } from '../http/freshness.ts'
import { followLog, type LogTail } from '../live/log-tail.ts'

/**
 * A small projection of a whole store, kept in this process by following the store's changelog: for what a store cannot
 * answer by key, such as searching names or counting scores by band. It holds what the projection keeps, not the
 * values, and it lags by one commit.
 */
export type ChangelogTable<T> = {
  readonly rows: ReadonlyMap<string, T>
  /** Keys in their order. */
  keys(): readonly string[]
  readonly caughtUp: Promise<void>
  /** How far the changelog was followed, and the newest event time in it. */
  freshness(): Freshness
  close(): Promise<void>
}

export type ChangelogTableOptions<V, T> = {
  readonly application: ApiApplication
  readonly applicationId: string
  readonly clock: Clock
  readonly logger: Logger
  readonly store: string
  readonly project: (value: V, key: string) => T
}

/** Beyond this the table stops taking new keys, and says so. */
const ROWS_MAX = 2_000_000

export async function followStore<V, T>(options: ChangelogTableOptions<V, T>): Promise<ChangelogTable<T>> {
  const { application, applicationId, clock, logger, store, project } = options
  const { spec } = storeNamed(application.topology, store)
  assert(spec.kind === 'key-value', `only key-value stores can be followed, ${store} is of kind ${spec.kind}`)
  const changelog = application.topology.stores.get(store)?.changelog
  assert(changelog !== undefined, `store ${store} has no changelog to follow`)
  const topic = changelog.internal ? `${applicationId}-${changelog.name}` : changelog.name
  const rows = new Map<string, T>()
  let keys: readonly string[] | undefined
  let isFull = false
  let newestMs: number | undefined

  const put = (key: string, bytes: Uint8Array, headers: Parameters<typeof spec.valueSerde.deserialize>[2]): void => {
    if (rows.size >= ROWS_MAX && !rows.has(key)) {
      if (!isFull) logger.warn(`the table of ${store} is full: further keys are not searched`, { rows: ROWS_MAX })
      isFull = true
      return
    }
    if (!rows.has(key)) keys = undefined
    // In a changelog the value stands alone, also where the store keeps a timestamp beside it.
    rows.set(key, project(spec.valueSerde.deserialize(bytes, topic, headers) as V, key))
  }
  const tail: LogTail = await followLog({
    log: application.log,
    clock,
    logger,
    name: `api-${store}`,
    topics: [topic],
    from: 'start',
    onRecord: ({ key, value, timestampMs, headers }) => {
      if (key === null) return
      newestMs = Math.max(newestMs ?? timestampMs, timestampMs)
      const text = utf8Decode(key)
      if (value !== null) put(text, value, headers)
      else if (rows.delete(text)) keys = undefined
    },
  })
  return {
    rows,
    keys: () => {
      keys ??= [...rows.keys()].sort()
      return keys
    },
    caughtUp: tail.caughtUp,
    freshness: () => logFreshness(tail.positions(), newestMs),
    close: tail.close,
  }
}
