/** What users test their topologies with. */

export * from './mock-context/index.ts'
export * from './simulation/index.ts'
export * from './test-driver/index.ts'
