/** Tests of topologies, synchronous and in memory. */
export { createTestDriver, openTestDriver } from './test-driver.ts'
export type {
  InputRecord,
  OutputRecord,
  TestDriver,
  TestDriverOptions,
  TestInputTopic,
  TestOutputTopic,
} from './types.ts'
