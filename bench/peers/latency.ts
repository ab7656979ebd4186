import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { partitionForKey, utf8Encode } from '#streams/base'
import { type Consumer, NO_HEADERS, type Producer } from '#streams/ports'
import { eventSerde, PARTITIONS } from '../topologies/event.ts'
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

const TICK_MS = 5
const POLL_MS = 100
const START_MS_MAX = 120_000
const RUN_MS_MAX = 3_600_000
/** What comes later than so long after the last event does not come. */
const DRAIN_MS_MAX = 120_000

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
    const plan = planOf(options)
    const [producerLateMsMax, latencies] = await Promise.race([
      Promise.all([produce(producer, plan), readLatencies(consumer, plan)]),
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

type Plan = {
  readonly startMs: number
  readonly rate: number
  readonly events: number
  /** The first that counts: those before it warm the peer up. */
  readonly firstMeasured: number
}

function planOf(options: World['options']): Plan {
  const { rate, warmUpSeconds, latencySeconds } = options
  return {
    startMs: Date.now(),
    rate,
    events: rate * (warmUpSeconds + latencySeconds),
    firstMeasured: rate * warmUpSeconds,
  }
}

function dueMsOf({ startMs, rate }: Plan, number: number): number {
  return startMs + Math.floor((number * 1000) / rate)
}

/** Returns how late an event was sent at worst, of those that are measured. */
async function produce(producer: Producer, plan: Plan): Promise<number> {
  const { events, firstMeasured } = plan
  let lateMsMax = 0
  for (let number = 0; number < events; ) {
    const nowMs = Date.now()
    for (; number < events; number++) {
      const dueMs = dueMsOf(plan, number)
      if (dueMs > nowMs) break
      if (number >= firstMeasured) lateMsMax = Math.max(lateMsMax, nowMs - dueMs)
      const event = peerEvent(number)
      const key = utf8Encode(event.memberId)
      const value = eventSerde.serialize(event, PACED.events)
      producer.send(PACED.events, partitionForKey(key, PARTITIONS), key, value, dueMs, NO_HEADERS)
    }
    await producer.flush()
    await sleep(TICK_MS)
  }
  return lateMsMax
}

async function readLatencies(consumer: Consumer, plan: Plan): Promise<Float64Array> {
  const measuredFromMs = dueMsOf(plan, plan.firstMeasured)
  const latencies = new Float64Array(plan.events - plan.firstMeasured)
  const untilMs = dueMsOf(plan, plan.events) + DRAIN_MS_MAX
  let read = 0
  while (read < latencies.length) {
    for (const { records } of await consumer.poll(POLL_MS)) {
      const nowMs = Date.now()
      for (const { timestampMs } of records) if (timestampMs >= measuredFromMs) latencies[read++] = nowMs - timestampMs
    }
    if (Date.now() > untilMs)
      throw new Error(
        `only ${read} of ${latencies.length} outputs came within ${DRAIN_MS_MAX / 1000} s of the last event`,
      )
  }
  if (read > latencies.length) throw new Error(`${read} outputs came for ${latencies.length} events`)
  return latencies
}
