/** The example for Airflow, as far as it can be looked at without it: it compiles, and what it runs are commands of the program. */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { cli, projectRoot } from '../support/cli.ts';

const path = join(projectRoot, 'deploy/airflow/audit_warehouse.py');
const text = readFileSync(path, 'utf8');

test('compiles', () => {
  const compile = 'import ast, sys; ast.parse(open(sys.argv[1]).read())';
  const { status, stderr } = spawnSync('python3', ['-c', compile, path], { encoding: 'utf8' });
  expect(stderr).toBe('');
  expect(status).toBe(0);
});

test('runs the three steps with options that they have', async () => {
  const used = (step: string): string[] => {
    const commands = [...text.matchAll(new RegExp(`audit-warehouse job ${step}\\b([^\\n]*)`, 'g'))].map(
      ([, args]) => args!,
    );
    expect(commands, step).not.toEqual([]);
    return commands.flatMap((args) => [...args.matchAll(/--[a-z-]+/g)].map(([option]) => option));
  };
  const planned = [...text.matchAll(/^ +.*\bjob\("\w+", "([^"]*)"/gm)].flatMap(
    ([, args]) => args!.match(/--[a-z-]+/g) ?? [],
  );
  expect(planned).toContain('--compact');
  for (const [step, options] of [
    ['plan', [...used('plan'), ...planned]],
    ['stage', used('stage')],
    ['commit', used('commit')],
  ] as const) {
    const { stdout } = await cli(['job', step, '--help'], { cwd: projectRoot });
    for (const option of options) expect(stdout, `${step} ${option}`).toMatch(new RegExp(`^ +${option}\\b`, 'm'));
  }
});
