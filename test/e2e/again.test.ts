/** backfill --again as a user gives it: after a change of fields, with a dry run before. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { cli, temporaryFolder } from '../support/cli.ts';

test('after a change of fields, --again says what it would replace, replaces it, and exits 0', async () => {
  const { folder: cwd, remove } = temporaryFolder();
  onTestFinished(remove);
  mkdirSync(join(cwd, 'logs'));
  const line = (id: number) =>
    JSON.stringify({
      decision_id: `d${id}`,
      input: { user: `user-${id}` },
      labels: { id: 'i' },
      result: { allowed: true },
      timestamp: `2026-01-01T00:00:0${id}Z`,
    });
  writeFileSync(join(cwd, 'logs/a.jsonl'), [line(1), line(2)].join('\n'));
  const configure = (source: object): void =>
    writeFileSync(
      join(cwd, 'audit-warehouse.yaml'),
      JSON.stringify({
        warehouse: './warehouse',
        catalog: { type: 'file' },
        sources: [{ name: 'opa', type: 'opa', location: './logs/', ...source }],
      }),
    );
  const run = (...args: string[]) => cli(['backfill', '--no-progress', ...args], { cwd });
  configure({});
  expect((await run()).code).toBe(0);
  configure({ fields: { subject: ['input.user'] } });
  expect((await run()).stdout).toContain('backfill --again --source opa');
  expect((await run('--again', '--dry-run')).stdout).toContain('of these, 1 again, in place of 2 rows');
  const { code, stdout } = await run('--again', '--json');
  const report = JSON.parse(stdout);
  expect({ code, again: report.again, others: report.otherMappings }).toEqual({
    code: 0,
    again: { objects: 1, replaced: { quarantine: 0, opa_decisions: 2 }, erased: 0, kept: 0 },
    others: [],
  });
  const asked = ['query', '--sql', 'select subject from opa_decisions order by 1', '--format', 'csv'];
  expect((await cli(asked, { cwd })).stdout.trim().split(/\r?\n/)).toEqual(['subject', 'user-1', 'user-2']);
  expect((await cli(['verify', '--deep'], { cwd })).code).toBe(0);
});
