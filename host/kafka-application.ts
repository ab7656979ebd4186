import { randomUUID } from 'node:crypto'
import { readFile, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createNodeDisk } from '#connectors/embedded-log'
import { createKafkaLog, type Endpoint, type KafkaOptions, type StreamsGroupSettings } from '#connectors/kafka'
import { StreamsError } from '#streams/base'
import type { StoreQuery } from '#streams/query'
import { openQueryEndpoint, type QueryEndpoint } from './query-endpoint.ts'
import { answerHere, routeQuery } from './route-query.ts'
import type { EmbeddedApplication } from './running-application.ts'
import { type ApplicationOptions, loadForStart, startThreads } from './start-threads.ts'
import { createTaskDirectory } from './task-directory.ts'

export type KafkaApplicationOptions = ApplicationOptions & {
  /** Brokers, TLS, SASL and limits. */
  readonly kafka: Omit<KafkaOptions, 'clientId'>
  /** State lives below it: what is there when the process starts again is not restored. One process at a time. */
  readonly dataDirectory: string
  /** Where this process answers queries of the others. */
  readonly userEndpoint?: Endpoint
  /**
   * While nobody runs a task, a standby of it may answer queries that is at most so many changelog records behind: for
   * queries that do not say it themselves. Without it only those that run answer.
   */
  readonly standbyLagMax?: number
  /** Settings of the group, kept by the brokers; the last one who sets them wins. */
  readonly group?: StreamsGroupSettings
}

/** A process of an application on Kafka: some of its tasks run here, the broker says which. */
export type KafkaApplication = Omit<EmbeddedApplication, 'logPort'>

/**
 * Starts a process of an application on Apache Kafka. LOG_UNAVAILABLE where no broker answers, LOG_REFUSED where they do
 * not let us in or are too old; DIRECTORY_LOCKED where another process has the directory.
 */
export async function startKafkaApplication(options: KafkaApplicationOptions): Promise<KafkaApplication> {
  const loaded = await loadForStart(options)
  const { applicationId } = loaded.config
  const stateDirectory = join(options.dataDirectory, 'state', applicationId)
  const lock = await createNodeDisk(stateDirectory).lock(`process ${process.pid}`)
  try {
    const log = await createKafkaLog({ ...options.kafka, clientId: applicationId })
    let endpoint: QueryEndpoint | undefined
    const closeLog = async (): Promise<void> => {
      await log.close()
      await lock.release()
    }
    try {
      await log.operations.configureStreamsGroup(applicationId, options.group ?? {})
      const processId = await processIdIn(stateDirectory)
      const directory = createTaskDirectory(options.userEndpoint)
      const running = await startThreads(options, loaded, {
        log,
        stateDirectory,
        // It is the transactional id too: started again here, a process ends at once what it left open.
        threadName: (index) => `${applicationId}-${processId}-${index + 1}`,
        threadLog: () => ({
          kind: 'kafka',
          options: options.kafka,
          processId,
          ...(options.userEndpoint === undefined ? {} : { userEndpoint: options.userEndpoint }),
        }),
        logPort: () => {
          throw new StreamsError('LOG_REFUSED', 'on Kafka every thread has connections of its own')
        },
        closeLog: async () => {
          await endpoint?.close()
          await closeLog()
        },
        onEndpoints: directory.update,
      })
      if (options.userEndpoint !== undefined)
        endpoint = await openQueryEndpoint(options.userEndpoint, (question) => answerHere(running, question)).catch(
          async (error: unknown) => {
            await running.stop()
            throw error
          },
        )
      const route = { running, directory, log, applicationId }
      const { standbyLagMax } = options
      const defaults = standbyLagMax === undefined ? {} : { standbyLagMax }
      return Object.assign(running, { query: (query: StoreQuery) => routeQuery(route, { ...defaults, ...query }) })
    } catch (error) {
      await log.close()
      throw error
    }
  } catch (error) {
    await lock.release()
    throw error
  }
}

/** Kept with the state: the same process as far as the group and the transaction coordinator are concerned. */
async function processIdIn(stateDirectory: string): Promise<string> {
  const file = join(stateDirectory, 'process-id')
  try {
    const known = (await readFile(file, 'utf8')).trim()
    if (known !== '') return known
  } catch (error) {
    if ((error as { code?: unknown }).code !== 'ENOENT') throw error
  }
  const made = randomUUID()
  await writeFile(`${file}.new`, `${made}\n`)
  await rename(`${file}.new`, file)
  return made
}
