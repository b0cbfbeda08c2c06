/** The nightly script: all three jobs, whatever becomes of the first. */
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { decisionLogs } from '../e2e/support/logs.ts';
import { cli, projectRoot, temporaryFolder } from '../support/cli.ts';

const { folder, remove } = temporaryFolder();
afterAll(remove);

test('compacts, expires and verifies, and exits as the first that failed', async () => {
  const [log] = decisionLogs(1, 20);
  const file = join(folder, 'logs', log!.key);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, log!.body);
  const config = join(folder, 'audit-warehouse.yaml');
  writeFileSync(config, 'warehouse: ./warehouse\nsources: [{ name: eopa, type: opa, location: ./logs }]\n');
  const env = { AUDIT_WAREHOUSE_CONFIG: config, AUDIT_WAREHOUSE_VERIFY_IGNORE_NEWER: '0s' };
  expect((await cli(['backfill'], { cwd: folder, env })).code).toBe(0);
  const nightly = () => cli([], { cwd: folder, env, command: join(projectRoot, 'deploy/nightly') });

  const good = await nightly();
  expect(good.code).toBe(0);
  const documents = good.stdout
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as object);
  expect(documents).toMatchObject([{ days: expect.any(Array) }, { intents: 0 }, { ok: true }]);

  writeFileSync(join(dirname(file), 'late.jsonl'), readFileSync(file));
  const missing = await nightly();
  expect(missing.code).toBe(4);
  expect(missing.stderr).toContain('nightly: verify ended with 4');

  rmSync(config);
  const broken = await nightly();
  expect(broken.code).toBe(2);
  expect(broken.stderr.match(/^nightly: \w+/gm)).toEqual(['nightly: compact', 'nightly: expire', 'nightly: verify']);
});
