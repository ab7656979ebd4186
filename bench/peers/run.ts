import { rmSync } from 'node:fs'
import { mkdir, mkdtemp, readFile, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createKafkaLog } from '#connectors/kafka'
import { KAFKA_VERSION, startBroker } from '../../testing/broker/index.ts'
import { type Configuration, configurations, type Peer, pacedConfigurations, peerNames } from './configurations.ts'
import { buildJavaPeer, missingForJava } from './java-peer.ts'
import { type LatencyResult, measureLatency } from './latency.ts'
import { machineHere, versionsHere } from './machine.ts'
import { type PeerOptions, parseOptions, usage } from './options.ts'
import { differenceOf } from './outputs.ts'
import {
  type Comparison,
  changesSince,
  headingOf,
  latencyMetrics,
  type Measured,
  restoreMetrics,
  tableOf,
  throughputMetrics,
} from './report.ts'
import { measureSameRestore, type RestoreResult, restoredConfiguration, writeChangelogs } from './restore.ts'
import { measureThroughput, type ThroughputResult } from './throughput.ts'
import { PREFIX } from './topics.ts'
import { prepareTopics, removeFromBroker, type World } from './world.ts'

/** `make bench-peers`: see --help. */
const buildDirectory = join(import.meta.dirname, '../../build/bench-peers')
const write = (line = ''): void => void process.stdout.write(`${line}\n`)

async function main(): Promise<number> {
  const options = parseOptions(process.argv.slice(2))
  if (options === undefined) {
    write(usage)
    return 0
  }
  const missing = await missingForJava()
  if (missing.length > 0) {
    for (const each of missing) write(`Missing: ${each}`)
    write('Without it there is nothing to compare Mto with. `make bench` measures Mto alone, without Java and Kafka.')
    return 1
  }
  const baseline = options.baseline === undefined ? undefined : await readBaseline(options.baseline)
  const heading = { date: new Date().toISOString(), machine: machineHere(), options }
  const classPath = await buildJavaPeer(buildDirectory, write)
  const directory = await mkdtemp(join(tmpdir(), 'mto-bench-peers-'))
  const given = process.env.KAFKA_BROKERS
  const started = given === undefined || given === '' ? await startBroker() : undefined
  const brokers = started === undefined ? (given as string).split(',') : [started.brokers]
  const end = (): void => process.exit(130)
  process.once('exit', () => rmSync(directory, { recursive: true, force: true }))
  process.once('SIGINT', end)
  process.once('SIGTERM', end)
  try {
    const versions = await versionsHere(started === undefined ? `at ${given}` : `Kafka ${KAFKA_VERSION}`)
    write(headingOf({ ...heading, versions }))
    const log = await createKafkaLog({ brokers, clientId: `${PREFIX}run` })
    try {
      const world: World = { log, brokers, classPath, directory, options, write }
      const compared: Compared = { throughput: [], restore: [], latency: [] }
      try {
        await compare(world, compared)
      } finally {
        // Also of a comparison that broke off: what it has measured is worth an hour.
        await report({ ...heading, versions, ...compared }, baseline)
      }
      await removeFromBroker(log, PREFIX)
      const differences = [...compared.throughput.flatMap(differencesIn), ...compared.restore.flatMap(restoredElse)]
      for (const difference of differences) write(`DIFFERENT OUTPUTS: ${difference}`)
      return differences.length === 0 ? 0 : 1
    } finally {
      await log.close()
    }
  } finally {
    await started?.stop()
  }
}

async function readBaseline(file: string): Promise<Comparison> {
  return JSON.parse(await readFile(file, 'utf8')) as Comparison
}

/** Grows as runs end. */
type Compared = {
  readonly throughput: Measured<ThroughputResult>[]
  readonly restore: Measured<RestoreResult>[]
  readonly latency: Measured<LatencyResult>[]
}

async function compare(world: World, compared: Compared): Promise<void> {
  const { options } = world
  const startedMs = Date.now()
  await prepareTopics(world)
  write(`${options.events.toLocaleString('en')} events are written and counted (${secondsSince(startedMs)} s)`)
  const chosen = configurations.filter(({ name }) => options.only.includes(name))
  await inTurns(options, chosen, compared.throughput, async (...run) => {
    const result = await measureThroughput(world, ...run)
    const { restore, outputs, cpuSeconds } = result
    const rate = Math.round(result.eventsPerSecondFromFirst).toLocaleString('en')
    const restored = restore === undefined ? '' : `; restored ${restore.records} in ${restore.secondsToRunning} s`
    return [result, `${rate} events/s, ${cpuSeconds.toFixed(1)} CPU s, ${outputs.records} outputs${restored}`]
  })
  if (options.restoreRecords > 0) await compareRestores(world, compared.restore)
  const paced = pacedConfigurations.filter(({ name }) => options.latency && options.paced.includes(name))
  await inTurns(options, paced, compared.latency, async (...run) => {
    const result = await measureLatency(world, ...run)
    return [result, `p50 ${result.p50}, p95 ${result.p95}, p99 ${result.p99} ms`]
  })
}

async function compareRestores(world: World, measured: Measured<RestoreResult>[]): Promise<void> {
  await writeChangelogs(world)
  const configuration = { ...restoredConfiguration, title: 'the same changelogs restored, written by Java' }
  await inTurns(world.options, [configuration], measured, async (peer, chosen) => {
    const result = await measureSameRestore(world, peer, chosen)
    const { records, recordsPerSecond, secondsRestoring, secondsToRunning, cpuSeconds } = result
    const rate = Math.round(recordsPerSecond).toLocaleString('en')
    const seconds = `${secondsRestoring.toFixed(1)} s, all runs after ${secondsToRunning.toFixed(1)} s`
    return [result, `${records} records in ${seconds}: ${rate}/s, ${cpuSeconds.toFixed(1)} CPU s`]
  })
  await removeFromBroker(world.log, `${PREFIX}restored`)
}

type Measure<Result> = (peer: Peer, configuration: Configuration, round: number) => Promise<readonly [Result, string]>

/** Round by round, the peers in turns: the machine's drift meets both. */
async function inTurns<Result>(
  options: PeerOptions,
  chosen: readonly Configuration[],
  measured: Measured<Result>[],
  measure: Measure<Result>,
): Promise<void> {
  for (const configuration of chosen) {
    const rounds: Record<Peer, Result[]> = { java: [], mto: [] }
    measured.push({ name: configuration.name, title: configuration.title, rounds })
    for (let round = 1; round <= options.rounds; round++) {
      for (const peer of options.peers) {
        const startedMs = Date.now()
        const [result, line] = await measure(peer, configuration, round)
        rounds[peer].push(result)
        write(
          `  ${configuration.name}, round ${round}, ${peerNames[peer].padEnd(4)}: ${line} (${secondsSince(startedMs)} s)`,
        )
      }
    }
  }
}

/** Every run of a configuration does the same work: each is compared with the first. */
function differencesIn({ name, title, rounds }: Measured<ThroughputResult>): readonly string[] {
  const isCached = configurations.some((each) => each.name === name && each.cacheBytes > 0)
  const runs = (['java', 'mto'] as const).flatMap((peer) =>
    rounds[peer].map((work, index) => ({ work, who: `${peerNames[peer]} in round ${index + 1}` })),
  )
  const [first, ...others] = runs
  if (first === undefined) return []
  return others.flatMap(({ work, who }) => {
    const difference = differenceOf(first.work, work, isCached)
    return difference === undefined ? [] : [`${title}: ${first.who} and ${who}: ${difference}`]
  })
}

function restoredElse({ title, rounds }: Measured<RestoreResult>): readonly string[] {
  const records = new Set([...rounds.java, ...rounds.mto].map((result) => result.records))
  return records.size <= 1 ? [] : [`${title}: ${[...records].join(', ')} records`]
}

async function report(comparison: Comparison, baseline: Comparison | undefined): Promise<void> {
  write()
  for (const measured of comparison.throughput) write(`${tableOf(measured, throughputMetrics)}\n`)
  for (const measured of comparison.restore ?? []) write(`${tableOf(measured, restoreMetrics)}\n`)
  for (const measured of comparison.latency) {
    const { rate } = comparison.options
    write(`${tableOf({ ...measured, title: `${rate} events/s, ${measured.title}` }, latencyMetrics)}\n`)
  }
  await mkdir(buildDirectory, { recursive: true })
  const file = join(buildDirectory, `${comparison.date.replaceAll(':', '-')}.json`)
  await writeFile(file, `${JSON.stringify(comparison, undefined, 2)}\n`)
  write(`Written to ${file}`)
  if (baseline === undefined) return
  const changes = changesSince(baseline, comparison)
  write(changes.length === 0 ? `Nothing changed much since ${baseline.date}` : `Since ${baseline.date}:`)
  for (const change of changes) write(`  ${change}`)
}

function secondsSince(startedMs: number): string {
  return ((Date.now() - startedMs) / 1000).toFixed(1)
}

try {
  process.exitCode = await main()
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`)
  process.exitCode = 1
}
