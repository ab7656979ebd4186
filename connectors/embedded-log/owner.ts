import type { MessagePort } from 'node:worker_threads'
import { messageOf, StreamsError } from '#streams/base'
import type { Clock, Disk, Log, Logger } from '#streams/ports'
import { createLog } from './client.ts'
import { type Committer, createCommitter } from './committer.ts'
import { createFetcher, type Fetcher, type FetcherParts } from './fetcher.ts'
import { createFilePool } from './file-pool.ts'
import { createJournal } from './journal.ts'
import { createMaintenance, type Maintenance } from './maintenance.ts'
import { servePort } from './message-port.ts'
import type { LogService, LogTransport } from './protocol.ts'
import { recover } from './recovery.ts'
import { createService } from './service.ts'
import { createStorage, type Storage, type StorageLimits } from './storage.ts'
import { offsetForTime } from './time-index.ts'

export type LogOwnerSettings = StorageLimits & {
  /** Least time between the starts of two syncs: what arrives in between is synced together. 0 = back to back. */
  readonly fsyncIntervalMs: number
  /** False: acknowledged records survive the death of the process, but not a power cut. */
  readonly fsync: boolean
  /** `all` checks every segment's checksums at the start (about a second per GB), `sizes` only that nothing is missing. */
  readonly verify: 'all' | 'sizes'
  /** Retention and compaction look at the topics this often; 0 = never by themselves. */
  readonly maintenanceIntervalMs: number
  readonly filesOpenMax: number
}

export const LOG_OWNER_DEFAULTS: LogOwnerSettings = {
  fsyncIntervalMs: 2,
  fsync: true,
  verify: 'all',
  maintenanceIntervalMs: 30_000,
  filesOpenMax: 512,
  tailCacheBytes: 64 * 1024 * 1024,
  flushBytes: 8 * 1024 * 1024,
  unflushedBytesMax: 128 * 1024 * 1024,
  checkpointBytes: 128 * 1024 * 1024,
}

export type LogOwnerOptions = {
  readonly disk: Disk
  readonly clock: Clock
  readonly logger: Logger
  readonly settings?: Partial<LogOwnerSettings>
  /** Called between fetches, so that a reader that never waits does not keep the thread from its events. */
  readonly yieldToEvents?: () => Promise<void>
}

/** The one owner of a directory. Lives in one thread; other threads reach it through a MessagePort. */
export type LogOwner = {
  /** A client in this thread: bytes are handed over without a copy. */
  connect(): Log
  /** Serves a client in another thread (`createLogClient`) until the port closes. */
  serve(port: MessagePort): void
  /** Now, rather than in time: for tests and tools. */
  checkpointNow(): Promise<void>
  retainNow(): Promise<void>
  compactNow(topic: string): Promise<void>
  stats(): LogOwnerStats
  /** Refuses new calls, finishes what was submitted, makes a checkpoint and releases the directory. */
  close(): Promise<void>
}

export type LogOwnerStats = {
  readonly topics: number
  readonly journalBytes: number
  readonly tailCacheBytes: number
  readonly unflushedBytes: number
  readonly segments: number
  readonly segmentBytes: number
}

/**
 * Opens the log, creating it if there is none. DIRECTORY_LOCKED if another owner has it, LOG_CORRUPTED if acknowledged
 * data is damaged (nothing is changed then), DISK_* if the disk refuses.
 */
export async function createLogOwner(options: LogOwnerOptions): Promise<LogOwner> {
  const { disk, clock, logger } = options
  const settings: LogOwnerSettings = { ...LOG_OWNER_DEFAULTS, ...options.settings }
  const lock = await disk.lock('embedded log')
  const pool = createFilePool(disk, settings.filesOpenMax)
  try {
    const startMs = clock.monotonicMs()
    const recovered = await recover({ disk, pool, logger, verify: settings.verify })
    const { state } = recovered
    const journal = await createJournal(disk, recovered.nextJournal, recovered.nextSequence)
    let committer: Committer
    const storage = createStorage({ disk, pool, state, clock, logger, limits: settings, committer: () => committer })
    committer = createCommitter(journal, recovered.nextSequence, {
      clock,
      logger,
      fsyncIntervalMs: settings.fsyncIntervalMs,
      fsync: settings.fsync,
      awaitRoom: storage.awaitRoom,
      onCommitted: storage.onCommitted,
    })
    const maintenance = createMaintenance({
      disk,
      pool,
      state,
      clock,
      logger,
      storage,
      intervalMs: settings.maintenanceIntervalMs,
    })
    storage.onCommitted(recovered.journalBytes)
    logger.info(`The embedded log in ${disk.describe('')} is open.`, {
      topics: state.topics.size,
      journalBytes: recovered.journalBytes,
      durationMs: Math.round(clock.monotonicMs() - startMs),
    })
    const fetching = { disk, pool, state, clock, yieldToEvents: options.yieldToEvents ?? yieldToEvents }
    return ownerOf({ fetching, committer, storage, maintenance, logger, release: () => lock.release() })
  } catch (error) {
    await pool.close()
    await lock.release()
    throw error
  }
}

function yieldToEvents(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}

type OwnerParts = {
  readonly fetching: FetcherParts
  readonly committer: Committer
  readonly storage: Storage
  readonly maintenance: Maintenance
  readonly logger: Logger
  readonly release: () => Promise<void>
}

function ownerOf({ fetching, committer, storage, maintenance, logger, release }: OwnerParts): LogOwner {
  const { state, pool, disk } = fetching
  const fetchers = new Set<Fetcher>()
  const ports = new Set<MessagePort>()
  let closed: Promise<void> | undefined

  const open = (): { service: LogService; fetcher: Fetcher } => {
    if (closed !== undefined) throw new StreamsError('CLOSED', 'The embedded log is closed.')
    const fetcher = createFetcher(fetching)
    fetchers.add(fetcher)
    const timeIndex = (partition: Parameters<typeof offsetForTime>[2], timestampMs: number): Promise<number> =>
      offsetForTime(disk, pool, partition, timestampMs)
    return { service: createService({ state, committer, fetcher, offsetForTime: timeIndex }), fetcher }
  }
  const disconnect = (fetcher: Fetcher): void => {
    fetcher.cancelAll()
    fetchers.delete(fetcher)
  }
  const closeAll = async (): Promise<void> => {
    await maintenance.close()
    for (const fetcher of fetchers) fetcher.cancelAll()
    try {
      // Without a last checkpoint nothing is lost: the next start reads the journal.
      if (committer.failure === undefined) await storage.checkpoint()
    } catch (error) {
      logger.error('The embedded log could not make its last checkpoint; the journal has everything.', {
        reason: messageOf(error),
      })
    }
    await committer.close()
    for (const port of ports) port.close()
    await pool.close()
    await release()
  }

  return {
    connect() {
      const { service, fetcher } = open()
      return createLog(
        directTransport(
          service,
          () => closed !== undefined,
          () => disconnect(fetcher),
        ),
        fetching.clock,
      )
    },
    serve(port) {
      const { service, fetcher } = open()
      ports.add(port)
      servePort(port, service, () => {
        ports.delete(port)
        disconnect(fetcher)
      })
    },
    checkpointNow: () => storage.checkpoint(),
    retainNow: () => maintenance.retain(),
    compactNow: (topic) => maintenance.compact(topic),
    stats() {
      let segments = 0
      let segmentBytes = 0
      for (const topic of state.topics.values()) {
        for (const partition of topic.partitions) {
          segments += partition.segments.length
          for (const { length } of partition.segments) segmentBytes += length
        }
      }
      return {
        topics: state.topics.size,
        journalBytes: storage.journalBytes,
        tailCacheBytes: state.tail.bytes,
        unflushedBytes: state.tail.unflushedBytes,
        segments,
        segmentBytes,
      }
    },
    close() {
      closed ??= closeAll()
      return closed
    },
  }
}

function directTransport(service: LogService, isClosed: () => boolean, onClose: () => void): LogTransport {
  let closed = false
  return {
    async call(call, request) {
      if (closed || isClosed()) throw new StreamsError('CLOSED', 'The embedded log, or this client of it, is closed.')
      return service[call](request)
    },
    close() {
      closed = true
      onClose()
    },
  }
}
