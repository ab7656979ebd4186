import { StreamsError } from '#streams/base'
import type { Consumer, ConsumerOptions, Log, Producer, ProducerOptions } from '#streams/ports'
import { KafkaAdmin } from './admin.ts'
import { Cluster } from './cluster.ts'
import { KafkaConsumer } from './consumer.ts'
import type { KafkaOptions } from './kafka-options.ts'
import { type KafkaGroupMembership, KafkaMembership, type KafkaMembershipOptions } from './membership.ts'
import { KafkaOperations } from './operations.ts'
import { KafkaProducer } from './producer.ts'

export type KafkaLog = Log & {
  /** What only Kafka has: groups, brokers, settings. */
  readonly operations: KafkaOperations
  membership(options: KafkaMembershipOptions): KafkaGroupMembership
}

/**
 * Apache Kafka as the engine's log. LOG_UNAVAILABLE if no broker answers, LOG_REFUSED if they do not let us in. `onWarning`
 * is told of what the client had to mend.
 */
export async function createKafkaLog(options: KafkaOptions, onWarning?: (message: string) => void): Promise<KafkaLog> {
  const cluster = new Cluster(options, onWarning)
  try {
    await cluster.features()
    await cluster.refresh([])
  } catch (error) {
    await cluster.close()
    throw error
  }
  return new ConnectedLog(cluster)
}

class ConnectedLog implements KafkaLog {
  readonly admin: KafkaAdmin
  readonly operations: KafkaOperations
  readonly #cluster: Cluster
  readonly #clients = new Set<Consumer | Producer>()
  #closed = false

  constructor(cluster: Cluster) {
    this.#cluster = cluster
    this.admin = new KafkaAdmin(cluster)
    this.operations = new KafkaOperations(cluster)
  }

  membership(options: KafkaMembershipOptions): KafkaGroupMembership {
    this.#checkOpen()
    this.admin.actsAsMemberOf(options.group)
    return new KafkaMembership(this.#cluster, options)
  }

  async createConsumer(options: ConsumerOptions): Promise<Consumer> {
    this.#checkOpen()
    return this.#added(new KafkaConsumer(this.#cluster, options))
  }

  async createProducer(options: ProducerOptions): Promise<Producer> {
    this.#checkOpen()
    return this.#added(await KafkaProducer.create(this.#cluster, options))
  }

  async close(): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    await Promise.all([...this.#clients].map((client) => client.close()))
    await this.#cluster.close()
  }

  #added<T extends Consumer | Producer>(client: T): T {
    this.#clients.add(client)
    return client
  }

  #checkOpen(): void {
    if (this.#closed) throw new StreamsError('CLOSED', 'the log is closed')
  }
}
