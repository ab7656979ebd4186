import { type API, apiVersionsV4, findCoordinatorV4, metadataV12 } from '@platformatic/kafka'
import { StreamsError } from '#streams/base'
import { addressOf, type BrokerAddress, Connections } from './connections.ts'
import { check, hasErrorCode, KAFKA_ERROR, KafkaError, kafkaError } from './kafka-errors.ts'
import { KAFKA_LIMITS, type KafkaLimits, type KafkaOptions } from './kafka-options.ts'
import { withRetries } from './retry.ts'

export type TopicMetadata = {
  readonly name: string
  readonly isInternal: boolean
  /** The leader's node per partition; -1 while there is none. */
  readonly leaders: readonly number[]
}

export type CoordinatorKind = 'group' | 'transaction'

export type BrokerFeatures = {
  /** Highest version per API key. */
  readonly versions: ReadonlyMap<number, number>
  /** Finalised level per feature: `transaction.version`, `streams.version`, … */
  readonly features: ReadonlyMap<string, number>
}

const CLIENT_SOFTWARE = ['mto', '0.1'] as const

/**
 * What is known of the brokers: addresses, leaders, coordinators, features. Shared by all clients of a log; each brings
 * its own connections. Nothing in here is true for ever: whoever is told that it is out of date asks again.
 */
export class Cluster {
  readonly options: KafkaOptions
  readonly limits: KafkaLimits
  /** Tells people of what had to be mended. */
  readonly warn: (message: string) => void
  /** For questions about the cluster itself, and for administration. */
  readonly connections: Connections
  readonly #seeds: readonly BrokerAddress[]
  readonly #unreachable = new Set<string>()
  readonly #brokers = new Map<number, BrokerAddress>()
  readonly #topics = new Map<string, TopicMetadata>()
  readonly #coordinators = new Map<string, BrokerAddress>()
  #controllerId = -1
  #features: Promise<BrokerFeatures> | undefined
  #turn = 0

  constructor(options: KafkaOptions, warn: (message: string) => void = () => {}) {
    this.options = options
    this.warn = warn
    this.limits = { ...KAFKA_LIMITS, ...options.limits }
    this.connections = this.newConnections(options.clientId)
    this.#seeds = options.brokers.map(parseBroker)
    if (this.#seeds.length === 0)
      throw new StreamsError('CONFIG_INVALID', 'no broker is given: host:port of at least one')
  }

  newConnections(clientId: string): Connections {
    return new Connections(clientId, this.options, this.limits, this.#unreachable)
  }

  get brokers(): ReadonlyMap<number, BrokerAddress> {
    return this.#brokers
  }

  /**
   * Known brokers in turn, and those that were given at the start among them: all known ones may have moved. Who could not
   * be reached is not asked while there are others.
   */
  anyBroker(): BrokerAddress {
    const all = [...this.#brokers.values(), ...this.#seeds]
    for (let tried = 0; tried < all.length; tried++) {
      const broker = all[this.#turn++ % all.length] as BrokerAddress
      if (!this.#unreachable.has(addressOf(broker))) return broker
    }
    return all[this.#turn++ % all.length] as BrokerAddress
  }

  broker(nodeId: number): BrokerAddress {
    const broker = this.#brokers.get(nodeId)
    if (broker === undefined)
      throw new KafkaError(`broker ${nodeId} is not known`, KAFKA_ERROR.leaderNotAvailable, true)
    return broker
  }

  controller(): BrokerAddress {
    return this.#brokers.get(this.#controllerId) ?? this.anyBroker()
  }

  /** Asks any broker; another one at each retry. */
  ask<Arguments extends unknown[], Response>(
    what: string,
    api: API<Arguments, Response>,
    ...args: Arguments
  ): Promise<Response> {
    return withRetries({ limits: this.limits, what }, () => this.connections.call(this.anyBroker(), api, ...args))
  }

  // Topics ---------------------------------------------------------------------------------------------------------

  topic(name: string): TopicMetadata | undefined {
    return this.#topics.get(name)
  }

  /** Asks again about topics (all of them if not told which); returns those that exist. */
  async refresh(names?: readonly string[]): Promise<readonly TopicMetadata[]> {
    const response = await this.ask(
      'asking for metadata',
      metadataV12.api,
      names === undefined ? null : [...new Set(names)],
      false,
      false,
    )
    this.#brokers.clear()
    for (const { nodeId, host, port } of response.brokers) this.#brokers.set(nodeId, { host, port })
    this.#controllerId = response.controllerId
    const found: TopicMetadata[] = []
    for (const { name, errorCode, isInternal, partitions } of response.topics) {
      if (name === null || name === undefined) continue
      if (errorCode === KAFKA_ERROR.unknownTopicOrPartition || errorCode === KAFKA_ERROR.unknownTopicId) {
        this.#topics.delete(name)
        continue
      }
      if (errorCode !== KAFKA_ERROR.leaderNotAvailable) check(errorCode, `metadata of topic ${name}`)
      const leaders = new Array<number>(partitions.length).fill(-1)
      for (const { partitionIndex, leaderId } of partitions) leaders[partitionIndex] = leaderId
      const topic = { name, isInternal, leaders }
      this.#topics.set(name, topic)
      found.push(topic)
    }
    return found
  }

  /** Makes sure that topics are known; returns the names of those that do not exist. */
  async load(names: readonly string[]): Promise<readonly string[]> {
    const unknown = names.filter((name) => !this.#topics.has(name))
    if (unknown.length === 0) return []
    const found = new Set((await this.refresh(unknown)).map(({ name }) => name))
    return unknown.filter((name) => !found.has(name))
  }

  /** The leader of a partition as known; KafkaError to be retried after a `refresh` where there is none. */
  leader(topic: string, partition: number): number {
    const leaders = this.#topics.get(topic)?.leaders
    if (leaders === undefined) throw kafkaError(KAFKA_ERROR.unknownTopicOrPartition, `topic ${topic}`)
    const leader = leaders[partition]
    if (leader === undefined) throw kafkaError(KAFKA_ERROR.unknownTopicOrPartition, `partition ${topic}-${partition}`)
    if (leader < 0 || !this.#brokers.has(leader))
      throw kafkaError(KAFKA_ERROR.leaderNotAvailable, `partition ${topic}-${partition}`)
    return leader
  }

  // Coordinators ---------------------------------------------------------------------------------------------------

  /** The broker that coordinates a group or a transactional id; one question, to be retried by the caller. */
  async coordinator(kind: CoordinatorKind, key: string): Promise<BrokerAddress> {
    const name = `${kind}/${key}`
    const known = this.#coordinators.get(name)
    if (known !== undefined) return known
    const keyType = kind === 'group' ? 0 : 1
    const response = await this.connections.call(this.anyBroker(), findCoordinatorV4.api, keyType, [key])
    const found = response.coordinators[0]
    if (found === undefined) throw kafkaError(KAFKA_ERROR.coordinatorNotAvailable, `coordinator of ${kind} ${key}`)
    check(found.errorCode, `coordinator of ${kind} ${key}`, found.errorMessage)
    const address = { host: found.host, port: found.port }
    this.#coordinators.set(name, address)
    return address
  }

  forgetCoordinator(kind: CoordinatorKind, key: string): void {
    this.#coordinators.delete(`${kind}/${key}`)
  }

  /** A request to a coordinator, with retries; `request` sends it and checks the answer. */
  async atCoordinator<T>(
    target: {
      readonly kind: CoordinatorKind
      readonly key: string
      readonly what: string
      readonly timeoutMs?: number
      readonly beforeRetry?: (error: KafkaError) => Promise<void>
    },
    request: (coordinator: BrokerAddress) => Promise<T>,
  ): Promise<T> {
    const { kind, key, what, timeoutMs, beforeRetry } = target
    return withRetries(
      {
        limits: this.limits,
        what,
        ...(timeoutMs === undefined ? {} : { timeoutMs }),
        beforeRetry: async (error) => {
          if (!hasErrorCode(error, KAFKA_ERROR.concurrentTransactions, KAFKA_ERROR.unstableOffsetCommit))
            this.forgetCoordinator(kind, key)
          await beforeRetry?.(error)
        },
      },
      async () => request(await this.coordinator(kind, key)),
    )
  }

  // Features -------------------------------------------------------------------------------------------------------

  features(): Promise<BrokerFeatures> {
    this.#features ??= this.#askFeatures().catch((error: unknown) => {
      this.#features = undefined
      throw error
    })
    return this.#features
  }

  async #askFeatures(): Promise<BrokerFeatures> {
    const { apiKeys, finalizedFeatures } = await this.ask(
      'asking for the versions of the broker',
      apiVersionsV4.api,
      ...CLIENT_SOFTWARE,
    )
    return {
      versions: new Map(apiKeys.map(({ apiKey, maxVersion }) => [apiKey, maxVersion])),
      features: new Map((finalizedFeatures ?? []).map(({ name, maxVersionLevel }) => [name, maxVersionLevel])),
    }
  }

  close(): Promise<void> {
    return this.connections.close()
  }
}

function parseBroker(text: string): BrokerAddress {
  const match = /^\[?([^\]]+?)\]?:(\d+)$/.exec(text.trim())
  const port = Number(match?.[2])
  if (match?.[1] === undefined || port < 1 || port > 65_535)
    throw new StreamsError('CONFIG_INVALID', `'${text}' is no broker: give host:port, such as localhost:9092`)
  return { host: match[1], port }
}
