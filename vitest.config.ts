import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    include: ['**/*.test.ts'],
    // Tests on a real broker have their own configuration: make test-kafka.
    exclude: ['**/node_modules/**', '**/*.kafka.test.ts'],
    // Native databases and worker threads: processes, not threads, so that one test cannot take the others down.
    pool: 'forks',
    testTimeout: 30_000,
    hookTimeout: 30_000,
    typecheck: { enabled: false },
  },
})
