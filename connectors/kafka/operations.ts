import { describeConfigsV4, incrementalAlterConfigsV1, listGroupsV5, metadataV12 } from '@platformatic/kafka'
import { type Acl, allow } from './acls.ts'
import type { Cluster } from './cluster.ts'
import { check, KAFKA_ERROR } from './kafka-errors.ts'
import { withRetries } from './retry.ts'
import { type DescribedGroup, type DescribedMember, streamsGroupDescribeV0 } from './wire-groups.ts'

const GROUP_RESOURCE = 32
const TOPIC_RESOURCE = 2
const SET = 0
const SESSION_TIMEOUT = 'streams.session.timeout.ms'

export type GroupListing = { readonly group: string; readonly state: string; readonly type: string }

export type StreamsGroupDescription = {
  readonly group: string
  readonly state: string
  readonly epoch: number
  readonly assignmentEpoch: number
  readonly members: readonly DescribedMember[]
}

export type BrokerStatus = { readonly nodeId: number; readonly host: string; readonly port: number }

export type TopicHealth = {
  readonly topic: string
  readonly partitions: number
  readonly withoutLeader: number
  readonly underReplicated: number
}

/** Group settings of the brokers (KIP-1071), per application. */
export type StreamsGroupSettings = {
  readonly standbyReplicas?: number
  readonly sessionTimeoutMs?: number
  readonly heartbeatIntervalMs?: number
}

/** How long the brokers wait for a member of a group before they put it out; undefined where they do not tell. */
export async function sessionTimeoutOf(cluster: Cluster, group: string): Promise<number | undefined> {
  const { results } = await cluster.ask(
    `asking for the settings of group ${group}`,
    describeConfigsV4.api,
    [{ resourceType: GROUP_RESOURCE, resourceName: group, configurationKeys: [SESSION_TIMEOUT] }],
    false,
    false,
  )
  const value = results[0]?.configs.find(({ name }) => name === SESSION_TIMEOUT)?.value
  return value === undefined || value === null ? undefined : Number(value)
}

/** What operators ask of a cluster, and what the engine's log does not need. */
export class KafkaOperations {
  readonly #cluster: Cluster

  constructor(cluster: Cluster) {
    this.#cluster = cluster
  }

  async brokers(): Promise<readonly BrokerStatus[]> {
    await this.#cluster.refresh([])
    return [...this.#cluster.brokers].map(([nodeId, { host, port }]) => ({ nodeId, host, port }))
  }

  async groups(): Promise<readonly GroupListing[]> {
    await this.#cluster.refresh([])
    const lists = await Promise.all(
      [...this.#cluster.brokers.values()].map((broker) =>
        withRetries({ limits: this.#cluster.limits, what: 'listing groups' }, async () => {
          const response = await this.#cluster.connections.call(broker, listGroupsV5.api, [], [])
          check(response.errorCode, 'listing groups')
          return response.groups
        }),
      ),
    )
    return lists.flat().map(({ groupId, groupState, groupType }) => ({
      group: groupId,
      state: groupState,
      type: groupType.toLowerCase(),
    }))
  }

  /** Undefined if there is no streams group of that name. */
  async streamsGroup(group: string): Promise<StreamsGroupDescription | undefined> {
    const what = `describing group ${group}`
    return this.#cluster.atCoordinator({ kind: 'group', key: group, what }, async (coordinator) => {
      const found = await this.#cluster.connections.call(coordinator, streamsGroupDescribeV0, [group])
      const described = found[0] as DescribedGroup
      if (described.errorCode === KAFKA_ERROR.groupIdNotFound) return undefined
      check(described.errorCode, what, described.errorMessage)
      const { state, epoch, assignmentEpoch, members } = described
      return { group, state, epoch, assignmentEpoch, members }
    })
  }

  async configureStreamsGroup(group: string, settings: StreamsGroupSettings): Promise<void> {
    const configs = [
      ['streams.num.standby.replicas', settings.standbyReplicas],
      [SESSION_TIMEOUT, settings.sessionTimeoutMs],
      ['streams.heartbeat.interval.ms', settings.heartbeatIntervalMs],
    ].flatMap(([name, value]) => (value === undefined ? [] : [{ name: String(name), value: String(value) }]))
    await this.#alter(GROUP_RESOURCE, group, configs)
  }

  /** Allows a principal (`User:name`) what `acls` says. */
  allow(principal: string, acls: readonly Acl[]): Promise<void> {
    return allow(this.#cluster, principal, acls)
  }

  async configureTopic(topic: string, settings: readonly { readonly name: string; readonly value: string }[]) {
    await this.#alter(TOPIC_RESOURCE, topic, settings)
  }

  async #alter(
    resourceType: typeof GROUP_RESOURCE | typeof TOPIC_RESOURCE,
    resourceName: string,
    settings: readonly { readonly name: string; readonly value: string }[],
  ): Promise<void> {
    if (settings.length === 0) return
    const what = `changing settings of ${resourceName}`
    const configs = settings.map(({ name, value }) => ({ name, configOperation: SET, value }) as const)
    await withRetries({ limits: this.#cluster.limits, what }, async () => {
      const response = await this.#cluster.connections.call(
        this.#cluster.controller(),
        incrementalAlterConfigsV1.api,
        [{ resourceType, resourceName, configs }],
        false,
      )
      for (const { errorCode, errorMessage } of response.responses) check(errorCode, what, errorMessage)
    })
  }

  /** Settings of a topic by name, defaults among them. */
  async topicSettings(topic: string): Promise<ReadonlyMap<string, string>> {
    const response = await this.#cluster.ask(
      `asking for the settings of ${topic}`,
      describeConfigsV4.api,
      [{ resourceType: TOPIC_RESOURCE, resourceName: topic, configurationKeys: null }],
      false,
      false,
    )
    for (const { errorCode, errorMessage } of response.results) check(errorCode, `settings of ${topic}`, errorMessage)
    return new Map(response.results.flatMap(({ configs }) => configs.map(({ name, value }) => [name, value ?? ''])))
  }

  /** Topics whose partitions have no leader, or fewer replicas in sync than they should. */
  async topicHealth(names?: readonly string[]): Promise<readonly TopicHealth[]> {
    const response = await this.#cluster.ask(
      'asking for metadata',
      metadataV12.api,
      names === undefined ? null : [...names],
      false,
      false,
    )
    return response.topics.flatMap(({ name, errorCode, partitions }) =>
      name === null || name === undefined || errorCode === KAFKA_ERROR.unknownTopicOrPartition
        ? []
        : [
            {
              topic: name,
              partitions: partitions.length,
              withoutLeader: partitions.filter(({ leaderId }) => leaderId < 0).length,
              underReplicated: partitions.filter(({ isrNodes, replicaNodes }) => isrNodes.length < replicaNodes.length)
                .length,
            },
          ],
    )
  }
}
