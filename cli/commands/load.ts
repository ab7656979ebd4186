import { Command } from 'commander'
import { createConsoleLogger, type LogLevel } from '#host'
import { StreamsError } from '#streams/base'
import { DEAD_LETTER_TOPIC } from '#topologies/sacco'
import { formatCount } from '../console/format.ts'
import {
  DATA_DIRECTORY_DEFAULT,
  logLevelOption,
  memberCount,
  notNegative,
  portNumber,
  positive,
  threadCount,
} from '../console/options.ts'
import { createProgress, type Progress } from '../console/progress.ts'
import { onStopSignals } from '../console/signals.ts'
import { fail } from '../fail.ts'
import type { FeedProgress, FeedSchedule } from '../feed/feed-messages.ts'
import { type FeedPlan, readFeedState, readPlan, reconcilePlans } from '../feed/feed-plan.ts'
import { type Feed, type LiveDone, startFeed } from '../feed/start-feed.ts'
import { type KafkaCommandOptions, kafkaOptions, kafkaOptionsOf } from '../kafka-options.ts'
import { planLoad } from '../load/load-plan.ts'
import { formatReport, type LoadReport, missedTargets, readOutcomes, secondLine } from '../load/load-report.ts'
import { waitUntilCaughtUp } from '../platform/application-lag.ts'
import { clearDataDirectory } from '../platform/data-directory.ts'
import { clearKafka } from '../platform/kafka-data.ts'
import { type Platform, startPlatform } from '../platform/platform.ts'
import { readTopics } from '../platform/read-topic.ts'

type LoadOptions = KafkaCommandOptions & {
  readonly data: string
  readonly rate: number
  readonly seconds: number
  readonly unpaced?: true
  readonly events: number
  readonly realTime?: true
  readonly seed?: number
  readonly members?: number
  readonly labels?: string
  readonly fresh?: true
  readonly api: boolean
  readonly port: number
  readonly threads?: number
  readonly commitIntervalMs?: number
  readonly p95MaxMs?: number
  readonly json?: true
  readonly logLevel: LogLevel
}

const LOAD_SEED = 42
const LOAD_MEMBERS = 10_000

export function loadCommand(): Command {
  const command = new Command('load')
    .description('Load test: a SACCO of any size at a named rate or as fast as possible, with latencies and labels.')
    .option('--data <directory>', 'where log and state are kept (environment: MTO_DATA_DIR)', DATA_DIRECTORY_DEFAULT)
    .option('--fresh', 'removes what is in the data directory first')
    .option('--rate <records>', 'records per second', positive, 10_000)
    .option('--seconds <count>', 'for how long', positive, 60)
    .option('--unpaced', 'as fast as possible, --events records')
    .option('--events <count>', 'live records of an unpaced run', positive, 500_000)
    .option('--real-time', 'events happen now, a minute takes a minute; otherwise simulated time is accelerated')
    .option('--seed <number>', `another SACCO (default ${LOAD_SEED})`, positive)
    .option('--members <count>', `members, 100 or more (default ${LOAD_MEMBERS})`, memberCount)
    .option('--labels <file>', 'writes what is fraud and what only looks like it, for mto evaluate')
    .option(
      '--port <port>',
      'of the API and the dashboards, which one can watch meanwhile; 0: any free one',
      portNumber,
      0,
    )
    .option('--no-api', 'without API and dashboards')
    .option('--threads <count>', 'stream threads', threadCount)
    .option('--commit-interval-ms <ms>', 'how often outputs, state and offsets are committed', positive)
    .option('--p95-max-ms <ms>', 'a target: every p95 is below it, and lag is back to 0 within 10 s', notNegative)
    .option('--json', 'the report as data, on standard output')
    .addOption(logLevelOption('error'))
  return kafkaOptions(command)
    .addHelpText(
      'after',
      `
Starts the platform in this process (one process owns the directory), loads the members' history as fast as it goes,
then sends live traffic. Latency is measured from the moment an event was due by the schedule, so waiting for a slow
sender counts. Each second one line on standard error; the report at the end on standard output.

Examples:
  mto load --fresh --rate 10000 --seconds 60 --p95-max-ms 100
  mto load --fresh --unpaced --events 1000000
  mto load --fresh --seed 99 --labels labels.jsonl && mto evaluate --labels labels.jsonl
  mto verify                                   is all money accounted for?
  mto load --kafka localhost:9092 --fresh --rate 1000 --seconds 20 && mto verify --kafka localhost:9092

A run that was killed goes on where it stopped when it is started again. One that has ended is whole: another one needs
--fresh or another directory.

Exit code: 0 done, 1 something failed or a target was missed (the report says which).`,
    )
    .action(load)
}

async function load(options: LoadOptions): Promise<void> {
  const progress = createProgress()
  try {
    const report = await run(options, progress)
    progress.clear()
    if (report === undefined) return
    process.stdout.write(options.json === true ? `${JSON.stringify(report, undefined, 2)}\n` : formatReport(report))
    if (report.missedTargets.length > 0) process.exitCode = 1
  } catch (error) {
    progress.clear()
    fail(error)
  }
}

async function run(options: LoadOptions, progress: Progress): Promise<LoadReport | undefined> {
  const stopping = new AbortController()
  const stopRequested = new Promise<undefined>((resolve) =>
    stopping.signal.addEventListener('abort', () => resolve(undefined)),
  )
  onStopSignals(() => stopping.abort())
  const kafka = kafkaOptionsOf(options)
  const wanted = wantedPlan(options)
  if (options.fresh === true) {
    if (kafka !== undefined) await clearKafka(kafka)
    await clearDataDirectory(options.data)
  }
  const platform = await startPlatform({
    dataDirectory: options.data,
    kafka,
    port: options.port,
    api: options.api,
    threads: options.threads,
    commitIntervalMs: options.commitIntervalMs,
    logger: createConsoleLogger(options.logLevel),
    logLevel: options.logLevel,
    onPhase: (phase) => progress.update(`${phase} ...`),
    onRestoring: (read, total) =>
      progress.update(`restoring state: ${formatCount(read)} of ${formatCount(total)} records`),
  })
  try {
    if (platform.url !== '') progress.note(`API and dashboards: ${platform.url}`)
    const plan = await planOf(platform, options, wanted)
    const session = createSession(platform, plan, options, progress)
    const failed = platform.finished.then(() => undefined)
    const report = await Promise.race([session.run(), stopRequested, failed])
    session.feed.stop()
    await session.feed.finished
    if (report === undefined) progress.note('stopped before the end; the next start with the same directory goes on')
    return report
  } finally {
    await platform.stop()
  }
}

async function planOf({ application: { log } }: Platform, options: LoadOptions, wanted: FeedPlan): Promise<FeedPlan> {
  const existing = await readPlan(log)
  if (existing !== undefined && (await readFeedState(log)).ended) {
    throw new StreamsError(
      'CONFIG_INVALID',
      `the load in ${options.data} has ended and is whole; add --fresh to begin again there, or name another directory with --data`,
    )
  }
  return reconcilePlans(existing, wanted, options)
}

/** Simulated time cannot begin before there were SACCOs with computers. */
const START_MIN_MS = Date.UTC(2000, 0)

/** CONFIG_INVALID before anything is opened, or removed. */
function wantedPlan(options: LoadOptions): FeedPlan {
  const wanted = planLoad({
    seed: options.seed ?? LOAD_SEED,
    members: options.members ?? LOAD_MEMBERS,
    records: recordsOf(options),
    realTime: options.realTime === true ? { recordsPerSecond: options.rate } : undefined,
    nowMs: Date.now(),
  })
  if (wanted.startMs >= START_MIN_MS) return wanted
  throw new StreamsError(
    'CONFIG_INVALID',
    `${formatCount(recordsOf(options))} records of ${wanted.members} members take decades by simulated time: give more --members, or fewer records`,
  )
}

const recordsOf = ({ unpaced, events, rate, seconds }: LoadOptions): number =>
  unpaced === true ? events : rate * seconds

function scheduleOf({ unpaced, events, rate, seconds }: LoadOptions): FeedSchedule {
  return unpaced === true ? { kind: 'unpaced', records: events } : { kind: 'rate', recordsPerSecond: rate, seconds }
}

type Session = { readonly feed: Feed; run(): Promise<LoadReport> }

function createSession(platform: Platform, plan: FeedPlan, options: LoadOptions, progress: Progress): Session {
  let fed: FeedProgress | undefined
  let lagMaxMs = 0
  const feed = startFeed({
    platform,
    plan,
    schedule: scheduleOf(options),
    labelsFile: options.labels,
    measure: true,
    onProgress: (next) => {
      fed = next
      lagMaxMs = Math.max(lagMaxMs, next.lagMs)
      if (next.phase !== 'live') progress.update(`${next.phase}: ${formatCount(next.records)} records`)
    },
  })
  const run = async (): Promise<LoadReport> => {
    const openingStartedMs = performance.now()
    const openingRecords = await feed.openingDone
    await catchUp(platform, (records) => progress.update(`opening: ${formatCount(records)} records left to process`))
    const openingSeconds = (performance.now() - openingStartedMs) / 1_000
    progress.note(`opening: ${formatCount(openingRecords)} records in ${openingSeconds.toFixed(1)} s`)
    const before = fed?.liveRecords ?? 0
    const startedMs = performance.now()
    const startedCpu = process.cpuUsage()
    const { live, caught } = await runLive(
      platform,
      feed,
      printSeconds(platform, () => fed, progress),
    )
    const processedMs = performance.now() - startedMs
    const cpu = process.cpuUsage(startedCpu)
    await new Promise((resolve) => setTimeout(resolve, LAST_EFFECTS_MS))
    feed.finish()
    const last = await feed.finished
    await catchUp(platform)
    const { liveRecords } = live.progress
    return finishReport(platform, options, {
      plan: { seed: plan.seed, members: plan.members, from: new Date(plan.startMs).toISOString() },
      openingRecords,
      openingSeconds,
      ...ratesOf(options, live, processedMs),
      liveRecords,
      cpuMicrosecondsPerRecord: (cpu.user + cpu.system) / Math.max(1, liveRecords - before),
      catchUpSeconds: caught.elapsedMs / 1_000,
      caughtUp: caught.caughtUp,
      scheduleLagMaxMs: lagMaxMs,
      latency: last.latency ?? NOTHING_MEASURED,
      simulatedUntil: new Date(live.progress.publishedMs).toISOString(),
    })
  }
  return { feed, run }
}

async function runLive(platform: Platform, feed: Feed, seconds: { stop(): void }) {
  try {
    feed.go()
    const live = await feed.liveDone
    return { live, caught: await catchUp(platform) }
  } finally {
    seconds.stop()
  }
}

/** What was committed last has to reach those who measure. */
const LAST_EFFECTS_MS = 500
const NONE = { count: 0, minMs: 0, p50Ms: 0, p95Ms: 0, p99Ms: 0, maxMs: 0 } as const
const NOTHING_MEASURED = { balance: NONE, flag: NONE, api: NONE, live: NONE, apiFailures: 0 } as const

function ratesOf(options: LoadOptions, { sentPerSecond, elapsedMs }: LiveDone, processedMs: number) {
  const isUnpaced = options.unpaced === true
  return {
    asked: { kind: isUnpaced ? 'unpaced' : 'rate', recordsPerSecond: isUnpaced ? null : options.rate },
    sentPerSecond,
    processedPerSecond: (sentPerSecond * elapsedMs) / processedMs,
  }
}

async function finishReport(
  platform: Platform,
  options: LoadOptions,
  measured: Omit<LoadReport, 'outcomes' | 'unreadable' | 'missedTargets'>,
): Promise<LoadReport> {
  const outcomes = await readOutcomes(platform.application)
  const { log } = platform.application
  // Counted, since transactions take offsets too. Duplicates are dead letters of their own outcome.
  const deadLetters = await readTopics({ log, topics: [DEAD_LETTER_TOPIC], onRecord: () => {} })
  const refused = (outcomes['dead-lettered'] ?? 0) + (outcomes.duplicate ?? 0)
  const report = { ...measured, outcomes, unreadable: deadLetters - refused }
  const rate = options.unpaced === true ? undefined : options.rate
  return { ...report, missedTargets: missedTargets(report, { p95MaxMs: options.p95MaxMs, rate }) }
}

function catchUp(platform: Platform, onLag?: (records: number) => void) {
  return waitUntilCaughtUp(platform.lag, {
    sleep: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
    nowMs: () => performance.now(),
    ...(onLag === undefined ? {} : { onLag }),
  })
}

/** One line a second for as long as live traffic is under way. */
function printSeconds(platform: Platform, latest: () => FeedProgress | undefined, progress: Progress) {
  const startedMs = performance.now()
  let before = { atMs: startedMs, records: latest()?.liveRecords ?? 0 }
  const timer = setInterval(() => {
    const fed = latest()
    if (fed === undefined) return
    const atMs = performance.now()
    const perSecond = ((fed.liveRecords - before.records) * 1_000) / (atMs - before.atMs)
    before = { atMs, records: fed.liveRecords }
    platform.lag.read().then(
      (lag) => progress.note(secondLine(Math.round((atMs - startedMs) / 1_000), fed, perSecond, lag)),
      () => {},
    )
  }, 1_000)
  return { stop: () => clearInterval(timer) }
}
