/** Deterministic simulation of topologies on the real engine: several members, virtual time, faults, one seed = one run. */
export { type Fault, type FaultKind, type FaultName, faultText } from './faults.ts'
export {
  type SimulatedOutput,
  type SimulatedTopics,
  type SimulateOptions,
  SimulationFailure,
  type SimulationReport,
  simulate,
  simulatedInput,
} from './simulate.ts'
export type { SimulatedRecord } from './workload.ts'
