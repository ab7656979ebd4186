import { defineConfig } from 'vitest/config'

/** Tests on a real broker: `make test-kafka`. */
export default defineConfig({
  test: {
    include: ['**/*.kafka.test.ts'],
    exclude: ['**/node_modules/**'],
    pool: 'forks',
    fileParallelism: false,
    globalSetup: ['./testing/broker/vitest-setup.ts'],
    testTimeout: 60_000,
    hookTimeout: 60_000,
  },
})
