import { Command } from 'commander'
import { createConsoleLogger, type LogLevel } from '#host'
import type { Logger } from '#streams/ports'
import { formatCount, formatMinor, formatTable } from '../console/format.ts'
import { DATA_DIRECTORY_DEFAULT, logLevelOption, threadCount } from '../console/options.ts'
import { createProgress, type Progress } from '../console/progress.ts'
import { fail } from '../fail.ts'
import { type KafkaCommandOptions, kafkaOptions, kafkaOptionsOf } from '../kafka-options.ts'
import { createLagMeter, waitUntilCaughtUp } from '../platform/application-lag.ts'
import { type OpenData, openData, openKafkaData } from '../platform/open-data.ts'
import { APPLICATION_ID, startPlatform } from '../platform/platform.ts'
import { type VerifyReport, verify } from '../verify/verify.ts'

type VerifyCommandOptions = KafkaCommandOptions & {
  readonly data: string
  readonly catchUp: boolean
  readonly threads?: number
  readonly json?: true
  readonly logLevel: LogLevel
}

export function verifyCommand(): Command {
  const command = new Command('verify')
    .description(
      'Checks the money of a data directory: nothing lost, nothing twice, every balance what its events say.',
    )
    .option('--data <directory>', 'of mto demo or mto load (environment: MTO_DATA_DIR)', DATA_DIRECTORY_DEFAULT)
    .option('--no-catch-up', 'does not process first what a killed process has left')
    .option('--threads <count>', 'stream threads while catching up', threadCount)
    .option('--json', 'the report as data')
    .addOption(logLevelOption('error'))
  return kafkaOptions(command)
    .addHelpText(
      'after',
      `
Reads the log from its start, with nothing running on it. The balances are compared with a fold of the events that
shares no code with the platform:

  postings add up to zero      debits and credits per currency, and in each journal
  balances                     each is the fold of its events, and the sum of its postings; loans likewise
  no id twice                  journals and flags
  inputs                       each is processed, a duplicate, late, dead-lettered or unreadable: counted by the intake
                               and, independently, from the records
  stores                       the bytes on disk are the fold of their changelogs

If a killed process has left records unprocessed, they are processed first (as the next start would).

Examples:
  mto verify
  mto verify --data build/load-test --json
  mto verify --kafka localhost:9092            what a SACCO has there, and the local state in --data

Exit code: 0 all agrees, 1 there are differences (the first are printed) or the directory cannot be read.`,
    )
    .action(run)
}

async function run(options: VerifyCommandOptions): Promise<void> {
  const progress = createProgress()
  try {
    const report = await check(options, progress)
    progress.clear()
    process.stdout.write(options.json === true ? `${JSON.stringify(report, undefined, 2)}\n` : formatVerify(report))
    if (report.differences > 0) process.exitCode = 1
  } catch (error) {
    progress.clear()
    fail(error)
  }
}

async function check(options: VerifyCommandOptions, progress: Progress): Promise<VerifyReport> {
  const logger = createConsoleLogger(options.logLevel)
  if (options.catchUp) await catchUp(options, progress)
  progress.update('opening the log')
  const data = await open(options, logger)
  try {
    const onProgress = (text: string): void => progress.update(text)
    return await verify({ data, dataDirectory: options.data, applicationId: APPLICATION_ID, onProgress })
  } finally {
    await data.close()
  }
}

function open(options: VerifyCommandOptions, logger: Logger): Promise<OpenData> {
  const kafka = kafkaOptionsOf(options)
  return kafka === undefined ? openData(options.data, logger) : openKafkaData(kafka)
}

/** Starts the platform only if something is left to process. */
async function catchUp(options: VerifyCommandOptions, progress: Progress): Promise<void> {
  const { data: directory, threads, logLevel } = options
  const logger = createConsoleLogger(logLevel)
  const data = await open(options, logger)
  let left: number
  try {
    left = await (await createLagMeter(data.log, data.topology, APPLICATION_ID)).read()
  } finally {
    await data.close()
  }
  if (left === 0) return
  progress.note(`${formatCount(left)} records are not processed yet: processing them first`)
  const kafka = kafkaOptionsOf(options)
  const platform = await startPlatform({
    dataDirectory: directory,
    kafka,
    port: 0,
    api: false,
    threads,
    logger,
    logLevel,
  })
  try {
    await waitUntilCaughtUp(platform.lag, {
      sleep: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
      nowMs: () => performance.now(),
      onLag: (records) => progress.update(`${formatCount(records)} records left to process`),
    })
  } finally {
    await platform.stop()
  }
}

const right = 'right' as const

function formatVerify(report: VerifyReport): string {
  const inputs = Object.entries(report.inputs).map(([topic, account]) => [
    topic,
    ...[
      account.records,
      account.compacted,
      account.own,
      account.processed,
      account.duplicate,
      account.late,
      account.deadLettered,
      account.unreadable,
      account.waiting,
    ].map(formatCount),
  ])
  const inputColumns = [
    'records',
    'compacted',
    'own',
    'processed',
    'duplicate',
    'late',
    'dead-lettered',
    'unreadable',
    'waiting',
  ]
  const checks = report.checks.map(({ name, compared, differences }) => [
    differences === 0 ? 'ok' : 'WRONG',
    name,
    formatCount(compared),
    formatCount(differences),
  ])
  const currencies = Object.entries(report.currencies).map(([currency, { debitsMinor, creditsMinor }]) => [
    currency,
    formatMinor(debitsMinor),
    formatMinor(creditsMinor),
    formatMinor(creditsMinor - debitsMinor),
  ])
  const examples = report.checks
    .filter(({ differences }) => differences > 0)
    .map(({ name, examples: words }) => `${name}:\n${words.map((text) => `  ${text}`).join('\n')}\n`)
  const refused = Object.entries(report.refusedByReason).map(([reason, count]) => `${reason} ${formatCount(count)}`)
  return [
    formatTable([{ title: 'input' }, ...inputColumns.map((title) => ({ title, align: right }))], inputs),
    `refused: ${refused.join(', ') || 'nothing'}\n`,
    formatTable(
      [{ title: 'currency' }, ...['debits', 'credits', 'difference'].map((title) => ({ title, align: right }))],
      currencies,
    ),
    formatTable(
      [{ title: '' }, { title: 'check' }, { title: 'compared', align: right }, { title: 'differences', align: right }],
      checks,
    ),
    `${formatCount(report.journals)} journals, ${formatCount(report.postings)} postings, ${formatCount(report.accounts)} accounts, ${formatCount(report.loans)} loans, ${formatCount(report.flags)} flags\n`,
    ...examples,
    report.differences === 0 ? 'clean\n' : `${formatCount(report.differences)} differences\n`,
  ].join('\n')
}
