import { appendFileSync, createReadStream } from 'node:fs'
import type { Readable } from 'node:stream'
import { Command, InvalidArgumentError, Option } from 'commander'
import { utf8Encode } from '#streams/base'
import type { Header, Producer } from '#streams/ports'
import { formatCount } from '../console/format.ts'
import { count, moment, positive } from '../console/options.ts'
import { createProgress, QUIET_MS } from '../console/progress.ts'
import { onStopSignals } from '../console/signals.ts'
import { fail } from '../fail.ts'
import { createAvroEncoding } from '../records/avro-values.ts'
import { LINE_BYTES_MAX, type Line, linesOf } from '../records/lines.ts'
import { createRecordParser } from '../records/parse-record.ts'
import {
  checkPartitions,
  describedTopic,
  openRecordLog,
  type RecordLog,
  type RecordLogOptions,
  recordLogOptions,
} from '../records/record-log.ts'
import { BUFFER_BYTES_MAX, type Sent, sendLines } from '../records/send-lines.ts'
import { onOneLine, VALUE_FORMATS, type ValueFormat } from '../records/value-format.ts'

type ProduceOptions = RecordLogOptions & {
  readonly format: ValueFormat | 'record'
  readonly keyFormat: ValueFormat
  readonly keySeparator?: string
  readonly null?: string
  readonly schema?: string
  readonly partition?: number
  readonly timestamp?: number
  readonly header?: readonly Header[]
  readonly create?: number
  readonly fromLine: number
  readonly rejects?: string
  readonly json?: true
}

export function produceCommand(): Command {
  const command = new Command('produce')
    .description('Puts records into a topic, one for each line of standard input or of a file.')
    .argument('<topic>', 'a topic that exists (or see --create)')
    .argument('[file]', 'a file of lines; default, and where it is -, standard input')
    .addOption(
      new Option('--format <format>', 'of values; record: each line is an object as mto consume --json prints it')
        .choices([...VALUE_FORMATS, 'record'])
        .default('text'),
    )
    .addOption(new Option('--key-format <format>', 'of keys').choices(VALUE_FORMATS).default('text'))
    .option('--key-separator <text>', 'what is between key and value; without it records have no key')
    .option('--schema <id|subject>', 'for avro; default: by the event_type of the value, else <topic>-value')
    .option('--partition <number>', "default: by the key, as Kafka's own clients do; without a key in turns", count)
    .option('--timestamp <time>', 'of each record: ISO 8601 or milliseconds since 1970; default: now', moment)
    .option('--header <name=value...>', 'of each record', addHeader)
    .option('--null <text>', 'a key or value that is written so is none (a tombstone)')
    .option('--create <partitions>', 'makes the topic with so many partitions where there is none', positive)
    .option('--from-line <number>', 'leaves out the lines before it', positive, 1)
    .option('--rejects <file>', 'lines that are no records go there as they are, and the others are sent')
    .option('--json', 'the result as data')
  return recordLogOptions(command)
    .addHelpText(
      'after',
      `
Examples:
  echo 'to be or not to be' | mto produce lines
  echo 'member-7|{"name":"Wanjiku","dailyLimitMinor":500000}' | mto produce members --format json --key-separator '|'
  mto produce sacco.fraud.rules rules.jsonl --format avro --key-separator ' '
  mto consume lines --json | mto produce lines-again --format record --create 3

A line that is no record (no key, no JSON, not of its schema) stops the work: everything before it is acknowledged, and
the message says with which line to go on. With --rejects it goes into that file and the next line is taken. Where
somebody types, it is only reported. Records are acknowledged in portions of what arrives, at most ${BUFFER_BYTES_MAX / 1024 / 1024} MiB; a line
has at most ${LINE_BYTES_MAX / 1024 / 1024} MiB, and a topic may allow less.

Exit code: 0 every line is a record in the topic, 1 not all are: the message says which.`,
    )
    .action(run)
}

function addHeader(text: string, before: readonly Header[] = []): readonly Header[] {
  const at = text.indexOf('=')
  if (at < 1) throw new InvalidArgumentError('Give name=value.')
  return [...before, { key: text.slice(0, at), value: utf8Encode(text.slice(at + 1)) }]
}

async function run(topic: string, file: string | undefined, options: ProduceOptions): Promise<void> {
  const progress = createProgress()
  try {
    const input = await inputOf(file)
    const recordLog = await openRecordLog(options, 'mto-produce', options.create !== undefined)
    try {
      await produce(recordLog, topic, input, options, progress)
    } finally {
      await recordLog.close()
    }
  } catch (error) {
    progress.clear()
    fail(error)
  }
}

async function inputOf(file: string | undefined): Promise<Readable> {
  if (file === undefined || file === '-') return process.stdin
  const stream = createReadStream(file)
  // Before anything is opened: a file that is not there must not make a topic.
  await new Promise((resolve, reject) => stream.once('open', resolve).once('error', reject))
  return stream
}

const BAD_LINES_SHOWN_MAX = 100

async function produce(
  recordLog: RecordLog,
  topic: string,
  input: Readable,
  options: ProduceOptions,
  progress: ReturnType<typeof createProgress>,
): Promise<void> {
  const { log } = recordLog
  if (options.create !== undefined) await log.admin.createTopics([{ name: topic, partitions: options.create }])
  const described = await describedTopic(recordLog, topic, '--create <partitions> makes it')
  checkPartitions(described, options.partition === undefined ? [] : [options.partition])
  const producer = await log.createProducer({ clientId: 'mto-produce', bufferBytesMax: BUFFER_BYTES_MAX })
  await producer.prepareTopics([topic])
  let isStopping = false
  onStopSignals(() => {
    isStopping = true
    input.destroy()
  })
  let reported = 0
  const startedMs = performance.now()
  const isTyped = 'isTTY' in input && input.isTTY === true
  const sent = await sendLines({
    producer,
    topic,
    partitions: described.partitions,
    lines: linesFrom(input, options.fromLine),
    parse: parserOf(recordLog, topic, options),
    nowMs: Date.now,
    firstPartition: Math.floor(Math.random() * described.partitions),
    isStopping: () => isStopping,
    onAcknowledged(records) {
      if (performance.now() - startedMs > QUIET_MS) progress.update(`${formatCount(records)} records acknowledged`)
    },
    onBadLine(line, reason) {
      if (options.rejects !== undefined) appendFileSync(options.rejects, Buffer.concat([line.bytes, Buffer.from('\n')]))
      if (reported++ < BAD_LINES_SHOWN_MAX) progress.note(`line ${line.number}: ${reason}${wholeLine(line, options)}`)
      return options.rejects === undefined && !isTyped ? 'stop' : 'go-on'
    },
  })
  progress.clear()
  report(topic, described.partitions, producer, sent, { ...options, isTyped, isInterrupted: isStopping && !isTyped })
  if (sent.failure === undefined) await producer.close()
}

async function* linesFrom(input: Readable, first: number): AsyncGenerator<readonly Line[]> {
  for await (const lines of linesOf(input)) {
    const wanted = first === 1 ? lines : lines.filter(({ number }) => number >= first)
    if (wanted.length > 0) yield wanted
  }
}

function parserOf({ log }: RecordLog, topic: string, options: ProduceOptions): ReturnType<typeof createRecordParser> {
  const bytesOf = (text: string | undefined) => (text === undefined ? undefined : utf8Encode(text))
  return createRecordParser({
    topic,
    format: options.format,
    keyFormat: options.keyFormat,
    keySeparator: bytesOf(options.keySeparator),
    nullText: bytesOf(options.null),
    headers: options.header ?? [],
    partition: options.partition,
    timestampMs: options.timestamp,
    schema: options.schema,
    avro: createAvroEncoding({ log, registryUrl: options.registry }),
  })
}

/** The line itself, whole: nothing of it may be lost. In the file of rejects it is whole already. */
function wholeLine({ bytes }: Line, { rejects }: ProduceOptions): string {
  return rejects === undefined ? `\n  ${onOneLine(Buffer.from(bytes).toString('utf8'))}` : ''
}

type Reported = ProduceOptions & { readonly isTyped: boolean; readonly isInterrupted: boolean }

function report(topic: string, partitions: number, producer: Producer, sent: Sent, options: Reported): void {
  const { acknowledged, bad, line, unknownUpTo, failure } = sent
  const offsets = Array.from({ length: partitions }, (_, partition) => ({
    partition,
    nextOffset: producer.producedOffset(topic, partition),
  })).filter(({ nextOffset }) => nextOffset !== undefined)
  if (options.json === true)
    process.stdout.write(`${JSON.stringify({ topic, acknowledged, rejected: bad, lastLine: line, offsets })}\n`)
  else process.stdout.write(`${formatCount(acknowledged)} ${acknowledged === 1 ? 'record' : 'records'} acknowledged\n`)
  const isStopped = bad > 0 && options.rejects === undefined && !options.isTyped
  if (bad > 0) process.exitCode = 1
  if (isStopped)
    process.stderr.write(
      `stopped before line ${line + 1}: mend it and go on with --from-line ${line + 1}, or give --rejects\n`,
    )
  else if (bad > 0) {
    const where = options.rejects === undefined ? 'were not sent' : `are in ${options.rejects}`
    process.stderr.write(`no records, so they ${where}: ${formatCount(bad)} ${bad === 1 ? 'line' : 'lines'}\n`)
  }
  if (unknownUpTo !== undefined)
    process.stderr.write(
      `lines ${line + 1} to ${unknownUpTo} were sent without an answer: they may be in the topic, or not\n`,
    )
  if (failure !== undefined) fail(failure)
  else if (options.isInterrupted) {
    process.stderr.write(`interrupted: all up to line ${line} is in the topic; --from-line ${line + 1} goes on\n`)
    process.exitCode = 1
  }
}
