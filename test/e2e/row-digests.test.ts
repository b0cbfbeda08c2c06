/** docs/row-digest.md says enough to compute the digests from the Parquet files alone: a second implementation does, in Python. */
import { execFileSync } from 'node:child_process';
import { globSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { backfill, configure, start } from '../support/binary.ts';
import { projectRoot } from '../support/cli.ts';
import { describeWith, rig } from '../support/rig.ts';

describeWith(['readers'], 'digests of objects', () => {
  test('are those that another program computes from the files, and the same after a compaction', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'aw-digests-'));
    try {
      const generate = (name: string, ...options: string[]): void =>
        void execFileSync(join(projectRoot, 'scripts/generate'), [
          join(folder, name),
          '--per-object',
          '200',
          ...options,
        ]);
      generate('eopa', '--records', '3000', '--bad', '0.01');
      generate('okera', '--records', '1500', '--source', 'okera-audit', '--bad', '0.01');
      const place = configure(folder, {
        warehouse: './warehouse',
        sources: [
          {
            name: 'eopa',
            type: 'opa',
            location: './eopa',
            columns: {
              verb: { path: 'input.action', type: 'string' },
              roles_given: { path: 'result.roles', type: 'list<string>' },
            },
          },
          { name: 'okera', type: 'okera-audit', location: './okera' },
        ],
      });
      expect((await backfill(place)).code).toBe(0);
      const ours = async (): Promise<string[]> => {
        const { code, stdout } = await start(['verify', '--deep', '--digests', 'digests.jsonl'], place).done;
        expect(stdout).toContain('no differences');
        expect(code).toBe(0);
        return readFileSync(join(folder, 'digests.jsonl'), 'utf8').trimEnd().split('\n');
      };
      const tables = ['opa_decisions', 'okera_audit_logs', 'quarantine'];
      const theirs: string[] = [];
      for (const table of tables) {
        const files = globSync(`warehouse/${table}/**/*.parquet`, { cwd: folder }).map((file) => join(folder, file));
        expect(files.length).toBeGreaterThan(0);
        theirs.push(...(await rig.python('row_digests.py', [table, ...files])).trimEnd().split('\n'));
      }
      const parsed = (lines: readonly string[]): object[] => lines.map((line) => JSON.parse(line));
      const before = await ours();
      expect(parsed(before)).toEqual(parsed(theirs));
      expect((await start(['compact'], place).done).code).toBe(0);
      expect(await ours()).toEqual(before);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  }, 120_000);
});
