import type { InternalTopic, MemberDescription } from '../ports/index.ts'
import type { TopicRef, Topology } from '../topology/topology.ts'
import type { ResolvedTopology } from './resolved-topology.ts'

/** What a member tells its group of the topology. */
export function describeMember(memberId: string, topology: Topology, resolved: ResolvedTopology): MemberDescription {
  const derived = new Set(
    [...topology.repartitionTopics.values()].flatMap(({ name, partitions }) =>
      partitions === undefined ? [resolved.topicName(name, true)] : [],
    ),
  )
  const specs = new Map(resolved.internalTopics.map((spec) => [spec.name, spec]))
  const internal = (name: string, isDerived: boolean): readonly InternalTopic[] => {
    const spec = specs.get(name)
    if (spec === undefined) return []
    return [isDerived ? { ...spec, partitions: 0 } : spec]
  }
  const realName = (topic: TopicRef): string => resolved.topicName(topic.name, topic.internal)
  return {
    memberId,
    subTopologies: resolved.subTopologies.map((sub) => {
      const topics = sub.sources.flatMap((source) => source.topics.map(({ name }) => name))
      const definition = topology.subTopologies.find(({ id }) => id === sub.id)
      return {
        subTopology: sub.id,
        sourceTopics: topics.filter((name) => !resolved.repartitionTopics.has(name)),
        repartitionSourceTopics: topics
          .filter((name) => resolved.repartitionTopics.has(name))
          .flatMap((name) => internal(name, derived.has(name))),
        repartitionSinkTopics: (definition?.sinkTopics ?? [])
          .map(realName)
          .filter((name) => resolved.repartitionTopics.has(name)),
        changelogTopics: sub.stores.flatMap(({ changelog, changelogIsSource }) =>
          changelog === undefined || changelogIsSource ? [] : internal(realName(changelog), true),
        ),
        copartitionGroups: (definition?.copartitionGroups ?? []).map((group) => group.map(realName)),
        taskCount: sub.partitionCount,
      }
    }),
  }
}
