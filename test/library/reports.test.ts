import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { open, UsageError, type Warehouse } from '../../src/index.ts';

let folder: string;
let warehouse: Warehouse;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'audit-warehouse-reports-'));
  const decision = { decision_id: 'd', timestamp: '2026-01-01T10:00:00Z', input: { subject: 'amy' }, result: true };
  writeFileSync(join(folder, 'log.jsonl'), `${JSON.stringify(decision)}\n`);
  const sources = [{ name: 'decisions', type: 'opa' as const, location: './log.jsonl' }];
  warehouse = await open({ warehouse: './warehouse', sources }, { cwd: folder });
  await warehouse.backfill();
});
afterAll(async () => {
  await warehouse.close();
  rmSync(folder, { recursive: true, force: true });
});

test('the data of a report are what the command prints as JSON', async () => {
  const { data, html } = await warehouse.report({ from: '2026-01-01', to: '2026-01-01', title: 'First day' });
  expect(html).toContain('First day');
  expect(data.title).toBe('First day');
  expect(data.range.from).toBe('2026-01-01T00:00:00Z');
  expect(data.totals.decisions?.total).toBe(1);
  expect(data.tables.subjects?.[0]).toMatchObject({ subject: 'amy' });
  expect(JSON.parse(JSON.stringify(data))).toEqual(data);
});

test('reasons and types that there are not are refused, as the commands refuse them', async () => {
  const noReason = /^there is no reason nope; there are: .*malformed_json/;
  for (const asked of [
    warehouse.quarantine({ reasons: ['nope'] }),
    // @ts-expect-error: programs without types can ask for it.
    warehouse.replay({ reasons: ['nope'] }),
  ]) {
    const error: unknown = await asked.catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(UsageError);
    expect((error as UsageError).message).toMatch(noReason);
  }
  await expect(warehouse.quarantine({ sourceTypes: ['nope'] })).rejects.toThrow('there is no source type nope');
});
