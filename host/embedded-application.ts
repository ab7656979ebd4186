import { join } from 'node:path'
import { type EmbeddedLogOptions, openEmbeddedLog } from '#connectors/embedded-log'
import type { StoreSpec } from '#streams'
import { partitionForKey } from '#streams/base'
import { serveLogSocket } from './log-socket.ts'
import type { EmbeddedApplication } from './running-application.ts'
import { type ApplicationOptions, loadForStart, startThreads } from './start-threads.ts'

export type EmbeddedApplicationOptions = ApplicationOptions & {
  /** Log, state and schemas live below it. One process at a time; others of the same user reach its log (openDataLog). */
  readonly dataDirectory: string
  readonly logSettings?: Omit<EmbeddedLogOptions, 'directory' | 'logger'>
}

/**
 * Starts an application on the embedded log. DIRECTORY_LOCKED where another process has the directory; TOPIC_MISSING,
 * TOPOLOGY_INVALID and CONFIG_INVALID before anything runs.
 */
export async function startEmbeddedApplication(options: EmbeddedApplicationOptions): Promise<EmbeddedApplication> {
  const loaded = await loadForStart(options)
  const { applicationId } = loaded.config
  const owner = await openEmbeddedLog({
    ...options.logSettings,
    directory: join(options.dataDirectory, 'log'),
    logger: loaded.logger,
  })
  const socket = await serveLogSocket({ dataDirectory: options.dataDirectory, port: owner.port, logger: loaded.logger })
  try {
    const log = owner.connect()
    return await startThreads(options, loaded, {
      log,
      stateDirectory: join(options.dataDirectory, 'state', applicationId),
      threadName: (index) => `${applicationId}-${index + 1}`,
      threadLog: () => ({ kind: 'embedded', port: owner.port() }),
      logPort: owner.port,
      closeLog: async () => {
        await socket.close()
        await log.close()
        await owner.close()
      },
    })
  } catch (error) {
    await socket.close()
    await owner.close()
    throw error
  }
}

/** The partition in which a key of a store lives, where it was partitioned by the key's own bytes. */
export function partitionOfKey(spec: StoreSpec, key: unknown, partitionCount: number): number | undefined {
  if (spec.kind === 'custom') return undefined
  return partitionForKey(spec.keySerde.serialize(key, spec.name), partitionCount)
}
