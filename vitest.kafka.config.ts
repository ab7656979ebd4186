import { defineConfig } from 'vitest/config'

/** Under a minute with its broker: part of `make test`. */
const SMOKE = [
  'connectors/kafka/{kafka-log,kafkajs}.kafka.test.ts',
  'testing/crash/kafka-handover.kafka.test.ts',
  'host/failing-thread.kafka.test.ts',
  'cli/records.kafka.test.ts',
]

/** Tests on a real broker: `make test-kafka`, or the quick ones of them with KAFKA_SUITE=smoke. */
export default defineConfig({
  test: {
    include: process.env.KAFKA_SUITE === 'smoke' ? SMOKE : ['**/*.kafka.test.ts'],
    exclude: ['**/node_modules/**'],
    pool: 'forks',
    fileParallelism: false,
    globalSetup: ['./testing/broker/vitest-setup.ts'],
    testTimeout: 60_000,
    hookTimeout: 60_000,
  },
})
