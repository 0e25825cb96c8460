import { defineConfig } from 'vitest/config';

/** Projects by what they need: `unit` and `contract` need nothing, `integration`, `compat` and `e2e` need servers and the built program. */
export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: 'unit',
          include: ['test/unit/**/*.test.ts', 'test/contract/**/*.test.ts', 'test/architecture.test.ts'],
          // Loading the modules anew for each of some hundred files would take as long as the tests.
          isolate: false,
          testTimeout: 60_000,
          hookTimeout: 60_000,
        },
      },
      {
        test: {
          name: 'integration',
          globalSetup: ['testtools/runner/test-run.ts'],
          include: ['test/integration/**/*.test.ts', 'test/compat/**/*.test.ts', 'test/e2e/**/*.test.ts'],
          testTimeout: 180_000,
          hookTimeout: 180_000,
          // More than the cores of a small machine: much of what these tests do is to wait for servers.
          maxWorkers: 3,
          sequence: { groupOrder: 1 },
        },
      },
    ],
  },
});
