import { basename } from 'node:path'
import { Command, InvalidArgumentError, Option } from 'commander'
import type { ApiServer } from '#api'
import {
  createConsoleLogger,
  type KafkaApplication,
  type LogLevel,
  startEmbeddedApplication,
  startKafkaApplication,
} from '#host'
import { messageOf } from '#streams/base'
import type { ProcessingGuarantee, StreamsOptions } from '#streams/runtime'
import { type AccessOptions, accessOf, accessOptions } from '../access.ts'
import { checkApplicationOwner, recordApplicationOwner } from '../application-owner.ts'
import { count, logLevelOption, portNumber, positive, threadCount } from '../console/options.ts'
import { fail } from '../fail.ts'
import { type KafkaCommandOptions, kafkaOptions, kafkaOptionsOf } from '../kafka-options.ts'
import { serveApi } from '../platform/serve-api.ts'

type RunOptions = {
  readonly data: string
  readonly applicationId?: string
  readonly threads: number
  readonly guarantee?: ProcessingGuarantee
  readonly commitIntervalMs?: number
  readonly logLevel: LogLevel
  readonly standbys?: number
  readonly standbyLagMax?: number
  readonly endpoint?: { readonly host: string; readonly port: number }
  readonly port?: number
} & KafkaCommandOptions &
  AccessOptions

const LONGEST_STOP_MS = 30_000

export function runCommand(): Command {
  const command = new Command('run')
    .description(
      'Runs a topology in this process, on the embedded log or on Apache Kafka. Ctrl-C stops it; the next start goes on there.',
    )
    .argument(
      '<module>',
      'a TypeScript or JavaScript module that exports `topology` (and may export `topics`, `config`)',
    )
    .option(
      '--data <directory>',
      'where log and state are kept (on Kafka: state); one process at a time',
      process.env.MTO_DATA_DIR ?? './data',
    )
    .option(
      '--application-id <id>',
      "names the consumer group, internal topics and state; default: the module's name, so give one where modules have the same",
    )
    .option('--threads <count>', 'stream threads', threadCount, 1)
    .addOption(new Option('--guarantee <guarantee>', 'of each record').choices(['exactly_once_v2', 'at_least_once']))
    .option('--commit-interval-ms <ms>', 'how often outputs, state and offsets are committed', positive)
    .addOption(logLevelOption('info'))
    .option('--standbys <count>', 'on Kafka: copies of the state of each task in other processes', count)
    .option(
      '--standby-lag-max <records>',
      'on Kafka: while nobody runs a task, a standby of it answers queries that is at most so far behind',
      count,
    )
    .option('--endpoint <host:port>', 'on Kafka: where this process answers queries of the others', endpointOf)
    .option('--port <port>', 'serves query API and dashboards there; without it there are none', portNumber)
  return accessOptions(kafkaOptions(command))
    .addHelpText(
      'after',
      `
Examples:
  mto run examples/word-count.ts --data ./data
  mto run my-topology.ts --threads 2 --commit-interval-ms 20
  mto run topologies/sacco/application.ts --port 8080 --auth users.json
  mto run my-topology.ts --kafka localhost:9092 --standbys 1     on Kafka, in as many processes as wanted

Exit code: 0 after a clean stop, 1 when the application failed (the message says why and what to do).`,
    )
    .action(run)
}

function endpointOf(text: string): { host: string; port: number } {
  const match = /^\[?([^\]]+?)\]?:(\d+)$/.exec(text)
  const port = Number(match?.[2])
  if (match?.[1] === undefined || port < 1 || port > 65_535) throw new InvalidArgumentError('Give host:port.')
  return { host: match[1], port }
}

async function run(module: string, options: RunOptions): Promise<void> {
  const logger = createConsoleLogger(options.logLevel)
  let application: KafkaApplication | undefined
  let api: ApiServer | undefined
  try {
    const access = accessOf(options)
    const settings: Partial<StreamsOptions> = {
      ...(options.guarantee === undefined ? {} : { processingGuarantee: options.guarantee }),
      ...(options.commitIntervalMs === undefined ? {} : { commitIntervalMs: options.commitIntervalMs }),
    }
    const start = {
      module,
      applicationId: options.applicationId ?? basename(module).replace(/\.[^.]*$/, ''),
      dataDirectory: options.data,
      threads: options.threads,
      options: settings,
      logLevel: options.logLevel,
      logger,
    }
    const claim = { ...start, isIdGiven: options.applicationId !== undefined }
    await checkApplicationOwner(claim)
    const kafka = kafkaOptionsOf(options)
    const group = options.standbys === undefined ? {} : { standbyReplicas: options.standbys }
    application = await (kafka === undefined
      ? startEmbeddedApplication(start)
      : startKafkaApplication({
          ...start,
          kafka,
          group,
          ...(options.endpoint === undefined ? {} : { userEndpoint: options.endpoint }),
          ...(options.standbyLagMax === undefined ? {} : { standbyLagMax: options.standbyLagMax }),
        }))
    stopOnSignals(application, () => api?.close())
    application.ready.then(
      () => {
        if (options.port === undefined) process.stdout.write('ready\n')
        recordApplicationOwner(claim).catch((error) =>
          logger.warn(`The owner of the application id is not noted: ${messageOf(error)}`),
        )
      },
      () => {},
    )
    if (options.port !== undefined) {
      await application.ready
      api = await serveApi({ application, applicationId: start.applicationId, port: options.port, access, logger })
      process.stdout.write(`ready ${api.url}\n`)
    }
    await application.finished
    process.stdout.write('stopped\n')
  } catch (error) {
    fail(error)
    await api?.close()
    await application?.stop().catch(() => undefined)
  }
}

/** The first signal stops cleanly; a second one, or a stop that takes too long, ends the process at once. */
function stopOnSignals(application: KafkaApplication, closeApi: () => Promise<void> | undefined): void {
  let asked = false
  const onSignal = (signal: NodeJS.Signals): void => {
    if (asked) process.exit(1)
    asked = true
    process.stderr.write(`${signal}: stopping (again to end at once; nothing committed is lost either way)\n`)
    setTimeout(() => process.exit(1), LONGEST_STOP_MS).unref()
    // Nobody asks what is gone.
    Promise.resolve(closeApi())
      .catch(() => {})
      .then(() => application.stop())
      .catch(() => {})
  }
  process.on('SIGINT', onSignal)
  process.on('SIGTERM', onSignal)
}
