import { defineConfig } from 'vitest/config';
import { lanes } from './test/lanes.ts';
import { folderInMemory } from './test/support/temporary-folder.ts';

if (process.env.TMPDIR === undefined) {
  const folder = folderInMemory();
  if (folder !== undefined) process.env.TMPDIR = folder;
}

const { unit, alone, crash, e2e } = lanes();

export default defineConfig({
  test: {
    pool: 'forks',
    setupFiles: ['test/support/property-seed.ts'],
    maxWorkers: 2,
    // Real engines on small machines: these bounds are there to end what hangs, not to say what is slow.
    testTimeout: 180_000,
    hookTimeout: 300_000,
    projects: [
      { extends: true, test: { name: 'unit', include: unit, isolate: false } },
      { extends: true, test: { name: 'unit-alone', include: alone } },
      { extends: true, test: { name: 'crash', include: crash, isolate: false } },
      { extends: true, test: { name: 'e2e', include: e2e, globalSetup: ['test/support/global-setup.ts'] } },
    ],
  },
});
