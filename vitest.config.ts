import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    include: ['tests/**/*.test.ts'],
    globalSetup: ['tests/support/kafka-of-the-run.ts', 'tests/support/postgres-of-the-run.ts'],
    // Two cores and one PostgreSQL each: more workers only make every test slower.
    maxWorkers: 2,
    testTimeout: 60_000,
    hookTimeout: 120_000,
  },
})
