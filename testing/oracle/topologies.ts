import type { StreamsBuilder } from '#streams'
import { aggregateTopologies } from './topologies-aggregates.ts'
import { joinTopologies } from './topologies-joins.ts'
import { processTopologies } from './topologies-process.ts'
import { statelessTopologies } from './topologies-stateless.ts'
import { tableTopologies } from './topologies-tables.ts'

/** The topologies whose outputs and descriptions Java Kafka Streams has given; `data/` holds its answers. */
export type OracleTopology = (builder: StreamsBuilder) => void

export const oracleTopologies: Readonly<Record<string, OracleTopology>> = {
  ...statelessTopologies,
  ...aggregateTopologies,
  ...joinTopologies,
  ...tableTopologies,
  ...processTopologies,
}

const OUTPUT_TOPICS: Readonly<Record<string, readonly string[]>> = {
  stateless_flatmap: ['out', 'out2'],
  stateless_split: ['out-a', 'out-long', 'out-rest'],
  pipeline_sacco: ['alerts', 'balances'],
}

/** In the order in which the outputs of one input are listed. */
export function oracleOutputTopics(topology: string): readonly string[] {
  return OUTPUT_TOPICS[topology] ?? ['out']
}
