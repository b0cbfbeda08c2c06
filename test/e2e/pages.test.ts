/** Pages whose commands a reader types one after another: each block marked `sh` runs, in one folder, and says what the page promises. */
import { execFile } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { binary, projectRoot } from '../support/cli.ts';

const run = promisify(execFile);
const pageOf = (name: string): string => readFileSync(join(projectRoot, 'docs', name), 'utf8');
const blocks = (page: string, language: string): string[] =>
  [...page.matchAll(new RegExp(`^\`\`\`${language}\n(.*?)^\`\`\``, 'gms'))].map(([, text]) => text!);

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'aw-pages-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** As a shell does it that ends at the first command that fails. */
async function type(script: string): Promise<string> {
  const env = { HOME: folder, PATH: `${dirname(binary)}:${process.env.PATH}`, AUDIT_WAREHOUSE_LOG_LEVEL: 'error' };
  const { stdout } = await run('bash', ['-euo', 'pipefail', '-c', script], { cwd: folder, env });
  return stdout;
}

/** Spaces at the ends of lines are a matter of the terminal. */
const trimmed = (text: string): string => text.replace(/ +$/gm, '');

const promised = {
  // OPA's number 3 is missing, and the exit code says so.
  'opa-in-five-minutes.md': [/at most 1 records? (is|are) missing/, /exit 4/, /no differences/],
  'okera-in-five-minutes.md': [/no differences/],
};

test.each(Object.entries(promised))(
  '%s goes from a log to answers, and shows one of them as it comes',
  async (name, said) => {
    const page = pageOf(name);
    const output = trimmed(await type(blocks(page, 'sh').join('\n')));
    const [answer] = blocks(page, 'text');
    expect(output).toContain(answer);
    for (const one of said) expect(output).toMatch(one);
    expect(readdirSync(folder)).toEqual(expect.arrayContaining(['audit-warehouse.yaml', 'logs', 'warehouse']));
  },
);

test('disaster-recovery.md: a copy is put back, and a warehouse is rebuilt', async () => {
  const [sample, read] = blocks(pageOf('opa-in-five-minutes.md'), 'sh');
  const [restore, rebuild, ...others] = blocks(pageOf('disaster-recovery.md'), 'sh');
  expect(others).toEqual([]);
  // Between the copy and the disaster another log arrives.
  const later = "sed 's/f1a0/f1b0/' logs/opa.log > logs/later.log; audit-warehouse backfill\n";
  const [copy, ...rest] = restore!.split('\n');
  const restored = await type([sample, read, copy, later, ...rest].join('\n'));
  expect(restored).toContain('exit 4: what came after the copy');
  expect(restored).toContain('no differences');
  expect(await type(rebuild!)).toContain('no differences');
  expect(await type('audit-warehouse query --format csv --sql "SELECT count(*) AS n FROM opa_decisions"')).toContain(
    '\n6',
  );
});
