import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { Command, InvalidArgumentError, Option } from 'commander'
import { connectDataLog, type DataLog } from '#host'
import type { IsolationLevel, Log, TopicDescription } from '#streams/ports'
import { formatCount } from '../console/format.ts'
import { count, positive } from '../console/options.ts'
import { createProgress, type Progress, QUIET_MS } from '../console/progress.ts'
import { onStopSignals } from '../console/signals.ts'
import { fail } from '../fail.ts'
import { createAvroEncoding } from '../records/avro-values.ts'
import { type From, fromOf, type Range, rangesOf } from '../records/positions.ts'
import { createRecordPrinter } from '../records/print-record.ts'
import { readRecords } from '../records/read-records.ts'
import {
  checkPartitions,
  describedTopic,
  openRecordLog,
  type RecordLog,
  type RecordLogOptions,
  recordLogOptions,
} from '../records/record-log.ts'
import { VALUE_FORMATS, type ValueFormat } from '../records/value-format.ts'

type ConsumeOptions = RecordLogOptions & {
  readonly from: From
  readonly partition?: readonly number[]
  readonly max?: number
  readonly follow?: true
  readonly timeout?: number
  readonly isolation: 'read-committed' | 'read-uncommitted'
  readonly format: ValueFormat | 'auto'
  readonly keyFormat: ValueFormat | 'auto'
  readonly json?: true
}

export function consumeCommand(): Command {
  const command = new Command('consume')
    .description('Shows the records of a topic: partition@offset, time, key, value, headers. It commits nothing.')
    .argument('<topic>')
    .option(
      '--from <position>',
      'beginning, end, offset:<number>, last:<number> (of each partition) or time:<ISO date or milliseconds>',
      fromOf,
      { kind: 'beginning' },
    )
    .option('--partition <numbers>', 'only these, separated by commas', partitionsOf)
    .option('--max <records>', 'ends after so many', positive)
    .option('--follow', 'goes on with what comes, until Ctrl-C or --max')
    .option(
      '--timeout <seconds>',
      'with --follow: ends after so long; exit code 1 where --max is not reached',
      positive,
    )
    .addOption(
      new Option(
        '--isolation <level>',
        'read-uncommitted shows records of open and aborted transactions too (on Kafka)',
      )
        .choices(['read-committed', 'read-uncommitted'])
        .default('read-committed'),
    )
    .addOption(
      new Option('--format <format>', 'of values; auto: Avro of a known schema, JSON, text, or else hexadecimal')
        .choices(['auto', ...VALUE_FORMATS])
        .default('auto'),
    )
    .addOption(new Option('--key-format <format>', 'of keys').choices(['auto', ...VALUE_FORMATS]).default('auto'))
    .option('--json', 'an object on each line, for jq and for mto produce --format record')
  return recordLogOptions(command)
    .addHelpText(
      'after',
      `
Examples:
  mto consume counts --format int64
  mto consume limit-alerts --follow
  mto consume transactions --from time:2026-11-20 --max 10 --json | jq .value.amountMinor
  mto consume sacco.fraud.alerts --from last:5 --kafka localhost:9092

Without --follow it reads to what is the end when it starts. Records of a partition come in their order; between
partitions there is none. Control characters are escaped. With --follow it outlives the application: when that is
started again, it goes on where it was.

Exit code: 0, or 1 when it failed, was interrupted before the end, or --timeout came before --max.`,
    )
    .action(run)
}

function partitionsOf(text: string): readonly number[] {
  const numbers = text.split(',').map((each) => count(each))
  if (new Set(numbers).size !== numbers.length) throw new InvalidArgumentError('Name each partition once.')
  return numbers
}

async function run(topic: string, options: ConsumeOptions): Promise<void> {
  const progress = createProgress()
  try {
    const recordLog = await openRecordLog(options, 'mto-consume')
    try {
      await consume(recordLog, topic, options, progress)
    } finally {
      await recordLog.close()
    }
  } catch (error) {
    progress.clear()
    fail(error)
  }
}

async function consume(
  recordLog: RecordLog,
  topic: string,
  options: ConsumeOptions,
  progress: Progress,
): Promise<void> {
  const { log } = recordLog
  const described = await describedTopic(recordLog, topic, 'mto topics has all of them')
  checkPartitions(described, options.partition ?? [])
  const isolation: IsolationLevel = options.isolation === 'read-committed' ? 'read_committed' : 'read_uncommitted'
  const ranges = await rangesOf(log, wantedPartitions(described, options), options.from, isolation)
  const avro = createAvroEncoding({ log, registryUrl: options.registry })
  const printer = createRecordPrinter({
    keyFormat: options.keyFormat,
    valueFormat: options.format,
    json: options.json === true,
    avro,
  })
  const follows = options.follow === true
  const ending = endOf(options)
  const output = createOutput(() => ending.end('closed'))
  const reopening = { data: recordLog.data, progress, signal: ending.signal, directory: options.data }
  if (follows) tellWhoOwns(recordLog, progress)
  let lines = ''
  const startedMs = performance.now()
  const { records } = await readRecords(log, {
    ranges,
    isolation,
    follows,
    max: options.max ?? Number.POSITIVE_INFINITY,
    signal: ending.signal,
    prepare: (batch) => avro.load(batch.flatMap(({ key, value }) => [key, value])),
    onRecord(record, batch) {
      lines += printer.print(record, batch)
    },
    async onPolled(done) {
      const ready = lines
      lines = ''
      await output.write(ready)
      if (!follows && !process.stdout.isTTY && performance.now() - startedMs > QUIET_MS)
        progress.update(`${formatCount(done)} records`)
    },
    ...(reopening.data === undefined ? {} : { reopen: () => nextOwner(reopening) }),
  }).finally(() => reopening.data?.close())
  progress.clear()
  summarise(records, printer.unreadable, ranges, { ...options, reason: ending.reason() })
}

function wantedPartitions({ name, partitions }: TopicDescription, { partition }: ConsumeOptions) {
  const wanted = partition ?? Array.from({ length: partitions }, (_, index) => index)
  return wanted.map((each) => ({ topic: name, partition: each }))
}

type Reason = 'interrupted' | 'closed' | 'timeout'

/** What ends it from outside: a signal, a reader of the output that has gone, the time. */
function endOf({ timeout, follow }: ConsumeOptions) {
  const controller = new AbortController()
  let reason: Reason | undefined
  const end = (why: Reason): void => {
    reason ??= why
    controller.abort()
  }
  onStopSignals(() => end('interrupted'))
  if (timeout !== undefined && follow === true) setTimeout(() => end('timeout'), timeout * 1_000).unref()
  return { signal: controller.signal, end, reason: () => reason }
}

/** Waits for a slow reader of standard output; one that has gone (`| head`) ends the work. */
function createOutput(onClosed: () => void): { write(text: string): Promise<void> } {
  const { stdout } = process
  let isGone = false
  const gone = Promise.withResolvers<void>()
  stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error
    isGone = true
    gone.resolve()
    onClosed()
  })
  return {
    async write(text) {
      if (text === '' || isGone || stdout.write(text)) return
      await Promise.race([once(stdout, 'drain'), gone.promise])
    },
  }
}

function tellWhoOwns({ data }: RecordLog, progress: Progress): void {
  if (data === undefined || data.ownerProcess !== undefined) return
  progress.note(
    'no application runs on this directory: until this command ends, mto produce goes through it, and mto run is refused',
  )
}

type Reopening = {
  data: DataLog | undefined
  readonly directory: string
  readonly signal: AbortSignal
  readonly progress: Progress
}

const REOPEN_MS = 300

/** Never takes the directory itself: the application could not be started again then. */
async function nextOwner(reopening: Reopening): Promise<Log | undefined> {
  const { data, directory, signal, progress } = reopening
  progress.note(
    `process ${data?.ownerProcess}, which ran on ${directory}, has ended; waiting for the next one (Ctrl-C ends)`,
  )
  await data?.close()
  while (!signal.aborted) {
    const next = await connectDataLog(directory)
    if (next !== undefined) {
      reopening.data = next
      return next.log
    }
    await sleep(REOPEN_MS, undefined, { signal }).catch(() => undefined)
  }
  return undefined
}

type Summarised = ConsumeOptions & { readonly reason: Reason | undefined }

function summarise(records: number, unreadable: number, ranges: readonly Range[], options: Summarised): void {
  const { follow, max, reason, format, keyFormat } = options
  if (unreadable > 0)
    process.stderr.write(
      `${formatCount(unreadable)} keys or values are not ${[keyFormat, format].filter((each) => each !== 'auto').join(' or ')}, and are shown in hexadecimal\n`,
    )
  if (reason === 'closed') return
  const isShort =
    reason === 'timeout' ? max !== undefined && records < max : reason === 'interrupted' && follow !== true
  if (isShort) process.exitCode = 1
  const counted = (number: number, what: string): string => `${formatCount(number)} ${what}${number === 1 ? '' : 's'}`
  const why = isShort ? `, ${reason}` : ''
  process.stderr.write(`${counted(records, 'record')} of ${counted(ranges.length, 'partition')}${why}\n`)
}
