import { type RegisteredSchemas, SACCO_EVENTS } from '#schemas'
import { BALANCE_RECORDS, createBalanceStores } from './balances/stores.ts'
import { createFraudStores, FRAUD_RECORDS } from './fraud/stores.ts'
import { createIntakeStores } from './intake/stores.ts'
import { createLoanStores, LOAN_RECORDS } from './loans/stores.ts'
import { createMembersStore, memberProfileDefinition } from './members/stores.ts'
import { createRiskStores, riskStateDefinition } from './risk/stores.ts'
import { entitySignalDefinition, memberSignalDefinition } from './shared/signals.ts'
import { createVelocityStores, velocityTotalsDefinition } from './velocity/stores.ts'

/** All schemas that the application writes: events, signals, stores. What has to be registered before it starts. */
export const SACCO_DEFINITIONS = [
  ...SACCO_EVENTS,
  memberSignalDefinition,
  entitySignalDefinition,
  memberProfileDefinition,
  ...BALANCE_RECORDS,
  velocityTotalsDefinition,
  ...LOAN_RECORDS,
  riskStateDefinition,
  ...FRAUD_RECORDS,
] as const

/** The store specs of all topologies; made once per topology, since a spec is the identity of its store. */
export function createSaccoStores(schemas: RegisteredSchemas) {
  return {
    intake: createIntakeStores(schemas),
    members: createMembersStore(schemas),
    balances: createBalanceStores(schemas),
    velocity: createVelocityStores(schemas),
    loans: createLoanStores(schemas),
    risk: createRiskStores(schemas),
    fraud: createFraudStores(schemas),
  }
}
export type SaccoStores = ReturnType<typeof createSaccoStores>
