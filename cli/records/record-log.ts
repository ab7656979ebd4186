import { access } from 'node:fs/promises'
import { join } from 'node:path'
import type { Command } from 'commander'
import { createKafkaLog } from '#connectors/kafka'
import { createConsoleLogger, type DataLog, type LogLevel, openDataLog } from '#host'
import { StreamsError } from '#streams/base'
import type { Log, TopicDescription } from '#streams/ports'
import { DATA_DIRECTORY_DEFAULT, logLevelOption } from '../console/options.ts'
import { type KafkaCommandOptions, kafkaOptions, kafkaOptionsOf } from '../kafka-options.ts'
import { someOf } from './avro-values.ts'

/** Commands that read or write single topics, on the embedded log or on Kafka. */
export type RecordLogOptions = KafkaCommandOptions & {
  readonly data: string
  readonly registry?: string
  readonly logLevel: LogLevel
}

export function recordLogOptions(command: Command): Command {
  command
    .option(
      '--data <directory>',
      'data directory of the embedded log (environment: MTO_DATA_DIR); an application may be running on it',
      DATA_DIRECTORY_DEFAULT,
    )
    .option('--registry <url>', 'a schema registry for Avro; default: the registry that keeps its schemas on the log')
    .addOption(logLevelOption('error'))
  return kafkaOptions(command)
}

/** `place` is for messages; the log is reached through its owner where another process has the directory. */
export type RecordLog = { readonly log: Log; readonly place: string; readonly data?: DataLog; close(): Promise<void> }

export async function openRecordLog(
  options: RecordLogOptions,
  clientId: string,
  mayCreate = false,
): Promise<RecordLog> {
  const kafka = kafkaOptionsOf(options)
  if (kafka !== undefined) {
    const log = await createKafkaLog({ ...kafka, clientId })
    return { log, place: kafka.brokers.join(','), close: () => log.close() }
  }
  const place = options.data
  if (!mayCreate) {
    await access(join(place, 'log')).catch(() => {
      throw new StreamsError(
        'CONFIG_INVALID',
        `there is no log in ${place}: name the directory of mto run or mto demo with --data (environment: MTO_DATA_DIR), or brokers with --kafka`,
      )
    })
  }
  const data = await openDataLog({ dataDirectory: place, logger: createConsoleLogger(options.logLevel) })
  return { log: data.log, place, data, close: () => data.close() }
}

export async function describedTopic(
  { log, place }: RecordLog,
  topic: string,
  hint: string,
): Promise<TopicDescription> {
  const found = (await log.admin.describeTopics([topic])).get(topic)
  if (found !== undefined) return found
  const names = (await log.admin.listTopics()).filter((name) => !/-(changelog|repartition)$/.test(name))
  throw new StreamsError(
    'TOPIC_MISSING',
    `there is no topic ${topic} in ${place}; there are: ${someOf(names)}. ${hint}`,
  )
}

export function checkPartitions({ name, partitions }: TopicDescription, asked: readonly number[]): void {
  const wrong = asked.find((partition) => partition >= partitions)
  if (wrong === undefined) return
  throw new StreamsError('CONFIG_INVALID', `topic ${name} has no partition ${wrong}: it has 0 to ${partitions - 1}`)
}
