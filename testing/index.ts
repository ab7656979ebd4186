/** What users test their topologies with. */

export * from './simulation/index.ts'
export * from './test-driver/index.ts'
