/** What the tests of the DSL use: the public door, and the topology's nodes. */
export { partitionForKey } from '../../base/index.ts'
export * from '../../index.ts'
export type { ProcessorNode } from '../../topology/topology.ts'
