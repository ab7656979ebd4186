import {
  createTopicsV7,
  deleteGroupsV2,
  deleteRecordsV2,
  deleteTopicsV6,
  describeConfigsV4,
  listGroupsV5,
  listOffsetsV7,
} from '@platformatic/kafka'
import { StreamsError } from '#streams/base'
import type {
  CommittedOffset,
  IsolationLevel,
  LogAdmin,
  PartitionOffset,
  TopicDescription,
  TopicPartition,
  TopicSpec,
} from '#streams/ports'
import type { Cluster } from './cluster.ts'
import { check, KAFKA_ERROR, kafkaError } from './kafka-errors.ts'
import { releaseHeldBack } from './lost-markers.ts'
import { commitGroupOffsets, fetchGroupOffsets } from './offsets.ts'
import { withRetries } from './retry.ts'
import { configOf, settingsOf, TOPIC_SETTING_NAMES } from './topic-settings.ts'

const TOPIC_RESOURCE = 2
const EARLIEST = -2n
const LATEST = -1n
const BROKER_DEFAULT = -1

type AskedOffset = TopicPartition & { readonly timestamp: bigint }

export class KafkaAdmin implements LogAdmin {
  readonly #cluster: Cluster
  /** The group that this log's owner is a member of. */
  #memberOf: string | undefined

  constructor(cluster: Cluster) {
    this.#cluster = cluster
  }

  /** Reading the offsets of this group may end transactions that its dead processes have left open. */
  actsAsMemberOf(group: string): void {
    this.#memberOf = group
  }

  // Topics ---------------------------------------------------------------------------------------------------------

  async createTopics(specs: readonly TopicSpec[]): Promise<void> {
    if (specs.length === 0) return
    await this.#checkPartitions(specs, await this.#cluster.refresh(specs.map(({ name }) => name)))
    const missing = specs.filter(({ name }) => this.#cluster.topic(name) === undefined)
    if (missing.length > 0) await this.#create(missing)
    await this.#awaitLeaders(specs)
  }

  async #checkPartitions(
    specs: readonly TopicSpec[],
    known: readonly { readonly name: string; readonly leaders: readonly number[] }[],
  ): Promise<void> {
    for (const { name, partitions } of specs) {
      const found = known.find((topic) => topic.name === name)
      if (found === undefined || found.leaders.length === partitions) continue
      throw new StreamsError(
        'TOPIC_MISMATCH',
        `topic ${name} has ${found.leaders.length} partitions, not ${partitions}; delete it, or use another number`,
      )
    }
  }

  async #create(specs: readonly TopicSpec[]): Promise<void> {
    const topics = specs.map(({ name, partitions, replicationFactor, config }) => ({
      name,
      numPartitions: partitions,
      replicationFactor: replicationFactor ?? BROKER_DEFAULT,
      assignments: [],
      configs: config === undefined ? [] : [...settingsOf(config)],
    }))
    const { limits } = this.#cluster
    await this.#atController('creating topics', async (controller) => {
      const response = await this.#cluster.connections.call(
        controller,
        createTopicsV7.api,
        topics,
        limits.requestTimeoutMs,
        false,
      )
      for (const { name, errorCode, errorMessage } of response.topics)
        if (errorCode !== KAFKA_ERROR.topicAlreadyExists) check(errorCode, `creating topic ${name}`, errorMessage)
    })
  }

  /** Created is not yet usable: every partition must have a leader that the brokers know. */
  async #awaitLeaders(specs: readonly TopicSpec[]): Promise<void> {
    const names = specs.map(({ name }) => name)
    const what = `waiting for the leaders of ${names.join(', ')}`
    await withRetries({ limits: this.#cluster.limits, what }, async () => {
      const found = await this.#cluster.refresh(names)
      await this.#checkPartitions(specs, found)
      for (const { name, partitions } of specs)
        for (let partition = 0; partition < partitions; partition++) this.#cluster.leader(name, partition)
    })
  }

  async deleteTopics(names: readonly string[]): Promise<void> {
    if (names.length === 0) return
    const { limits } = this.#cluster
    await this.#atController('deleting topics', async (controller) => {
      const response = await this.#cluster.connections.call(
        controller,
        deleteTopicsV6.api,
        names.map((name) => ({ name, topicId: null })),
        limits.requestTimeoutMs,
      )
      for (const { name, errorCode, errorMessage } of response.responses)
        if (errorCode !== KAFKA_ERROR.unknownTopicOrPartition) check(errorCode, `deleting topic ${name}`, errorMessage)
    })
    await withRetries({ limits, what: 'waiting until topics are deleted' }, async () => {
      const left = await this.#cluster.refresh(names)
      if (left.length > 0) throw kafkaError(KAFKA_ERROR.leaderNotAvailable, `topic ${left[0]?.name} is still there`)
    })
  }

  async describeTopics(names: readonly string[]): Promise<ReadonlyMap<string, TopicDescription>> {
    if (names.length === 0) return new Map()
    const found = await this.#cluster.refresh(names)
    if (found.length === 0) return new Map()
    const response = await this.#cluster.ask(
      'asking for the settings of topics',
      describeConfigsV4.api,
      found.map(({ name }) => ({
        resourceType: TOPIC_RESOURCE,
        resourceName: name,
        configurationKeys: [...TOPIC_SETTING_NAMES],
      })),
      false,
      false,
    )
    const configs = new Map(response.results.map((result) => [result.resourceName, configOf(result.configs)]))
    return new Map(
      found.map(({ name, leaders }) => [name, { name, partitions: leaders.length, config: configs.get(name) ?? {} }]),
    )
  }

  async listTopics(): Promise<readonly string[]> {
    return (await this.#cluster.refresh()).filter(({ isInternal }) => !isInternal).map(({ name }) => name)
  }

  #atController(
    what: string,
    attempt: (controller: ReturnType<Cluster['controller']>) => Promise<void>,
  ): Promise<void> {
    return withRetries(
      {
        limits: this.#cluster.limits,
        what,
        beforeRetry: async () => {
          await this.#cluster.refresh([])
        },
      },
      () => attempt(this.#cluster.controller()),
    )
  }

  // Offsets --------------------------------------------------------------------------------------------------------

  startOffsets(partitions: readonly TopicPartition[]): Promise<readonly PartitionOffset[]> {
    return this.#listOffsets(at(partitions, EARLIEST), 'read_uncommitted')
  }

  endOffsets(
    partitions: readonly TopicPartition[],
    isolation: IsolationLevel = 'read_committed',
  ): Promise<readonly PartitionOffset[]> {
    return this.#listOffsets(at(partitions, LATEST), isolation)
  }

  async offsetsForTimes(
    partitions: readonly (TopicPartition & { readonly timestampMs: number })[],
  ): Promise<readonly PartitionOffset[]> {
    const asked = partitions.map(({ topic, partition, timestampMs }) => ({
      topic,
      partition,
      timestamp: BigInt(Math.max(0, timestampMs)),
    }))
    const [found, ends] = await Promise.all([this.#listOffsets(asked, 'read_committed'), this.endOffsets(partitions)])
    return found.map((each, index) => (each.offset >= 0 ? each : (ends[index] as PartitionOffset)))
  }

  /** In the order in which they were asked for. */
  async #listOffsets(asked: readonly AskedOffset[], isolation: IsolationLevel): Promise<readonly PartitionOffset[]> {
    const offsets = new Map<string, number>()
    await this.#atLeaders('asking for offsets', asked, async (leader, list) => {
      const topics = [...Map.groupBy(list, ({ topic }) => topic)].map(([name, partitions]) => ({
        name,
        partitions: partitions.map(({ partition, timestamp }) => ({
          partitionIndex: partition,
          currentLeaderEpoch: -1,
          timestamp,
        })),
      }))
      const response = await this.#cluster.connections.call(
        this.#cluster.broker(leader),
        listOffsetsV7.api,
        -1,
        isolation === 'read_committed' ? 1 : 0,
        topics,
      )
      for (const { name, partitions } of response.topics) {
        for (const { partitionIndex, errorCode, offset } of partitions) {
          check(errorCode, `offsets of ${name}-${partitionIndex}`)
          offsets.set(`${name}-${partitionIndex}`, Number(offset))
        }
      }
    })
    return asked.map(({ topic, partition }) => ({
      topic,
      partition,
      offset: offsets.get(`${topic}-${partition}`) ?? -1,
    }))
  }

  /** Each leader is asked for its own partitions, until all have answered. */
  async #atLeaders<T extends TopicPartition>(
    what: string,
    partitions: readonly T[],
    ask: (leader: number, list: readonly T[]) => Promise<void>,
  ): Promise<void> {
    if (partitions.length === 0) return
    const names = [...new Set(partitions.map(({ topic }) => topic))]
    await this.#cluster.load(names)
    const { limits } = this.#cluster
    const unknownSinceMs = performance.now()
    await withRetries(
      {
        limits,
        what,
        beforeRetry: async (error) => {
          const isUnknown = error.errorCode === KAFKA_ERROR.unknownTopicOrPartition
          if (isUnknown && performance.now() - unknownSinceMs > limits.topicPropagationMs)
            throw new StreamsError('LOG_REFUSED', `no broker knows it: ${error.message}`, { cause: error })
          await this.#cluster.refresh(names)
        },
      },
      async () => {
        const byLeader = Map.groupBy(partitions, ({ topic, partition }) => this.#cluster.leader(topic, partition))
        await Promise.all([...byLeader].map(([leader, list]) => ask(leader, list)))
      },
    )
  }

  async deleteRecords(before: readonly PartitionOffset[]): Promise<void> {
    const { limits } = this.#cluster
    await this.#atLeaders('deleting records', before, async (leader, list) => {
      const topics = [...Map.groupBy(list, ({ topic }) => topic)].map(([name, partitions]) => ({
        name,
        partitions: partitions.map(({ partition, offset }) => ({ partitionIndex: partition, offset: BigInt(offset) })),
      }))
      const response = await this.#cluster.connections.call(
        this.#cluster.broker(leader),
        deleteRecordsV2.api,
        topics,
        limits.requestTimeoutMs,
      )
      for (const { name, partitions } of response.topics)
        for (const { partitionIndex, errorCode } of partitions)
          check(errorCode, `deleting records of ${name}-${partitionIndex}`)
    })
  }

  // Groups ---------------------------------------------------------------------------------------------------------

  async listGroups(): Promise<readonly string[]> {
    await this.#cluster.refresh([])
    const lists = await Promise.all(
      [...this.#cluster.brokers.values()].map((broker) =>
        withRetries({ limits: this.#cluster.limits, what: 'listing groups' }, async () => {
          const response = await this.#cluster.connections.call(broker, listGroupsV5.api, [], [])
          check(response.errorCode, 'listing groups')
          return response.groups.map(({ groupId }) => groupId)
        }),
      ),
    )
    return lists.flat()
  }

  releaseHeldBack(partition: TopicPartition): Promise<string> {
    return releaseHeldBack(this.#cluster, this.#memberOf, partition)
  }

  committedOffsets(group: string, partitions?: readonly TopicPartition[]): Promise<readonly CommittedOffset[]> {
    return fetchGroupOffsets(this.#cluster, group, partitions, group === this.#memberOf)
  }

  alterCommittedOffsets(group: string, offsets: readonly CommittedOffset[]): Promise<void> {
    return commitGroupOffsets(this.#cluster, this.#cluster.connections, group, offsets)
  }

  async deleteGroup(group: string): Promise<void> {
    const what = `deleting group ${group}`
    await this.#cluster.atCoordinator({ kind: 'group', key: group, what }, async (coordinator) => {
      const { results } = await this.#cluster.connections.call(coordinator, deleteGroupsV2.api, [group])
      for (const { errorCode } of results) if (errorCode !== KAFKA_ERROR.groupIdNotFound) check(errorCode, what)
    })
  }
}

function at(partitions: readonly TopicPartition[], timestamp: bigint): readonly AskedOffset[] {
  return partitions.map(({ topic, partition }) => ({ topic, partition, timestamp }))
}
