import { hasCode, messageOf, parseTaskId, StreamsError, type TaskId, taskId } from '#streams/base'
import type {
  GroupMembership,
  Logger,
  MemberDescription,
  MembershipEvent,
  SubTopologyDescription,
  TaskAssignment,
  TopicSpec,
} from '#streams/ports'
import type { Cluster } from './cluster.ts'
import type { Connections } from './connections.ts'
import { check, hasErrorCode, KAFKA_ERROR, KafkaError, streamsError } from './kafka-errors.ts'
import type { RefusableMember } from './offsets.ts'
import { sessionTimeoutOf } from './operations.ts'
import { backoffMs, sleep } from './retry.ts'
import { settingsOf } from './topic-settings.ts'
import {
  type Endpoint,
  type EndpointPartitions,
  type HeartbeatRequest,
  type HeartbeatResponse,
  STREAMS_GROUP_HEARTBEAT,
  type Subtopology,
  streamsGroupHeartbeatV0,
  type TaskIds,
  type TopicInfo,
} from './wire-groups.ts'

export type KafkaMembershipOptions = {
  /** The application id. */
  readonly group: string
  readonly memberId: string
  /** The same for all members of a process, so that standbys are put elsewhere. */
  readonly processId: string
  /** Where this process answers queries. */
  readonly userEndpoint?: Endpoint
  /** How long a member may take to give tasks up, before it is put out of the group. Java: max.poll.interval.ms. */
  readonly rebalanceTimeoutMs?: number
  readonly logger: Logger
  /** Called when it has changed who answers for which partitions. */
  readonly onEndpoints?: (endpoints: readonly EndpointPartitions[]) => void
}

export type KafkaGroupMembership = GroupMembership & {
  /**
   * False from the moment on at which the group may have put this member out without its knowing: when no heartbeat was
   * answered for a session time-out. What it runs may then be run, and be further, elsewhere.
   */
  readonly isCurrent: boolean
}

const JOIN_EPOCH = 0
const LEAVE_EPOCH = -1
const REBALANCE_TIMEOUT_MS = 300_000
/** Brokers' default (group.streams.session.timeout.ms), where they do not tell. */
const SESSION_TIMEOUT_MS = 45_000
const FIRST_INTERVAL_MS = 200
const RETRY_MS = 200
/**
 * While tasks move, each member that has something to give up or to take hears of it by a heartbeat, one after the
 * other. Brokers ask for one every 5 s: with two threads that start together, one would do nothing for as long.
 */
const SETTLING_INTERVAL_MS = 100
/** Tasks move for so long after a member has come, or was given other tasks. */
const SETTLING_MS = 3_000
/** A group that has just begun may wait for more members before it gives tasks to anybody (brokers: 3 s). */
const FIRST_ASSIGNMENT_MS = 10_000
const LEAVE_MS_MAX = 3_000
const TOPOLOGY_EPOCH = 0
const CREATE_TIME = { name: 'message.timestamp.type', value: 'CreateTime' } as const
/** Making topics takes a moment: only what lasts longer is told. */
const NOT_READY_MS = 5_000

const STATUS = {
  staleTopology: 0,
  missingSourceTopics: 1,
  incorrectPartitions: 2,
  missingInternalTopics: 3,
  shutdown: 4,
  assignmentDelayed: 5,
} as const

const STATUS_WORDS: Readonly<Record<number, string>> = {
  [STATUS.staleTopology]:
    'other members run a newer version of the topology; upgrade this one, since it is given no new tasks',
  [STATUS.missingSourceTopics]: 'source topics do not exist; create them',
  [STATUS.incorrectPartitions]:
    'topics that belong together have different numbers of partitions; recreate one of them, or reset the application',
  [STATUS.missingInternalTopics]: 'internal topics are not there yet',
  [STATUS.shutdown]: 'a member asked the whole application to shut down',
}

/**
 * A member of a streams group (KIP-1071): it tells the group's coordinator its topology once and its tasks when they
 * change, and hears what it is to run. Heartbeats go out in the background of the thread that it belongs to; what they
 * bring is handed out by `poll`, so that nothing changes under a step.
 *
 *   join (epoch 0) → assigned → … → revoked ones closed → acknowledge → assigned → … → leave (epoch -1)
 *                        ↑ fenced: lost → closed → join again
 */
export class KafkaMembership implements KafkaGroupMembership {
  readonly createsInternalTopics = true
  readonly committingMember: RefusableMember
  readonly #cluster: Cluster
  readonly #connections: Connections
  readonly #options: KafkaMembershipOptions
  #subtopologies: readonly Subtopology[] = []
  #memberEpoch = JOIN_EPOCH
  #endpointEpoch = -1
  #intervalMs = FIRST_INTERVAL_MS
  #settledMs = Number.NEGATIVE_INFINITY
  #target: TaskAssignment | undefined
  #owned: TaskAssignment = { active: [], standby: [] }
  #ownedChanged = true
  #events: MembershipEvent[] = []
  #timer: NodeJS.Timeout | undefined
  #inFlight: Promise<void> | undefined
  #left = false
  /** It joins again when the thread has closed what it has lost. */
  #lost: 'no' | 'to be told' | 'told' = 'no'
  #failure: StreamsError | undefined
  #toldStatuses = ''
  #statusSinceMs: number | undefined
  #sessionTimeoutMs = SESSION_TIMEOUT_MS
  /** When the last heartbeat that was answered was sent. */
  #heardMs = Number.NEGATIVE_INFINITY
  #joiningMs = 0

  constructor(cluster: Cluster, options: KafkaMembershipOptions) {
    this.#cluster = cluster
    this.#options = options
    this.#connections = cluster.newConnections(`${options.group}-member`)
    const epoch = (): number => this.#memberEpoch
    this.committingMember = {
      memberId: options.memberId,
      get memberEpoch() {
        return epoch()
      },
      // Whether the epoch is old or everything is lost, is said by the next heartbeat.
      refused: () => this.#schedule(0),
    }
  }

  /** Resolves when the group has this member and its internal topics exist. */
  async join(member: MemberDescription): Promise<void> {
    await this.#checkVersion()
    this.#sessionTimeoutMs = (await sessionTimeoutOf(this.#cluster, this.#options.group)) ?? SESSION_TIMEOUT_MS
    this.#subtopologies = [...member.subTopologies].map(subtopologyOf)
    const { limits } = this.#cluster
    this.#joiningMs = performance.now()
    const endMs = this.#joiningMs + limits.retryTimeoutMs
    for (;;) {
      const statuses = await this.#beatOnce()
      if (this.#failure !== undefined) throw this.#failure
      const missing = statuses?.find(({ code }) => code === STATUS.missingInternalTopics)
      if (statuses !== undefined && missing === undefined) break
      if (performance.now() > endMs) {
        throw new StreamsError(
          'LOG_UNAVAILABLE',
          `group ${this.#options.group} did not come to work: ${missing?.detail ?? 'its coordinator does not answer'}`,
        )
      }
      await sleep(RETRY_MS)
    }
    this.#settledMs = performance.now() + (this.#target === undefined ? FIRST_ASSIGNMENT_MS : SETTLING_MS)
    this.#schedule(this.#nextBeatMs())
  }

  get isCurrent(): boolean {
    return this.#lost === 'no' && performance.now() - this.#heardMs < this.#sessionTimeoutMs
  }

  async #checkVersion(): Promise<void> {
    const { versions, features } = await this.#cluster.features()
    const isSwitchedOff = features.has('streams.version') && features.get('streams.version') === 0
    if (versions.has(STREAMS_GROUP_HEARTBEAT) && !isSwitchedOff) return
    throw new StreamsError(
      'LOG_REFUSED',
      versions.has(STREAMS_GROUP_HEARTBEAT)
        ? SWITCHED_OFF
        : 'this broker has no streams groups (KIP-1071), which came with Apache Kafka 4.2; upgrade the broker',
    )
  }

  poll(): MembershipEvent | undefined {
    if (this.#failure !== undefined) throw this.#failure
    if (this.#lost === 'told') {
      this.#lost = 'no'
      this.#schedule(0)
    }
    const event = this.#events.shift()
    if (event?.kind === 'lost') this.#lost = 'told'
    return event
  }

  acknowledge(owned: TaskAssignment): void {
    this.#owned = owned
    this.#ownedChanged = true
    this.#schedule(0)
  }

  async leave(): Promise<void> {
    if (this.#left) return
    this.#left = true
    clearTimeout(this.#timer)
    await Promise.race([this.#sayGoodbye(), sleep(LEAVE_MS_MAX, true)])
    await this.#connections.close()
  }

  /** Without it the group waits for the session to time out before it hands the tasks on. */
  async #sayGoodbye(): Promise<void> {
    try {
      await this.#inFlight
      if (this.#memberEpoch === JOIN_EPOCH) return
      const coordinator = await this.#cluster.coordinator('group', this.#options.group)
      await this.#connections.call(coordinator, streamsGroupHeartbeatV0, this.#request(LEAVE_EPOCH, false))
    } catch (error) {
      this.#options.logger.warn(`Group ${this.#options.group} was not told that a member leaves: ${messageOf(error)}`)
    }
  }

  // Heartbeats -----------------------------------------------------------------------------------------------------

  #schedule(delayMs: number): void {
    if (this.#left || this.#failure !== undefined || this.#lost !== 'no') return
    clearTimeout(this.#timer)
    this.#timer = setTimeout(() => {
      this.#inFlight ??= this.#beat().finally(() => {
        this.#inFlight = undefined
      })
    }, delayMs)
  }

  async #beat(): Promise<void> {
    const answered = await this.#beatOnce()
    // What changed while the answer was on its way is told at once.
    this.#schedule(answered === undefined ? this.#retryMs() : this.#ownedChanged ? 0 : this.#nextBeatMs())
  }

  #nextBeatMs(): number {
    return performance.now() < this.#settledMs ? Math.min(SETTLING_INTERVAL_MS, this.#intervalMs) : this.#intervalMs
  }

  /** Soon, since the group waits for nobody; but no more often than in order where the coordinator is away for long. */
  #retryMs(): number {
    const silentMs = performance.now() - Math.max(this.#heardMs, this.#joiningMs)
    return Math.min(backoffMs(silentMs, this.#cluster.limits), Math.max(this.#intervalMs, FIRST_INTERVAL_MS))
  }

  /** Never rejects. Undefined if the coordinator did not answer. */
  async #beatOnce(): Promise<HeartbeatResponse['statuses'] | undefined> {
    const { group, logger } = this.#options
    const tellsOwned = this.#ownedChanged || this.#memberEpoch === JOIN_EPOCH
    this.#ownedChanged = false
    const sentMs = performance.now()
    try {
      const coordinator = await this.#cluster.coordinator('group', group)
      const request = this.#request(this.#memberEpoch, tellsOwned)
      const response = await this.#connections.call(coordinator, streamsGroupHeartbeatV0, request)
      check(response.errorCode, `heartbeat of group ${group}`, response.errorMessage)
      this.#heardMs = sentMs
      this.#onResponse(response)
      return response.statuses
    } catch (error) {
      this.#ownedChanged ||= tellsOwned
      this.#onError(error)
      if (this.#failure === undefined) logger.debug(`Heartbeat of group ${group}: ${messageOf(error)}`)
      return undefined
    }
  }

  #request(memberEpoch: number, tellsOwned: boolean): HeartbeatRequest {
    const isJoining = memberEpoch === JOIN_EPOCH
    const { group, memberId, processId, userEndpoint, rebalanceTimeoutMs } = this.#options
    return {
      groupId: group,
      memberId,
      memberEpoch,
      endpointInformationEpoch: this.#endpointEpoch,
      rebalanceTimeoutMs: isJoining ? (rebalanceTimeoutMs ?? REBALANCE_TIMEOUT_MS) : null,
      topology: isJoining ? { epoch: TOPOLOGY_EPOCH, subtopologies: this.#subtopologies } : null,
      owned: isJoining
        ? { active: [], standby: [] }
        : tellsOwned
          ? { active: taskIdsOf(this.#owned.active), standby: taskIdsOf(this.#owned.standby) }
          : null,
      processId: isJoining ? processId : null,
      userEndpoint: isJoining ? (userEndpoint ?? null) : null,
    }
  }

  #onResponse(response: HeartbeatResponse): void {
    this.#memberEpoch = response.memberEpoch
    if (response.heartbeatIntervalMs > 0) this.#intervalMs = response.heartbeatIntervalMs
    this.#endpointEpoch = response.endpointInformationEpoch
    if (response.partitionsByEndpoint !== null) this.#options.onEndpoints?.(response.partitionsByEndpoint)
    this.#onStatuses(response.statuses)
    if (response.active === null && response.standby === null && response.warmup === null) return
    const target: TaskAssignment = {
      active: response.active === null ? (this.#target?.active ?? []) : tasksOf(response.active),
      // A warm-up task is a standby that is to become active when it has caught up.
      standby: [
        ...(response.standby === null ? (this.#target?.standby ?? []) : tasksOf(response.standby)),
        ...tasksOf(response.warmup ?? []),
      ],
    }
    if (this.#target !== undefined && isSame(this.#target, target)) return
    this.#target = target
    this.#settledMs = performance.now() + SETTLING_MS
    this.#events = this.#events.filter(({ kind }) => kind !== 'assigned')
    this.#events.push({ kind: 'assigned', assignment: target })
  }

  #onStatuses(statuses: HeartbeatResponse['statuses']): void {
    const telling = statuses.filter(({ code }) => code !== STATUS.assignmentDelayed)
    if (telling.length === 0) {
      this.#statusSinceMs = undefined
      this.#toldStatuses = ''
      return
    }
    this.#statusSinceMs ??= performance.now()
    const isBeingMade = telling.every(({ code }) => code === STATUS.missingInternalTopics)
    if (isBeingMade && performance.now() - this.#statusSinceMs < NOT_READY_MS) return
    const words = telling.map(({ code, detail }) => `${STATUS_WORDS[code] ?? `status ${code}`} (${detail})`).join('; ')
    if (words === this.#toldStatuses) return
    this.#toldStatuses = words
    this.#events.push({ kind: 'not-ready', reason: `group ${this.#options.group}: ${words}` })
    if (telling.some(({ code }) => code === STATUS.shutdown)) {
      this.#failure = new StreamsError('CLOSED', `group ${this.#options.group}: ${words}`)
    }
  }

  #onError(error: unknown): void {
    const { group } = this.#options
    // A group that is gone was empty since this member was put out, and was deleted then (mto reset).
    const isGone = this.#memberEpoch !== JOIN_EPOCH && hasErrorCode(error, KAFKA_ERROR.groupIdNotFound)
    if (isGone || hasErrorCode(error, ...LOST_MEMBERSHIP)) {
      this.#rejoin(messageOf(error))
      return
    }
    if (hasErrorCode(error, KAFKA_ERROR.notCoordinator, KAFKA_ERROR.coordinatorNotAvailable) || isUnanswered(error)) {
      this.#cluster.forgetCoordinator('group', group)
      return
    }
    if (hasErrorCode(error, KAFKA_ERROR.unsupportedVersion)) {
      this.#failure = new StreamsError('LOG_REFUSED', SWITCHED_OFF, { cause: error })
      return
    }
    const mayHelp = error instanceof KafkaError ? error.canRetry : hasCode(error, 'LOG_UNAVAILABLE')
    if (!mayHelp) this.#failure = streamsError(error, `group ${group} does not take this member${adviceFor(error)}`)
  }

  /** Fenced: tasks are someone else's already. The new membership begins with nothing. */
  #rejoin(reason: string): void {
    const hadTasks = this.#target !== undefined
    this.#memberEpoch = JOIN_EPOCH
    this.#endpointEpoch = -1
    this.#target = undefined
    this.#owned = { active: [], standby: [] }
    this.#ownedChanged = true
    this.#events = hadTasks ? [{ kind: 'lost', reason }] : []
    if (hadTasks) this.#lost = 'to be told'
  }
}

const SWITCHED_OFF =
  "streams groups (KIP-1071) are switched off in this cluster; switch them on with: kafka-features.sh upgrade --feature streams.version=1, and see that 'streams' is among the brokers' group.coordinator.rebalance.protocols where that is set"

const LOST_MEMBERSHIP: readonly number[] = [
  KAFKA_ERROR.unknownMemberId,
  KAFKA_ERROR.fencedMemberEpoch,
  KAFKA_ERROR.staleMemberEpoch,
]

/** Brokers (4.3) keep the topology that a group was made with. */
function adviceFor(error: unknown): string {
  if (!hasErrorCode(error, KAFKA_ERROR.invalidRequest) || !/[Tt]opology/.test(messageOf(error))) return ''
  return ', since it was made with another topology, which this broker cannot change: go on with the topology as it was, use another application id, or stop all members and reset the application (mto reset)'
}

function isUnanswered(error: unknown): boolean {
  return error instanceof KafkaError && error.errorCode === undefined
}

function subtopologyOf(sub: SubTopologyDescription): Subtopology {
  const sourceTopics = [...new Set(sub.sourceTopics)].sort()
  const repartitionSourceTopics = [...sub.repartitionSourceTopics].sort(byName).map(topicInfo)
  const indexesIn = (list: readonly string[], names: readonly string[]): number[] =>
    names.map((name) => list.indexOf(name)).filter((index) => index >= 0)
  return {
    id: String(sub.subTopology),
    sourceTopics,
    changelogTopics: [...sub.changelogTopics].sort(byName).map(topicInfo),
    repartitionSinkTopics: [...new Set(sub.repartitionSinkTopics)].sort(),
    repartitionSourceTopics,
    copartitionGroups: sub.copartitionGroups
      .filter((group) => group.length > 1)
      .map((group) => ({
        sourceTopics: indexesIn(sourceTopics, group),
        repartitionSourceTopics: indexesIn(
          repartitionSourceTopics.map(({ name }) => name),
          group,
        ),
      })),
  }
}

function byName(left: TopicSpec, right: TopicSpec): number {
  return left.name < right.name ? -1 : left.name > right.name ? 1 : 0
}

function topicInfo({ name, partitions, replicationFactor, config }: TopicSpec): TopicInfo {
  return {
    name,
    partitions,
    replicationFactor: replicationFactor ?? -1,
    // The coordinator compares whole topologies: these are exactly the settings, in the order, that Java's client sends.
    configs: [...settingsOf(config ?? {}), CREATE_TIME].sort((left, right) => (left.name < right.name ? -1 : 1)),
  }
}

function tasksOf(list: readonly TaskIds[]): TaskId[] {
  return list.flatMap(({ subtopologyId, partitions }) =>
    partitions.map((partition) => taskId(Number(subtopologyId), partition)),
  )
}

function taskIdsOf(tasks: readonly TaskId[]): TaskIds[] {
  const parsed = tasks.map((task) => parseTaskId(task))
  return [...Map.groupBy(parsed, ({ subTopology }) => subTopology)].map(([subTopology, list]) => ({
    subtopologyId: String(subTopology),
    partitions: list.map(({ partition }) => partition),
  }))
}

function isSame(left: TaskAssignment, right: TaskAssignment): boolean {
  const same = (one: readonly TaskId[], other: readonly TaskId[]): boolean =>
    one.length === other.length && one.every((task) => other.includes(task))
  return same(left.active, right.active) && same(left.standby, right.standby)
}
