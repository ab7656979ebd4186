import type { EmbeddedApplication } from '#host'
import type { StoreSpec, Topology } from '#streams'
import { StreamsError } from '#streams/base'
import type { Serde } from '#streams/ports'

/** What the API reads of a running application. */
export type ApiApplication = Pick<EmbeddedApplication, 'state' | 'log' | 'topology' | 'query' | 'samples'>

export type StoreEntry = { readonly name: string; readonly spec: StoreSpec; readonly scope: 'task' | 'global' }

/** All stores of a topology, by name. */
export function storesOf(topology: Topology): readonly StoreEntry[] {
  return [
    ...[...topology.stores].map(([name, { spec }]): StoreEntry => ({ name, spec, scope: 'task' })),
    ...topology.globalStores.map(({ storeName, spec }): StoreEntry => ({ name: storeName, spec, scope: 'global' })),
  ].sort((left, right) => (left.name < right.name ? -1 : 1))
}

export function storeNamed(topology: Topology, name: string): StoreEntry {
  const found = storesOf(topology).find((store) => store.name === name)
  if (found !== undefined) return found
  throw new StreamsError('STORE_UNKNOWN', `There is no store ${JSON.stringify(name)}; /v1/stores lists them.`)
}

/** The serde with which the topology reads or writes the values of a topic; undefined where it does neither. */
export function valueSerdeOf(topology: Topology, topic: string): Serde<unknown> | undefined {
  // Sources first: one of several sinks may know only the records that it writes itself.
  for (const node of topology.nodes.values()) {
    if (node.kind === 'source' && node.topics.some(({ name }) => name === topic)) return node.valueSerde
  }
  for (const node of topology.nodes.values()) {
    if (node.kind === 'sink' && typeof node.topic !== 'function' && node.topic.name === topic) return node.valueSerde
  }
  return topology.globalStores.find(({ source }) => source.topics.some(({ name }) => name === topic))?.source.valueSerde
}

export type InputTopic = { readonly name: string; readonly internal: boolean }

/** Topics that tasks read, repartition topics among them. */
export function inputTopicsOf(topology: Topology, applicationId: string): readonly InputTopic[] {
  const topics = new Map<string, InputTopic>()
  for (const { sourceTopics } of topology.subTopologies) {
    for (const { name, internal } of sourceTopics) {
      const full = internal ? `${applicationId}-${name}` : name
      topics.set(full, { name: full, internal })
    }
  }
  return [...topics.values()]
}
