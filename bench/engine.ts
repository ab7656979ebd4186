import { mkdtemp, rm } from 'node:fs/promises'
import { availableParallelism, cpus, tmpdir } from 'node:os'
import { join } from 'node:path'
import { openEmbeddedLog } from '#connectors/embedded-log'
import { type MetricSample, startEmbeddedApplication } from '#host'
import { partitionForKey, utf8Encode } from '#streams/base'
import { type Log, NO_HEADERS, SILENT_LOGGER } from '#streams/ports'
import {
  benchEvent,
  EVENTS_TOPIC,
  eventSerde,
  MEMBERS,
  MEMBERS_TOPIC,
  memberOf,
  PARTITIONS,
  topics,
} from './topologies/event.ts'

/**
 * Events per second of the engine on the embedded log with RocksDB stores, exactly-once, and where the time goes.
 *
 * Method: the events are written first; then, for each round, each topology runs once with a new application id (fresh
 * state, all inputs from the start), in turns, so that the machine's drift meets all of them. Time runs from the moment
 * when all tasks run until the last input offset is committed. Stages are sums of the stream threads' own clocks.
 */
export type EngineBenchOptions = {
  readonly events: number
  readonly rounds: number
  readonly threads: number
  readonly topologies: readonly string[]
  readonly write: (line: string) => void
}

type Round = { readonly eventsPerSecond: number; readonly stages: Readonly<Record<string, number>> }

export async function benchEngine({ events, rounds, threads, topologies, write }: EngineBenchOptions): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), 'mto-bench-'))
  try {
    write(`Node ${process.versions.node}, ${cpus()[0]?.model ?? 'unknown processor'}, ${availableParallelism()} cores`)
    write(
      `${events} events of about 250 bytes in ${PARTITIONS} partitions, ${MEMBERS} keys; ${threads} stream thread(s); exactly-once, commits every 100 ms, record caches off`,
    )
    await writeInputs(directory, events)
    const results = new Map<string, Round[]>()
    for (let round = 0; round < rounds; round++) {
      for (const topology of topologies) {
        const result = await runOnce(directory, topology, `bench-${topology}-${round}`, events, threads)
        results.set(topology, [...(results.get(topology) ?? []), result])
        write(`  round ${round + 1}, ${topology}: ${format(result.eventsPerSecond)} events/s`)
      }
    }
    write('')
    write('topology    events/s  min / median / max of the rounds')
    for (const [topology, measured] of results) {
      const [min, median, max] = spread(measured.map((round) => round.eventsPerSecond))
      write(`${topology.padEnd(12)}${format(min)} / ${format(median)} / ${format(max)}`)
    }
    write('')
    const names = Object.keys(results.values().next().value?.[0]?.stages ?? {})
    write(`microseconds per event (median of the rounds): ${names.join(', ')}`)
    for (const [topology, measured] of results) {
      const figures = names.map((name) => spread(measured.map((round) => round.stages[name] ?? 0))[1].toFixed(2))
      write(`${topology.padEnd(12)}${figures.map((figure, index) => `${names[index]} ${figure}`).join('   ')}`)
    }
  } finally {
    await rm(directory, { recursive: true, force: true })
  }
}

async function writeInputs(directory: string, events: number): Promise<void> {
  const owner = await openEmbeddedLog({ directory: join(directory, 'log'), logger: SILENT_LOGGER })
  const log = owner.connect()
  await log.admin.createTopics(topics)
  const producer = await log.createProducer({ clientId: 'bench-inputs', bufferBytesMax: 64_000_000 })
  await producer.prepareTopics([EVENTS_TOPIC, MEMBERS_TOPIC])
  const send = async (topic: string, key: string, value: Uint8Array, timestampMs: number): Promise<void> => {
    const bytes = utf8Encode(key)
    producer.send(topic, partitionForKey(bytes, PARTITIONS), bytes, value, timestampMs, NO_HEADERS)
    if (producer.bytesBuffered > 8_000_000) await producer.flush()
  }
  for (let member = 0; member < MEMBERS; member++) {
    const value = utf8Encode(JSON.stringify({ name: `Member ${member}`, limitMinor: 2_500_000 }))
    await send(MEMBERS_TOPIC, memberOf(member), value, 0)
  }
  for (let number = 0; number < events; number++) {
    const event = benchEvent(number)
    await send(EVENTS_TOPIC, event.memberId, eventSerde.serialize(event, EVENTS_TOPIC), number)
  }
  await producer.flush()
  await log.close()
  await owner.close()
}

async function runOnce(
  directory: string,
  topology: string,
  applicationId: string,
  events: number,
  threads: number,
): Promise<Round> {
  const application = await startEmbeddedApplication({
    module: new URL(`./topologies/${topology}.ts`, import.meta.url),
    applicationId,
    dataDirectory: directory,
    threads,
    options: { cacheBytesMax: 0, commitIntervalMs: 100 },
    logger: SILENT_LOGGER,
  })
  await application.ready
  const startedMs = performance.now()
  await untilCommitted(application.log, applicationId)
  const durationMs = performance.now() - startedMs
  const stages = stagesOf(await application.samples(), events)
  await application.stop()
  return { eventsPerSecond: (events / durationMs) * 1000, stages }
}

async function untilCommitted(log: Log, applicationId: string): Promise<void> {
  const partitions = Array.from({ length: PARTITIONS }, (_, partition) => ({ topic: EVENTS_TOPIC, partition }))
  const ends = await log.admin.endOffsets(partitions)
  for (;;) {
    const committed = await log.admin.committedOffsets(applicationId, partitions)
    if (ends.every((end) => committed.some((at) => at.partition === end.partition && at.offset >= end.offset))) return
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
}

const stageNames: Readonly<Record<string, string>> = {
  'poll-latency': 'fetch and decode',
  'process-latency': 'process',
  'commit-prepare-latency': 'serialise',
  'commit-log-latency': 'commit log',
  'commit-stores-latency': 'write stores',
}

function stagesOf(samples: readonly MetricSample[], events: number): Readonly<Record<string, number>> {
  const stages: Record<string, number> = {}
  for (const [metric, stage] of Object.entries(stageNames)) {
    let totalMs = 0
    for (const sample of samples) {
      if (sample.kind === 'latency' && sample.group === 'stream-thread-metrics' && sample.name === metric)
        totalMs += sample.totalMs
    }
    stages[stage] = (totalMs * 1000) / events
  }
  return stages
}

function spread(figures: readonly number[]): readonly [number, number, number] {
  const sorted = [...figures].sort((left, right) => left - right)
  const at = (index: number): number => sorted[index] ?? 0
  return [at(0), at(Math.floor(sorted.length / 2)), at(sorted.length - 1)]
}

function format(figure: number): string {
  return Math.round(figure).toLocaleString('en')
}
