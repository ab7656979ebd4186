import { mkdir } from 'node:fs/promises'
import { loadavg } from 'node:os'
import { setTimeout as sleep } from 'node:timers/promises'
import { type ApiServer, createApi, startApiServer } from '#api'
import { type EmbeddedApplication, nodeClock, startEmbeddedApplication } from '#host'
import { SILENT_LOGGER } from '#streams/ports'
import { produceAtRate, readLatencies } from '../paced.ts'
import { percentilesOf } from '../peers/statistics.ts'
import { profileProcess, type ThreadProfile } from '../profile/profile-thread.ts'
import { threadTimes, usedBetween } from '../profile/thread-times.ts'
import { benchEvent, EVENTS_TOPIC, OUTPUT_TOPIC } from '../topologies/event.ts'
import { directoryMiB } from './directory-size.ts'
import { writeEvents, writeMembers } from './inputs.ts'
import { type DrainStep, moduleUrl, type PacedStep, type Plan, type Step, type WriteStep } from './plan.ts'
import type { Said } from './said.ts'

/**
 * One process of a measurement: an application on the embedded log that does the steps of its plan, which is its
 * argument, as JSON, and tells what came of them on standard output, a JSON object a line.
 */
const COMMITTED_POLL_MS = 5
const MIB = 2 ** 20

function say(said: Said): void {
  process.stdout.write(`${JSON.stringify(said)}\n`)
}

type Running = { readonly plan: Plan; readonly application: EmbeddedApplication }

async function untilCommitted({ plan, application: { log, finished } }: Running): Promise<void> {
  const { applicationId, application } = plan
  const partitions = Array.from({ length: application.partitions }, (_, partition) => ({
    topic: EVENTS_TOPIC,
    partition,
  }))
  const ends = (await log.admin.endOffsets(partitions)).filter(({ offset }) => offset > 0)
  for (;;) {
    const committed = await log.admin.committedOffsets(applicationId, partitions)
    if (ends.every((end) => committed.some((at) => at.partition === end.partition && at.offset >= end.offset))) return
    // An application that has failed commits nothing any more.
    await Promise.race([sleep(COMMITTED_POLL_MS), finished])
  }
}

async function write({ plan, application }: Running, step: WriteStep): Promise<void> {
  application.pause()
  await writeEvents(application.log, plan.application.partitions, step)
}

/**
 * From the moment when the application may go on to the commit of the last input. While it rested it had fetched as
 * much as its buffers take: a thousand records a partition, which are processed in the time that counts.
 */
async function drain(running: Running, { name, events }: DrainStep): Promise<void> {
  const { plan, application } = running
  const profiling = plan.application.isProfiled ? await profileProcess(plan.threads) : undefined
  const threadsBefore = profiling === undefined ? undefined : await threadTimes()
  const cpu = process.cpuUsage()
  const startedMs = performance.now()
  application.resume()
  await untilCommitted(running)
  const seconds = (performance.now() - startedMs) / 1000
  const { user, system } = process.cpuUsage(cpu)
  let profiles: readonly ThreadProfile[] | undefined
  let threads: Readonly<Record<string, number>> | undefined
  if (profiling !== undefined && threadsBefore !== undefined) {
    threads = usedBetween(threadsBefore, await threadTimes())
    profiles = await profiling.stop()
  }
  say({
    kind: 'drained',
    name,
    events,
    seconds,
    cpuMicros: user + system,
    residentMiB: process.memoryUsage.rss() / MIB,
    stateMiB: await directoryMiB(`${plan.directory}/state`),
    ...(profiles === undefined || threads === undefined ? {} : { profiles, threads }),
  })
}

async function paced({ plan, application }: Running, step: PacedStep): Promise<void> {
  const { name, from, rate, keys, seconds, warmUpSeconds } = step
  const { partitions } = plan.application
  const { log } = application
  const producer = await log.createProducer({ clientId: 'bench-paced', bufferBytesMax: 64 * MIB })
  const consumer = await log.createConsumer({
    clientId: 'bench-reader',
    isolation: 'read_committed',
    pollRecordsMax: 10_000,
    pollBytesMax: 16 * MIB,
  })
  await producer.prepareTopics([EVENTS_TOPIC])
  const outputs = Array.from({ length: partitions }, (_, partition) => ({ topic: OUTPUT_TOPIC, partition }))
  consumer.assign(await log.admin.endOffsets(outputs))
  const pacing = {
    startMs: Date.now(),
    rate,
    events: rate * (warmUpSeconds + seconds),
    firstMeasured: rate * warmUpSeconds,
    topic: EVENTS_TOPIC,
    partitions,
    eventOf: (number: number) => benchEvent(from + number, keys),
  }
  say({ kind: 'pacing', name, measuredFromMs: pacing.startMs + warmUpSeconds * 1000 })
  const cpu = process.cpuUsage()
  const work = Promise.all([produceAtRate(producer, pacing), readLatencies(consumer, pacing)])
  const [lateMsMax, latencies] = await Promise.race([work, application.finished.then(() => work)])
  const { user, system } = process.cpuUsage(cpu)
  say({
    kind: 'paced',
    name,
    events: pacing.events,
    latency: percentilesOf(latencies),
    lateMsMax,
    cpuMicros: user + system,
  })
  await producer.close()
  await consumer.close()
}

async function main(plan: Plan): Promise<void> {
  const { directory, applicationId, application: settings, threads, steps } = plan
  await mkdir(directory, { recursive: true })
  let restored = 0
  const application = await startEmbeddedApplication({
    module: moduleUrl(settings),
    applicationId,
    dataDirectory: directory,
    threads,
    options: {
      cacheBytesMax: 0,
      commitIntervalMs: plan.commitIntervalMs,
      processingGuarantee: plan.guarantee,
      ...(plan.cleanEntriesPerStoreMax === undefined ? {} : { cleanEntriesPerStoreMax: plan.cleanEntriesPerStoreMax }),
    },
    ...(plan.stateCacheBytesMax === undefined ? {} : { stateCacheBytesMax: plan.stateCacheBytesMax }),
    ...(plan.stateWriteBufferBytesMax === undefined ? {} : { stateWriteBufferBytesMax: plan.stateWriteBufferBytesMax }),
    logger: SILENT_LOGGER,
    onRestored: ({ records }) => {
      restored += records
    },
  })
  await application.ready
  say({ kind: 'ready', atMs: Date.now(), restored, load: loadavg()[0] ?? 0 })
  const running: Running = { plan, application }
  let server: ApiServer | undefined
  for (const step of steps) server = (await doStep(running, step)) ?? server
  await server?.close()
  await application.stop()
}

async function doStep(running: Running, step: Step): Promise<ApiServer | undefined> {
  const { plan, application } = running
  switch (step.kind) {
    case 'write':
      await write(running, step)
      return undefined
    case 'members':
      await writeMembers(application.log, plan.application.partitions)
      return undefined
    case 'drain':
      await drain(running, step)
      return undefined
    case 'paced':
      await paced(running, step)
      return undefined
    case 'hold':
      say({ kind: 'held' })
      await application.finished
      return undefined
    case 'serve': {
      const { applicationId } = plan
      const api = await createApi({ application, applicationId, clock: nodeClock, logger: SILENT_LOGGER })
      const server = await startApiServer({ api, port: 0 })
      say({ kind: 'serving', url: server.url })
      return server
    }
    default:
      return step satisfies never
  }
}

try {
  await main(JSON.parse(process.argv[2] ?? '{}') as Plan)
  process.exit(0)
} catch (error) {
  say({ kind: 'failed', message: error instanceof Error ? (error.stack ?? error.message) : String(error) })
  process.exit(1)
}
