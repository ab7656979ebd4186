import { chooseStateEngine, createMemoryEngine } from '#state-stores'
import type { GroupMembership, Log, Logger, Metrics, RecordingLevel } from '#streams/ports'
import {
  createLocalMembership,
  createStreamThread,
  type RestoreEvent,
  type RestoreSummary,
  resolveConfig,
  type StreamsOptions,
  type StreamThread,
  type ThreadState,
} from '#streams/runtime'
import type { LoadedApplication } from './application-module.ts'
import { nodeClock } from './node-clock.ts'

/** What a stream thread of one process needs beside its log: all plain data, since it may run in a worker. */
export type ThreadSettings = {
  readonly applicationId: string
  /** Also its transactional id: the same name fences what an earlier thread of that name left. */
  readonly threadName: string
  readonly index: number
  readonly count: number
  /** Root of the state directories; the application's name is added. */
  readonly stateDirectory: string
  /**
   * Bounds of the whole process. Each task takes its part of them, whichever thread it runs in: one thread may come to
   * have them all, when the others have ended or have not started yet.
   */
  readonly stateCacheBytesMax: number
  readonly stateWriteBufferBytesMax: number
  readonly options: Partial<StreamsOptions>
  /** Java: metrics.recording.level. */
  readonly recordingLevel: RecordingLevel
}

export type ThreadParts = {
  readonly application: LoadedApplication
  readonly settings: ThreadSettings
  readonly log: Log
  readonly logger: Logger
  readonly metrics: Metrics
  readonly onState?: (state: ThreadState) => void
  readonly onRestored?: (summary: RestoreSummary) => void
  readonly onRestore?: (event: RestoreEvent) => void
  /** Default: a fixed number of threads, each with every count-th task. */
  readonly membership?: GroupMembership
}

/** A stream thread on this machine's disk and clock; `close` gives the state directory free after `run` has ended. */
export async function createThread(parts: ThreadParts): Promise<{ thread: StreamThread; close(): Promise<void> }> {
  const { application, settings, log, logger, metrics } = parts
  const config = resolveConfig({ ...application.config, ...settings.options, applicationId: settings.applicationId })
  const choice = chooseStateEngine({
    directory: settings.stateDirectory,
    rocksdb: {
      cacheBytesMax: settings.stateCacheBytesMax,
      memtableBytesMax: settings.stateWriteBufferBytesMax,
      databasesExpected: databasesOf(application),
    },
  })
  const memoryEngine = createMemoryEngine()
  if (settings.index === 0) logger.info(choice.sentence)
  const thread = createStreamThread({
    name: settings.threadName,
    topology: application.topology,
    config,
    log,
    membership: parts.membership ?? createLocalMembership(settings.index, settings.count),
    stateEngine: choice.engine,
    memoryEngine,
    clock: nodeClock,
    logger,
    metrics,
    ...(parts.onState === undefined ? {} : { onState: parts.onState }),
    ...(parts.onRestored === undefined ? {} : { onRestored: parts.onRestored }),
    ...(parts.onRestore === undefined ? {} : { onRestore: parts.onRestore }),
  })
  return {
    thread,
    close: async () => {
      await choice.engine.close()
      await memoryEngine.close()
    },
  }
}

const DATABASES_EXPECTED_MIN = 16

/** How many tasks, and so state databases, one thread may come to have: those of all others too, when it is alone. */
function databasesOf({ topology, topics }: LoadedApplication): number {
  const given = topics.map(({ partitions }) => partitions)
  const repartitioned = [...topology.repartitionTopics.values()].map(({ partitions }) => partitions ?? 1)
  return Math.max(DATABASES_EXPECTED_MIN, topology.subTopologies.length * Math.max(1, ...given, ...repartitioned))
}
