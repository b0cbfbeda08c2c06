import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { open, UsageError } from '../../src/index.ts';

let folder: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'audit-warehouse-close-'));
  writeFileSync(join(folder, 'log.jsonl'), '');
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test('nothing can be begun with a warehouse that is closed, and closing it again does nothing', async () => {
  const sources = [{ name: 'decisions', type: 'opa' as const, location: './log.jsonl' }];
  const warehouse = await open({ warehouse: './warehouse', sources }, { cwd: folder });
  await warehouse.backfill();
  expect(await warehouse.tables()).toHaveLength(4);
  await warehouse.close();
  await warehouse.close();

  const answer = warehouse.query({ sql: 'select 1' });
  for (const begun of [
    () => warehouse.backfill(),
    () => warehouse.tables(),
    () => warehouse.job.plan().next(),
    () => answer[Symbol.asyncIterator]().next(),
  ]) {
    await expect(begun()).rejects.toThrow(new UsageError('the warehouse is closed'));
  }
});
