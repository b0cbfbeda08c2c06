import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'vitest';
import { openBody } from '../../../src/records/decompress.ts';
import { frameRecords } from '../../../src/records/frame/index.ts';
import { createSource } from '../../../src/sources/index.ts';
import { inChunks, loadFixture } from '../../support/fixture.ts';
import { BothPaths } from './both-paths.ts';

const root = join(import.meta.dirname, '../../../fixtures');
test('x', async () => {
  for (const type of ['opa', 'okera-audit'] as const)
    for (const name of readdirSync(join(root, type))) {
      const f = loadFixture(type, join(root, type, name));
      if (f.expectedError) continue;
      const both = new BothPaths(createSource(type, f.columns, f.limits), f.uri);
      try {
        for await (const frames of frameRecords(openBody(inChunks(f.input, 1e9), f.limits), f.limits))
          for (const frame of frames) both.takeFrame(frame);
        both.compareRows();
        console.log(type, name, JSON.stringify(both.counts));
      } catch (e) {
        console.log(type, name, 'FAIL', String(e).slice(0, 1500));
      }
    }
});
