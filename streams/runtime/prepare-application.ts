import type { Log } from '../ports/index.ts'
import type { Topology } from '../topology/topology.ts'
import type { StreamsConfig } from './config.ts'
import { type ResolvedTopology, resolveTopology } from './resolved-topology.ts'

/**
 * Looks up the topics that the topology reads, works out partition counts and tasks, and creates the internal topics
 * that are missing, where the group does not. Idempotent: every thread may do it.
 */
export async function prepareApplication(
  log: Log,
  topology: Topology,
  config: StreamsConfig,
  groupCreatesTopics = false,
): Promise<ResolvedTopology> {
  const external = new Set<string>()
  let hasPattern = false
  for (const node of topology.nodes.values()) {
    if (node.kind !== 'source') continue
    if (node.pattern !== undefined) hasPattern = true
    for (const topic of node.topics) if (!topic.internal) external.add(topic.name)
  }
  const names = hasPattern ? await log.admin.listTopics() : []
  const described = await log.admin.describeTopics([...new Set([...external, ...names])])
  const resolved = resolveTopology(topology, config, {
    names,
    partitionsOf: (topic) => described.get(topic)?.partitions,
  })
  if (!groupCreatesTopics) await log.admin.createTopics(resolved.internalTopics)
  return resolved
}
