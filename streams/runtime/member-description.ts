import type { MemberDescription } from '../ports/index.ts'
import type { ResolvedTopology } from './resolved-topology.ts'

/** What a member tells its group of the topology. */
export function describeMember(memberId: string, topology: ResolvedTopology): MemberDescription {
  return {
    memberId,
    subTopologies: topology.subTopologies.map((sub) => {
      const topics = sub.sources.flatMap((source) => source.topics)
      const partitionsOf = (name: string): number =>
        topology.internalTopics.find((spec) => spec.name === name)?.partitions ?? sub.partitionCount
      return {
        subTopology: sub.id,
        sourceTopics: topics.filter(({ name }) => !topology.repartitionTopics.has(name)).map(({ name }) => name),
        repartitionSourceTopics: topics
          .filter(({ name }) => topology.repartitionTopics.has(name))
          .map(({ name }) => ({ name, partitions: partitionsOf(name) })),
        changelogTopics: sub.stores.flatMap(({ changelog, changelogIsSource }) =>
          changelog === undefined || changelogIsSource ? [] : [topology.topicName(changelog.name, changelog.internal)],
        ),
        taskCount: sub.partitionCount,
      }
    }),
  }
}
