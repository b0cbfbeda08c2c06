/** The contract of the query engines, over one warehouse that the binary has filled. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll } from 'vitest';
import { createQueryEngine, createRuntime } from '../../src/wire.ts';
import { decisions, engineContract } from '../contract/engine.ts';
import { describeWith } from '../support/rig.ts';
import { type RigWarehouse, rigWarehouse } from './rig-warehouse.ts';

describeWith(['s3', 'glue', 'trino'], 'every engine gives the same cells', () => {
  const folder = mkdtempSync(join(tmpdir(), 'aw-conformance-'));
  let warehouse: RigWarehouse;
  beforeAll(async () => {
    warehouse = await rigWarehouse(folder, decisions);
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  for (const name of ['duckdb', 'trino', 'athena'] as const) {
    engineContract(name, async () => createQueryEngine(await createRuntime(warehouse.config), name));
  }
});
