import { randomUUID } from 'node:crypto'
import { readFile, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createNodeDisk } from '#connectors/embedded-log'
import { createKafkaLog, type Endpoint, type KafkaOptions, type StreamsGroupSettings } from '#connectors/kafka'
import { StreamsError } from '#streams/base'
import type { QueryAnswer, StoreQuery } from '#streams/query'
import { askEndpoint, openQueryEndpoint, type QueryEndpoint } from './query-endpoint.ts'
import { type EmbeddedApplication, type RunningApplication, unavailable } from './running-application.ts'
import { type ApplicationOptions, loadForStart, startThreads } from './start-threads.ts'
import { createTaskDirectory, type TaskDirectory } from './task-directory.ts'

export type KafkaApplicationOptions = ApplicationOptions & {
  /** Brokers, TLS, SASL and limits. */
  readonly kafka: Omit<KafkaOptions, 'clientId'>
  /** State lives below it: what is there when the process starts again is not restored. One process at a time. */
  readonly dataDirectory: string
  /** Where this process answers queries of the others. */
  readonly userEndpoint?: Endpoint
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
        endpoint = await openQueryEndpoint(options.userEndpoint, (query) => running.queryHere(query)).catch(
          async (error: unknown) => {
            await running.stop()
            throw error
          },
        )
      return Object.assign(running, { query: (query: StoreQuery) => queryAll(running, directory, query) })
    } catch (error) {
      await log.close()
      throw error
    }
  } catch (error) {
    await lock.release()
    throw error
  }
}

/** Tasks of other processes answer over their endpoints; what nobody answers for is unavailable, not absent. */
async function queryAll(
  running: RunningApplication,
  directory: TaskDirectory,
  query: StoreQuery,
): Promise<QueryAnswer> {
  const { answer, missing } = await running.queryHere(query)
  if (missing.length === 0) return answer
  const others = await Promise.all(directory.endpointsOf(missing).map((endpoint) => askEndpoint(endpoint, query)))
  const entries = [...answer.entries]
  const freshness = [...answer.freshness]
  const answered = new Set<string>(freshness.map(({ taskId }) => taskId))
  for (const other of others) {
    // Two processes may answer for one task while it moves: the first counts, so that no entry is there twice.
    if (other === undefined || other.freshness.some(({ taskId }) => answered.has(taskId))) continue
    entries.push(...other.entries)
    freshness.push(...other.freshness)
    for (const { taskId } of other.freshness) answered.add(taskId)
  }
  const unanswered = missing.filter((id) => !answered.has(id))
  if (unanswered.length > 0) throw unavailable(query, unanswered)
  return { entries, freshness }
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
