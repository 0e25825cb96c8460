import { defineConfig } from 'vitest/config';

/** For `make test-peers`: servers that have to be built first, or take long to install. Not a part of `make test`. */
export default defineConfig({
  test: {
    include: ['test/peers/**/*.test.ts'],
    testTimeout: 180_000,
    hookTimeout: 180_000,
    maxWorkers: 1,
  },
});
