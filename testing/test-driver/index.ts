/** Tests of topologies, synchronous and in memory. */
export {
  createTestDriver,
  type InputRecord,
  type OutputRecord,
  openTestDriver,
  type TestDriver,
  type TestDriverOptions,
  type TestInputTopic,
  type TestOutputTopic,
} from './test-driver.ts'
