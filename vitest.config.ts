import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    globalSetup: ['test/support/global-setup.ts'],
    pool: 'forks',
    maxWorkers: 2,
    // Real engines on small machines: these bounds are there to end what hangs, not to say what is slow.
    testTimeout: 180_000,
    hookTimeout: 300_000,
  },
});
