import type { MemoryEngine } from '#state-stores'
import type { ResolvedTopology, StreamsConfig } from '#streams/runtime'
import type { Topology } from '#streams/topology'
import type { FinalPartition } from '../log-host.ts'
import type { World } from '../world.ts'

export type StateDirectory = { readonly name: string; readonly engine: MemoryEngine }

/** What checkers look at when a run is over. */
export type FinishedRun = {
  readonly world: World
  readonly topology: Topology
  readonly resolved: ResolvedTopology
  readonly config: StreamsConfig
  /** By `topic/partition`. */
  readonly partitions: ReadonlyMap<string, FinalPartition>
  /** Committed offsets of the application at the end, by `topic/partition`. */
  readonly offsets: ReadonlyMap<string, number>
  /** The state directories of the machines as they are in the end, and some as they were once. */
  readonly directories: readonly StateDirectory[]
}
