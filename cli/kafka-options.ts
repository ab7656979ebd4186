import { readFileSync } from 'node:fs'
import { type Command, InvalidArgumentError, Option } from 'commander'
import type { KafkaOptions, SaslOptions } from '#connectors/kafka'
import { messageOf, StreamsError } from '#streams/base'

export type KafkaCommandOptions = {
  readonly kafka?: readonly string[]
  readonly kafkaTls?: true
  readonly kafkaTlsCa?: string
  readonly kafkaSasl?: SaslOptions['mechanism']
  readonly kafkaUser?: string
}

const MECHANISMS = ['PLAIN', 'SCRAM-SHA-256', 'SCRAM-SHA-512'] as const

/** Where Kafka is, and how to get in. The password comes through the environment: arguments are seen by others. */
export function kafkaOptions(command: Command): Command {
  return command
    .addOption(
      new Option('--kafka <brokers>', 'host:port of Apache Kafka brokers, separated by commas')
        .env('MTO_KAFKA')
        .argParser(brokersOf),
    )
    .option('--kafka-tls', "TLS to the brokers, checked against the system's authorities")
    .option('--kafka-tls-ca <file>', 'TLS to the brokers, checked against the authorities in this file (PEM)')
    .addOption(new Option('--kafka-sasl <mechanism>', 'how to log in').choices(MECHANISMS))
    .addOption(new Option('--kafka-user <name>', 'user; the password is in MTO_KAFKA_PASSWORD').env('MTO_KAFKA_USER'))
}

/** Undefined where no brokers are given. */
export function kafkaOptionsOf(options: KafkaCommandOptions): Omit<KafkaOptions, 'clientId'> | undefined {
  const { kafka, kafkaTls, kafkaTlsCa } = options
  if (kafka === undefined) return undefined
  const sasl = saslOf(options)
  const tls = kafkaTlsCa !== undefined ? { ca: readAuthority(kafkaTlsCa) } : kafkaTls === true ? {} : undefined
  return {
    brokers: kafka,
    ...(sasl === undefined ? {} : { sasl }),
    ...(tls === undefined ? {} : { tls }),
  }
}

/** For commands that work on Kafka only. */
export function requireKafka(options: KafkaCommandOptions): Omit<KafkaOptions, 'clientId'> {
  const found = kafkaOptionsOf(options)
  if (found === undefined)
    throw new StreamsError('CONFIG_INVALID', 'no broker is given: --kafka host:port, or MTO_KAFKA in the environment')
  return found
}

function saslOf({ kafkaSasl, kafkaUser }: KafkaCommandOptions): SaslOptions | undefined {
  const password = process.env.MTO_KAFKA_PASSWORD
  if (kafkaSasl === undefined && kafkaUser === undefined) return undefined
  if (kafkaUser === undefined || password === undefined)
    throw new StreamsError('CONFIG_INVALID', 'to log in, give --kafka-user and the password in MTO_KAFKA_PASSWORD')
  return { mechanism: kafkaSasl ?? 'SCRAM-SHA-512', username: kafkaUser, password }
}

function readAuthority(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch (error) {
    throw new StreamsError('CONFIG_INVALID', `--kafka-tls-ca: ${messageOf(error)}`, { cause: error })
  }
}

function brokersOf(text: string): readonly string[] {
  const brokers = text.split(',').map((each) => each.trim())
  if (brokers.some((each) => !/.+:\d+$/.test(each))) throw new InvalidArgumentError('Give host:port, host:port, …')
  return brokers
}
