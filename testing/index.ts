/** What users test their topologies with. */
export * from './test-driver/index.ts'
