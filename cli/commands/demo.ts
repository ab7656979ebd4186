import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { Command } from 'commander'
import { createConsoleLogger, type LogLevel } from '#host'
import { SACCO_STORES } from '#topologies/sacco'
import { type AccessOptions, accessOf, accessOptions } from '../access.ts'
import { formatCount, formatEastAfrica, formatSeconds } from '../console/format.ts'
import {
  DATA_DIRECTORY_DEFAULT,
  logLevelOption,
  memberCount,
  notNegative,
  PORT_DEFAULT,
  portNumber,
  positive,
  threadCount,
} from '../console/options.ts'
import { createProgress, type Progress } from '../console/progress.ts'
import { onStopSignals } from '../console/signals.ts'
import { fail } from '../fail.ts'
import type { FeedProgress } from '../feed/feed-messages.ts'
import { type FeedPlan, readFeedState, readPlan, reconcilePlans } from '../feed/feed-plan.ts'
import { type Feed, startFeed } from '../feed/start-feed.ts'
import { waitUntilCaughtUp } from '../platform/application-lag.ts'
import { clearDataDirectory, LABELS_FILE } from '../platform/data-directory.ts'
import { type Platform, startPlatform } from '../platform/platform.ts'

type DemoOptions = {
  readonly data: string
  readonly port?: number
  readonly registryPort?: number
  readonly members?: number
  readonly seed?: number
  readonly speed: number
  readonly threads?: number
  readonly fresh?: true
  readonly feed: boolean
  readonly logLevel: LogLevel
} & AccessOptions

const DEMO_SEED = 7
const DEMO_MEMBERS = 3_000
/** A day passes in two and a half minutes: nights are short, and every ten seconds or so something is wrong. */
const DEMO_SPEED = 600
const DAY_MS = 86_400_000
/** Simulated time begins so long ago: at the default speed it takes hours until it meets the clock. */
const DEMO_DAYS_BACK = 150
const SIX_HOURS_MS = 21_600_000

export function demoCommand(): Command {
  const command = new Command('demo')
    .description('A SACCO in one process: events, balances, risk scores, fraud flags, dashboards. Ctrl-C stops it.')
    .option('--data <directory>', 'where log and state are kept (environment: MTO_DATA_DIR)', DATA_DIRECTORY_DEFAULT)
    .option('--port <port>', 'of dashboards and query API (environment: PORT; default 8080)', portNumber)
    .option(
      '--registry-port <port>',
      "of the schema registry's REST interface (default: the port after --port)",
      portNumber,
    )
    .option('--members <count>', `members of the SACCO, 100 or more (default ${DEMO_MEMBERS})`, memberCount)
    .option('--seed <number>', `another SACCO (default ${DEMO_SEED})`, positive)
    .option('--speed <factor>', 'how much faster than the clock simulated time runs', notNegative, DEMO_SPEED)
    .option('--threads <count>', 'stream threads', threadCount)
    .option('--fresh', 'removes what is in the data directory first')
    .option('--no-feed', 'no new events: only what is there')
    .addOption(logLevelOption('error'))
  return accessOptions(command)
    .addHelpText(
      'after',
      `
The first start loads the members' history (about 13 records each), then prints "ready" with the address, and a
simulated SACCO goes on living: people pay and are paid, loans fall due, and fraud is woven in. Stop it with Ctrl-C or
kill -9: the next start goes on where it stopped, no event is lost and none comes twice.

Examples:
  mto demo
  PORT=9000 MTO_DATA_DIR=/var/tmp/sacco mto demo --members 2000
  mto demo --host 0.0.0.0 --auth users.json       for others too; mto token makes users
  mto evaluate --data ./data      (after Ctrl-C) how good are the fraud rules?
  mto verify --data ./data                                (after Ctrl-C) is all money accounted for?

Exit code: 0 after a clean stop, 1 when something failed (the message says what, why and what to do).`,
    )
    .action(demo)
}

async function demo(options: DemoOptions): Promise<void> {
  const progress = createProgress()
  try {
    await run(options, progress)
  } catch (error) {
    progress.clear()
    fail(error)
  }
}

async function run(options: DemoOptions, progress: Progress): Promise<void> {
  const startedMs = performance.now()
  const access = accessOf(options)
  const stopping = new AbortController()
  const stopRequested = new Promise<void>((resolve) => stopping.signal.addEventListener('abort', () => resolve()))
  onStopSignals(() => stopping.abort())
  if (options.fresh === true) await clearDataDirectory(options.data)
  const port = options.port ?? PORT_DEFAULT()
  const platform = await startPlatform({
    dataDirectory: options.data,
    port,
    access,
    registryPort: options.registryPort ?? (port === 0 ? 0 : port + 1),
    isRegistryPortAGuess: options.registryPort === undefined,
    threads: options.threads,
    logger: createConsoleLogger(options.logLevel),
    logLevel: options.logLevel,
    onPhase: (phase) => progress.note(`${phase} ...`),
    onRestoring: (read, total) =>
      progress.update(`restoring state: ${formatCount(read)} of ${formatCount(total)} records`),
  })
  try {
    const feed = options.feed ? await feedPlatform(options, platform, progress) : undefined
    const ended = Promise.race([stopRequested, platform.finished, ...(feed === undefined ? [] : [feed.finished])])
    ended.catch(() => {})
    if (feed !== undefined) await Promise.race([ended, loadOpening(feed, platform, progress)])
    if (!stopping.signal.aborted) {
      progress.clear()
      process.stdout.write(`ready ${platform.url}\n`)
      progress.note(`after ${formatSeconds(performance.now() - startedMs)}; ${hints(platform, options)}`)
      if (feed !== undefined) tellOfFirstFlag(platform, progress, startedMs, stopping.signal)
      feed?.go()
    }
    await ended
    feed?.stop()
    await feed?.finished
  } finally {
    progress.clear()
    await platform.stop()
  }
  process.stdout.write('stopped\n')
}

const FIRST_FLAG_LOOK_MS = 200

/** How long it takes until there is something to look at, from the start of the command on. */
async function tellOfFirstFlag(
  { application, url }: Platform,
  progress: Progress,
  startedMs: number,
  signal: AbortSignal,
): Promise<void> {
  const store = SACCO_STORES.fraudFlags.name
  try {
    for (let look = 0; !signal.aborted; look++) {
      const { entries } = await application.query({ store, kind: 'range', limit: 1 })
      if (entries.length > 0) {
        // Some are of an earlier run, or of the members' history.
        const when = look === 0 ? 'there are fraud flags' : 'first fraud flag'
        progress.note(`${when} after ${formatSeconds(performance.now() - startedMs)}: ${url}/#/flags`)
        return
      }
      await setTimeout(FIRST_FLAG_LOOK_MS, undefined, { signal })
    }
  } catch {
    // The demo is stopping, or has failed: whoever runs it hears of that elsewhere.
  }
}

function hints({ url, registryUrl }: Platform, { data }: DemoOptions): string {
  const registry = registryUrl === undefined ? '' : `, schema registry ${registryUrl}`
  return `API documentation ${url}/docs${registry}, data in ${data}; Ctrl-C stops`
}

/** A demo may run for days with its output in a file. */
const LIVE_LINE_INTERVAL_MS = 60_000

async function feedPlatform(options: DemoOptions, platform: Platform, progress: Progress): Promise<Feed> {
  const calm = createProgress({ plainIntervalMs: LIVE_LINE_INTERVAL_MS })
  const plan = reconcilePlans(await readPlan(platform.application.log), newPlan(options), options)
  return startFeed({
    platform,
    plan,
    schedule: { kind: 'accelerated', factor: options.speed },
    labelsFile: join(options.data, LABELS_FILE),
    onProgress: (fed) => (fed.phase === 'live' ? calm : progress).update(describe(fed)),
  })
}

/** Live traffic begins at eight in the morning: something happens at once. */
function newPlan({ seed = DEMO_SEED, members = DEMO_MEMBERS }: DemoOptions): FeedPlan {
  const dayStartMs = Math.floor(Date.now() / DAY_MS - DEMO_DAYS_BACK) * DAY_MS
  // Midnight UTC is three in the morning in East Africa.
  return { seed, members, startMs: dayStartMs + SIX_HOURS_MS - 3_600_000, options: {} }
}

/** History first: a dashboard without members is of no use. A directory that has it is ready at once. */
async function loadOpening(feed: Feed, platform: Platform, progress: Progress): Promise<void> {
  const { log } = platform.application
  const plan = await readPlan(log)
  const { publishedMs } = await readFeedState(log)
  if (plan !== undefined && publishedMs >= plan.startMs) return
  await feed.openingDone
  await waitUntilCaughtUp(platform.lag, {
    sleep: (ms) => setTimeout(ms),
    nowMs: () => performance.now(),
    onLag: (records) => progress.update(`processing the members' history: ${formatCount(records)} records left`),
  })
}

function describe({ phase, records, liveRecords, publishedMs, lagMs }: FeedProgress): string {
  switch (phase) {
    case 'skipping':
      return `finding where the SACCO stopped: record ${formatCount(records)}`
    case 'opening':
      return `loading the members' history: ${formatCount(records)} records`
    case 'live': {
      const late = lagMs > 1_000 ? `, ${formatSeconds(lagMs)} behind` : ''
      return `live: ${formatCount(liveRecords)} events so far, simulated time ${formatEastAfrica(publishedMs)}${late}`
    }
  }
}
