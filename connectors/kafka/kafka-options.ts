import type { ConnectionOptions as TlsOptions } from 'node:tls'
import type { SASLOptions } from '@platformatic/kafka'

export type SaslOptions = {
  readonly mechanism: 'PLAIN' | 'SCRAM-SHA-256' | 'SCRAM-SHA-512'
  readonly username: string
  readonly password: string
}

export type KafkaOptions = {
  /** `host:port` of some brokers; the others are found through them. */
  readonly brokers: readonly string[]
  readonly clientId: string
  readonly tls?: TlsOptions
  readonly sasl?: SaslOptions
  readonly limits?: Partial<KafkaLimits>
}

/** Every wait, size and retry of the client. */
export type KafkaLimits = {
  readonly connectTimeoutMs: number
  /** One request on one connection. */
  readonly requestTimeoutMs: number
  /** A request with all its retries; then LOG_UNAVAILABLE. */
  readonly retryTimeoutMs: number
  /** Between two attempts: at first, and when it has failed for long. */
  readonly retryBackoffMs: number
  readonly retryBackoffMsMax: number
  /** How long a topic that nobody knows may be still on its way to the brokers, before TOPIC_MISSING. */
  readonly topicPropagationMs: number
  /** A broker holds a fetch so long when it has nothing; a partition that joins later waits no longer than that. */
  readonly fetchWaitMs: number
  readonly fetchBytesPerPartition: number
  readonly fetchBytes: number
  /** A batch is sent when it is so large, */
  readonly batchBytes: number
  /** or so old, or when a flush or commit wants it. */
  readonly lingerMs: number
  readonly produceRequestBytes: number
  /** The coordinator aborts a transaction that is open longer, and fences its producer. Java Streams: 10 s. */
  readonly transactionTimeoutMs: number
  /** After so long a member of a group ends the transactions of dead processes that keep offsets from being read. */
  readonly danglingTransactionMs: number
  /** What `send` accepts beyond `bufferBytesMax`, since one step may emit a lot before the runtime looks again. */
  readonly bufferOverrunBytesMax: number
  /** What closing may take for writing and aborting. */
  readonly closeTimeoutMs: number
  /** What closing may take for aborting the transaction of a producer that failed; until it times out otherwise. */
  readonly fenceTimeoutMs: number
  /** How long a commit waits for the member epoch that the coordinator already has. */
  readonly memberEpochWaitMs: number
}

export const KAFKA_LIMITS: KafkaLimits = {
  connectTimeoutMs: 5_000,
  requestTimeoutMs: 15_000,
  retryTimeoutMs: 30_000,
  retryBackoffMs: 10,
  retryBackoffMsMax: 1_000,
  topicPropagationMs: 5_000,
  fetchWaitMs: 250,
  fetchBytesPerPartition: 1024 * 1024,
  fetchBytes: 16 * 1024 * 1024,
  batchBytes: 256 * 1024,
  lingerMs: 5,
  produceRequestBytes: 8 * 1024 * 1024,
  transactionTimeoutMs: 10_000,
  danglingTransactionMs: 150,
  bufferOverrunBytesMax: 64 * 1024 * 1024,
  closeTimeoutMs: 5_000,
  fenceTimeoutMs: 1_000,
  memberEpochWaitMs: 3_000,
}

export function saslOf(sasl: SaslOptions): SASLOptions {
  return { mechanism: sasl.mechanism, username: sasl.username, password: sasl.password }
}
