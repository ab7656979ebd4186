import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { produceAtRate, readLatencies } from '../paced.ts'
import { PARTITIONS } from '../topologies/event.ts'
import type { Configuration, Peer } from './configurations.ts'
import { type Percentiles, percentilesOf } from './statistics.ts'
import { PACED, PREFIX, peerEvent } from './topics.ts'
import { endsOf, removeFromBroker, startIn, type World } from './world.ts'

export type LatencyResult = Percentiles & {
  /** CPU seconds of the application for a second of the run, its start included. */
  readonly coresUsed: number
  readonly residentMiBMax: number
  /** How late events were sent at worst: it is in the latencies, and more than some ms says that the machine is full. */
  readonly producerLateMsMax: number
}

const START_MS_MAX = 120_000
const RUN_MS_MAX = 3_600_000

/**
 * Events at a steady rate, one output each: from the moment that an event was due to be sent to the reader's poll that
 * brought its output. The record's timestamp carries the first; both clocks are this process's.
 */
export async function measureLatency(
  world: World,
  peer: Peer,
  configuration: Configuration,
  round: number,
): Promise<LatencyResult> {
  const { log, options, directory } = world
  const applicationId = `${PREFIX}${peer}-${configuration.name}-${round}`
  // The new application begins behind what earlier ones read.
  await log.admin.deleteRecords(await endsOf(log, PACED.events))
  const producer = await log.createProducer({ clientId: `${PREFIX}paced`, bufferBytesMax: 64_000_000 })
  const consumer = await log.createConsumer({
    clientId: `${PREFIX}reader`,
    isolation: 'read_committed',
    pollRecordsMax: 10_000,
    pollBytesMax: 16_000_000,
  })
  const running = await startIn(world, { peer, configuration, applicationId }, PACED, true)
  try {
    await producer.prepareTopics([PACED.events])
    consumer.assign(await endsOf(log, PACED.output))
    await running.until('it runs', START_MS_MAX, (told) => told.find(({ kind }) => kind === 'running'))
    const plan = {
      startMs: Date.now(),
      rate: options.rate,
      events: options.rate * (options.warmUpSeconds + options.latencySeconds),
      firstMeasured: options.rate * options.warmUpSeconds,
      topic: PACED.events,
      partitions: PARTITIONS,
      eventOf: peerEvent,
    }
    const [producerLateMsMax, latencies] = await Promise.race([
      Promise.all([produceAtRate(producer, plan), readLatencies(consumer, plan)]),
      // Nobody waits for outputs of an application that has ended.
      running.until<never>('its last output', RUN_MS_MAX, () => undefined),
    ])
    const { cpuSeconds, residentMiBMax } = await running.usage()
    const coresUsed = cpuSeconds / ((Date.now() - running.startedMs) / 1000)
    return { ...percentilesOf(latencies), coresUsed, residentMiBMax, producerLateMsMax }
  } finally {
    await Promise.all([producer.close(), consumer.close()])
    await running.stop()
    await rm(join(directory, applicationId), { recursive: true, force: true })
    await removeFromBroker(log, applicationId)
  }
}
