import type { Acl } from '#connectors/kafka'
import type { Topology } from '#streams'
import type { TopicSpec } from '#streams/ports'
import type { StreamsConfig } from '#streams/runtime'

export type AclsNeeded = {
  readonly acls: readonly Acl[]
  /** What cannot be listed, since the topology does not say it. */
  readonly notes: readonly string[]
}

export type AclsOptions = {
  readonly topology: Topology
  readonly config: StreamsConfig
  /** Topics that the module asks for. */
  readonly topics: readonly TopicSpec[]
  /** The application is started with a number of standbys, which it sets as the group's. */
  readonly setsStandbys: boolean
  /** The application makes its `topics` itself; otherwise they are there before it starts. */
  readonly createsTopics: boolean
}

type Operation = Acl['operation']

/**
 * The least that an application may do on a cluster with an authoriser. `read`, `write` and `delete` of a topic, and
 * `read` of a group, imply `describe`.
 */
export function neededAcls(options: AclsOptions): AclsNeeded {
  const { topology, config } = options
  const { applicationId } = config
  const byTopic = new Map<string, Set<Operation>>()
  const allow = (topic: string, ...operations: readonly Operation[]): void => {
    const known = byTopic.get(topic) ?? new Set()
    for (const operation of operations) known.add(operation)
    byTopic.set(topic, known)
  }
  const notes = addNodes(topology, allow)
  for (const { source } of topology.globalStores)
    for (const { name, internal } of source.topics) if (!internal) allow(name, 'read')
  if (config.deadLetterTopic !== undefined) allow(config.deadLetterTopic, ...WRITES)
  for (const name of config.ownedTopics) allow(name, 'delete')
  for (const { name } of options.topics) {
    // At its start the application looks whether they are there.
    if (!byTopic.has(name)) allow(name, 'describe')
    if (options.createsTopics) allow(name, 'create')
  }
  const external = [...byTopic].sort(([left], [right]) => (left < right ? -1 : 1))
  return {
    acls: [
      ...external.flatMap(([name, operations]) => acls('topic', name, 'literal', [...operations])),
      ...(hasInternalTopics(topology) ? acls('topic', `${applicationId}-`, 'prefixed', INTERNAL) : []),
      ...acls('group', applicationId, 'literal', GROUP),
      ...(options.setsStandbys ? acls('group', applicationId, 'literal', ['alter-configs']) : []),
      ...(config.processingGuarantee === 'exactly_once_v2'
        ? acls('transactional-id', `${applicationId}-`, 'prefixed', ['write'])
        : []),
    ],
    notes,
  }
}

/** The settings say how large a record may be. */
const WRITES: readonly Operation[] = ['write', 'describe-configs']
/** The settings say how long the group waits for a member: so long its answers to queries hold. */
const GROUP: readonly Operation[] = ['read', 'describe-configs']
/** Changelogs and repartition topics: made by the brokers in the member's name, and purged of what was processed. */
const INTERNAL: readonly Operation[] = ['read', 'write', 'create', 'delete', 'describe-configs']

function addNodes(
  topology: Topology,
  allow: (topic: string, ...operations: readonly Operation[]) => void,
): readonly string[] {
  const notes: string[] = []
  for (const node of topology.nodes.values()) {
    if (node.kind === 'source') {
      for (const { name, internal } of node.topics) if (!internal) allow(name, 'read')
      if (node.pattern !== undefined)
        notes.push(`${node.name} reads the topics that match ${node.pattern}: allow READ of each of them`)
    } else if (node.kind === 'sink') {
      if (typeof node.topic === 'function')
        notes.push(
          `${node.name} chooses its topic by record: allow WRITE and DESCRIBE_CONFIGS of each that it may choose`,
        )
      else if (!node.topic.internal) allow(node.topic.name, ...WRITES)
    }
  }
  return notes
}

function hasInternalTopics(topology: Topology): boolean {
  if (topology.repartitionTopics.size > 0) return true
  return [...topology.stores.values()].some(({ changelog }) => changelog?.internal === true)
}

function acls(
  resource: Acl['resource'],
  name: string,
  pattern: Acl['pattern'],
  operations: readonly Operation[],
): readonly Acl[] {
  return operations.map((operation) => ({ resource, name, pattern, operation }))
}
