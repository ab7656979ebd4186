import { randomUUID } from 'node:crypto'
import { parentPort, workerData } from 'node:worker_threads'
import { createLogClient } from '#connectors/embedded-log'
import { createKafkaLog } from '#connectors/kafka'
import { messageOf, present } from '#streams/base'
import type { GroupMembership, Log } from '#streams/ports'
import { executeQuery, executeStandbyQuery, executeStateQuery, type QueryAnswer } from '#streams/query'
import type { RestoreEvent, StreamThread } from '#streams/runtime'
import { importApplication } from './application-module.ts'
import { createThread } from './create-thread.ts'
import { failureData } from './failure-data.ts'
import { createGroupMember } from './group-member.ts'
import { createLogger } from './logger.ts'
import { createMetricsRegistry } from './metrics-registry.ts'
import { nodeClock } from './node-clock.ts'
import type { ThreadReport, ThreadRequest, ThreadStart } from './thread-messages.ts'

/**
 * The worker thread in which one stream thread runs: its tasks, its state databases, its client of the log. It imports
 * the application's module itself, since functions cannot cross threads.
 */
const port = present(parentPort, 'this module is the entry of a worker thread')
const report = (message: ThreadReport): void => port.postMessage(message)
const start = workerData as ThreadStart
const metrics = createMetricsRegistry({ level: start.settings.recordingLevel })
const logger = createLogger(start.logLevel, (line) => report({ kind: 'log', line }))

let thread: StreamThread | undefined
let stopRequested = false
let isPaused = false
/** False when nobody can say whether this thread's tasks are still its own. */
let isMember = (): boolean => true
const localMember = createGroupMember(report)

port.on('message', (request: ThreadRequest) => {
  switch (request.kind) {
    case 'stop':
      stopRequested = true
      thread?.stop()
      return
    case 'pause':
      isPaused = true
      thread?.pause()
      return
    case 'resume':
      isPaused = false
      thread?.resume()
      return
    case 'assigned':
      localMember.assigned(request.generation, request.active)
      return
    case 'metadata':
      report({ kind: 'metadata', id: request.id, metadata: thread?.metadata() })
      return
    case 'samples':
      report({ kind: 'samples', id: request.id, samples: metrics.samples() })
      return
    case 'state-query':
      try {
        const running = present(thread, 'the thread is starting')
        report({ kind: 'state-answer', id: request.id, answer: executeStateQuery(running, request.request) })
      } catch (error) {
        report({ kind: 'refusal', id: request.id, failure: failureData(error) })
      }
      return
    case 'query':
      try {
        const running = present(thread, 'the thread is starting')
        report({ kind: 'answer', id: request.id, answer: answerQuery(running, request) })
      } catch (error) {
        report({ kind: 'refusal', id: request.id, failure: failureData(error) })
      }
      return
    default:
      request satisfies never
  }
})

/** A member that the group may have put out answers nothing of its tasks: others may be further with them. */
function answerQuery(
  running: StreamThread,
  { query, standby }: Extract<ThreadRequest, { kind: 'query' }>,
): QueryAnswer {
  if (standby !== undefined) return executeStandbyQuery(running, query, standby)
  if (!isMember() && !running.globalStores.has(query.store)) return { entries: [], freshness: [] }
  return executeQuery(running, query)
}

/** On the embedded log the process deals its tasks out; on Kafka each thread is a member of the application's group. */
async function connect({ log, settings }: ThreadStart): Promise<{ log: Log; membership: GroupMembership }> {
  if (log.kind === 'embedded') return { log: createLogClient(log.port, nodeClock), membership: localMember }
  const options = { ...log.options, clientId: settings.threadName }
  const connected = await createKafkaLog(options, (message) => logger.warn(message, { thread: settings.threadName }))
  const membership = connected.membership({
    group: settings.applicationId,
    memberId: randomUUID(),
    processId: log.processId,
    onEndpoints: (endpoints) => report({ kind: 'endpoints', endpoints }),
    logger,
    ...(log.userEndpoint === undefined ? {} : { userEndpoint: log.userEndpoint }),
  })
  isMember = () => membership.isCurrent
  return { log: connected, membership: tellsTasks(membership) }
}

/** The main thread is told which tasks there are: what no thread here runs, runs elsewhere. */
function tellsTasks(membership: GroupMembership): GroupMembership {
  const { createsInternalTopics, committingMember } = membership
  return {
    ...(createsInternalTopics === undefined ? {} : { createsInternalTopics }),
    ...(committingMember === undefined ? {} : { committingMember }),
    join: async (member) => {
      await localMember.join(member)
      await membership.join(member)
    },
    poll: () => membership.poll(),
    acknowledge: (owned) => membership.acknowledge(owned),
    leave: () => membership.leave(),
  }
}

async function main(): Promise<void> {
  const { log, membership } = await connect(start)
  await closingAfter(
    () => runThread(log, membership),
    // Connections that stay open would keep this worker alive, and all that waits for its end.
    () => log.close(),
  )
}

async function runThread(log: Log, membership: GroupMembership): Promise<void> {
  const application = await (await importApplication(start.application)).build(start.prepared)
  const created = await createThread({
    application,
    settings: start.settings,
    log,
    logger,
    metrics,
    onState: (state) => report({ kind: 'state', state }),
    onRestored: (summary) => report({ kind: 'restored', summary }),
    ...(start.tellsRestores ? { onRestore: (event: RestoreEvent) => report({ kind: 'restore', event }) } : {}),
    membership,
  })
  thread = created.thread
  if (isPaused) thread.pause()
  if (stopRequested) thread.stop()
  await closingAfter(() => created.thread.run(), created.close)
}

/** Closes in any case; the error that is told is the one that came first. */
async function closingAfter(run: () => Promise<void>, close: () => Promise<void>): Promise<void> {
  try {
    await run()
  } catch (error) {
    await close().catch((secondary: unknown) => logger.warn(`While closing after a failure: ${messageOf(secondary)}`))
    throw error
  }
  await close()
}

try {
  await main()
  report({ kind: 'stopped' })
} catch (error) {
  report({ kind: 'failed', failure: failureData(error) })
}
port.close()
