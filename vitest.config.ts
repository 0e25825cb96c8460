import { defineConfig } from 'vitest/config';

/** Projects by what they need: `unit` and `contract` need nothing, `integration`, `compat` and `e2e` need servers and the built program. */
export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: 'unit',
          include: ['test/unit/**/*.test.ts', 'test/contract/**/*.test.ts', 'test/architecture.test.ts'],
        },
      },
      {
        test: {
          name: 'integration',
          globalSetup: ['testtools/runner/test-run.ts'],
          include: ['test/integration/**/*.test.ts', 'test/compat/**/*.test.ts', 'test/e2e/**/*.test.ts'],
          testTimeout: 180_000,
          hookTimeout: 180_000,
          maxWorkers: 2,
        },
      },
    ],
  },
});
