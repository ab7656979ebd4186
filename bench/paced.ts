import { setTimeout as sleep } from 'node:timers/promises'
import { partitionForKey, utf8Encode } from '#streams/base'
import { type Consumer, NO_HEADERS, type Producer } from '#streams/ports'
import { type BenchEvent, eventSerde } from './topologies/event.ts'

/** Events at a steady rate, one output each: for measurements of latency. */
export type PacedPlan = {
  readonly startMs: number
  /** Events a second. */
  readonly rate: number
  readonly events: number
  /** The first that counts: those before it warm up. */
  readonly firstMeasured: number
  readonly topic: string
  readonly partitions: number
  readonly eventOf: (number: number) => BenchEvent
}

const TICK_MS = 5
const POLL_MS = 100
/** What comes later than so long after the last event does not come. */
const DRAIN_MS_MAX = 120_000

function dueMsOf({ startMs, rate }: PacedPlan, number: number): number {
  return startMs + Math.floor((number * 1000) / rate)
}

/** Returns how late an event was sent at worst, of those that are measured. */
export async function produceAtRate(producer: Producer, plan: PacedPlan): Promise<number> {
  const { events, firstMeasured, topic, partitions } = plan
  let lateMsMax = 0
  for (let number = 0; number < events; ) {
    const nowMs = Date.now()
    for (; number < events; number++) {
      const dueMs = dueMsOf(plan, number)
      if (dueMs > nowMs) break
      if (number >= firstMeasured) lateMsMax = Math.max(lateMsMax, nowMs - dueMs)
      const event = plan.eventOf(number)
      const key = utf8Encode(event.memberId)
      const value = eventSerde.serialize(event, topic)
      producer.send(topic, partitionForKey(key, partitions), key, value, dueMs, NO_HEADERS)
    }
    await producer.flush()
    await sleep(TICK_MS)
  }
  return lateMsMax
}

/** From the moment when each event was due, which its record's timestamp carries, to the poll that brought its output. */
export async function readLatencies(consumer: Consumer, plan: PacedPlan): Promise<Float64Array> {
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
