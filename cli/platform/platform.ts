import { type ApiServer, createApi, startApiServer } from '#api'
import { type EmbeddedRegistry, type RegistryServer, startRegistryServer } from '#connectors/schema-registry'
import {
  type KafkaApplication,
  type KafkaApplicationOptions,
  type LogLevel,
  nodeClock,
  startEmbeddedApplication,
  startKafkaApplication,
} from '#host'
import { messageOf, present, StreamsError } from '#streams/base'
import type { Logger } from '#streams/ports'
import type { RestoreEvent } from '#streams/runtime'
import { type Access, apiAccess } from '../access.ts'
import { createLagMeter, type LagMeter } from './application-lag.ts'
import type { FeedLog } from './feed-log.ts'
import { type Prepared, registryOn, schemasOf } from './sacco-module.ts'

export const APPLICATION_ID = 'sacco'
const MODULE = new URL('./sacco-module.ts', import.meta.url)

export type PlatformOptions = {
  /** Log, state and schemas live below it; one process at a time. */
  readonly dataDirectory: string
  /** Brokers to run on; default: the embedded log in the directory. */
  readonly kafka?: KafkaApplicationOptions['kafka'] | undefined
  /** Of the query API and the dashboards; 0 takes a free one. */
  readonly port: number
  /** Who may use it, and from where; default: everybody on this machine. */
  readonly access?: Access | undefined
  /** Of the schema registry's REST interface; undefined leaves it off, 0 takes a free one. */
  readonly registryPort?: number | undefined
  /** True: a registry port that is taken is a warning, since nobody asked for just this one. */
  readonly isRegistryPortAGuess?: boolean
  /** False: no API, for commands that only process. */
  readonly api?: boolean
  readonly threads?: number | undefined
  readonly commitIntervalMs?: number | undefined
  readonly logger: Logger
  readonly logLevel?: LogLevel
  readonly onPhase?: (phase: PlatformPhase) => void
  /** Offsets of changelogs read so far, of those that have to be read to bring the stores up to date. */
  readonly onRestoring?: (read: number, total: number) => void
}

export type PlatformPhase = 'opening the log' | 'restoring state' | 'starting the API'

/** The SACCO platform in this process: log, schema registry, stream threads, query API with dashboards. */
export type Platform = {
  readonly application: KafkaApplication
  /** A way to the log for another thread of this process. */
  feedLog(): FeedLog
  readonly prepared: Prepared
  readonly lag: LagMeter
  readonly url: string
  readonly registryUrl: string | undefined
  /** Resolves after `stop`, rejects with what ended the platform. */
  readonly finished: Promise<void>
  /** API first, then registry, then threads, then the log: nobody asks what is gone. Idempotent. */
  stop(): Promise<void>
}

/** Two stream threads: one core does not carry ten thousand events a second through all topologies. */
export const THREADS_DEFAULT = 2

export async function startPlatform(options: PlatformOptions): Promise<Platform> {
  const { logger, onPhase } = options
  onPhase?.('opening the log')
  const onRestore = restoreProgress(options)
  const { application, feedLog } = await startApplication(options, {
    module: MODULE,
    applicationId: APPLICATION_ID,
    dataDirectory: options.dataDirectory,
    threads: options.threads ?? THREADS_DEFAULT,
    options: options.commitIntervalMs === undefined ? {} : { commitIntervalMs: options.commitIntervalMs },
    logger,
    ...(options.logLevel === undefined ? {} : { logLevel: options.logLevel }),
    onRestore,
  })
  try {
    onPhase?.('restoring state')
    await application.ready
    onPhase?.('starting the API')
    return await open(options, application, feedLog)
  } catch (error) {
    await application.stop().catch(() => undefined)
    throw error
  }
}

type Started = { readonly application: KafkaApplication; readonly feedLog: () => FeedLog }

async function startApplication(
  { kafka }: PlatformOptions,
  start: Parameters<typeof startEmbeddedApplication>[0],
): Promise<Started> {
  if (kafka === undefined) {
    const application = await startEmbeddedApplication(start)
    return { application, feedLog: () => ({ kind: 'embedded', port: application.logPort() }) }
  }
  const application = await startKafkaApplication({ ...start, kafka })
  return { application, feedLog: () => ({ kind: 'kafka', options: kafka }) }
}

function restoreProgress({ onRestoring }: PlatformOptions): (event: RestoreEvent) => void {
  const positions = new Map<string, { read: number; total: number }>()
  return ({ kind, changelog, partition, startOffset, position, endOffset }) => {
    if (kind === 'suspended') return
    const total = endOffset - startOffset
    const read = kind === 'start' ? 0 : kind === 'end' ? total : position - startOffset
    positions.set(`${changelog}-${partition}`, { read, total })
    const all = [...positions.values()]
    onRestoring?.(
      all.reduce((sum, each) => sum + each.read, 0),
      all.reduce((sum, each) => sum + each.total, 0),
    )
  }
}

async function open(
  options: PlatformOptions,
  application: KafkaApplication,
  feedLog: () => FeedLog,
): Promise<Platform> {
  const { logger, access } = options
  const { registry, prepared } = present(registryOn(application.log), 'the module has opened the registry')
  const servers: { api?: ApiServer; registry?: RegistryServer } = {}
  const closeServers = async (): Promise<void> => {
    await servers.api?.close()
    await servers.registry?.close()
    await registry.close()
  }
  try {
    if (options.api !== false) {
      const api = await createApi({
        ...{ application, applicationId: APPLICATION_ID, clock: nodeClock, logger },
        schemas: schemasOf(prepared),
        ...apiAccess(access),
      })
      servers.api = await startApiServer({
        api,
        port: options.port,
        ...(access === undefined ? {} : { hostname: access.hostname }),
      })
    }
    if (options.registryPort !== undefined) {
      const server = await serveRegistry(options, registry, options.registryPort)
      if (server !== undefined) servers.registry = server
    }
    let stopped: Promise<void> | undefined
    return {
      application,
      feedLog,
      prepared,
      lag: await createLagMeter(application.log, application.topology, APPLICATION_ID),
      url: servers.api?.url ?? '',
      registryUrl: servers.registry?.url,
      finished: application.finished,
      stop: () => {
        stopped ??= closeServers().finally(async () => {
          await application.stop()
        })
        return stopped
      },
    }
  } catch (error) {
    await closeServers()
    throw error
  }
}

async function serveRegistry(
  { access, isRegistryPortAGuess, logger }: PlatformOptions,
  registry: EmbeddedRegistry,
  port: number,
): Promise<RegistryServer | undefined> {
  try {
    const hostname = access?.registryHostname
    return await startRegistryServer({ registry, port, ...(hostname === undefined ? {} : { hostname }) })
  } catch (cause) {
    const isTaken = (cause as NodeJS.ErrnoException).code === 'EADDRINUSE'
    if (isTaken && isRegistryPortAGuess === true) {
      logger.warn(`port ${port} is taken, so the schema registry is not served over HTTP; --registry-port chooses one`)
      return undefined
    }
    const what = isTaken ? `port ${port} for the schema registry is taken by another process` : messageOf(cause)
    throw new StreamsError('CONFIG_INVALID', `${what}; choose another one with --registry-port`, { cause })
  }
}
