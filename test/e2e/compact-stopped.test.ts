/** SIGTERM of a real compaction: it commits the days that are rewritten, says so, and the same command goes on from there. */
import { globSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { CompactReport } from '../../src/jobs/compact/compact.ts';
import { backfill, start } from '../support/binary.ts';

const days = 60;
const objects = 4;
const perObject = 90_000;
const minuteMs = 60_000;
const from = Date.parse('2026-01-01T00:00:00Z');

let cwd: string;
beforeAll(async () => {
  cwd = mkdtempSync(join(tmpdir(), 'audit-warehouse-stopped-'));
  mkdirSync(join(cwd, 'logs'));
  const document = {
    warehouse: './warehouse',
    sources: [{ name: 'eopa', type: 'opa', location: './logs' }],
    batch: { objects: 1, threads: 1 },
  };
  writeFileSync(join(cwd, 'audit-warehouse.yaml'), JSON.stringify(document));
  for (let object = 0; object < objects; object++) {
    const lines = Array.from({ length: perObject }, (_, n) =>
      JSON.stringify({
        decision_id: `decision ${object} ${n}`,
        timestamp: new Date(from + ((n * days) / perObject) * 24 * 60 * minuteMs + object).toISOString(),
        input: { subject: `user ${(n * 7919) % 1000}`, action: 'read' },
        result: n % 3 === 0,
      }),
    );
    writeFileSync(join(cwd, `logs/${object}.jsonl`), lines.join('\n'));
  }
  const { code } = await backfill({ cwd, env: {} });
  expect(code).toBe(0);
});
afterAll(() => rmSync(cwd, { recursive: true }));

const compactedFiles = (): string[] => globSync('warehouse/**/opa_decisions/data/**/compacted-*', { cwd });

interface Stopped {
  readonly code: number | null;
  readonly stderr: string;
  readonly report: CompactReport | undefined;
}

/** Sends so many signals once a day more than before is rewritten. */
async function stopped(...signals: readonly NodeJS.Signals[]): Promise<Stopped> {
  const before = compactedFiles().length;
  const run = start(['compact', '--table', 'opa_decisions', '--json'], { cwd });
  const watch = setInterval(() => {
    if (compactedFiles().length === before) return;
    clearInterval(watch);
    for (const signal of signals) run.kill(signal);
  }, 10);
  const { code, stderr, stdout } = await run.done;
  clearInterval(watch);
  return { code, stderr, report: stdout === '' ? undefined : JSON.parse(stdout) };
}

async function rows(): Promise<string> {
  const sql = 'select count(*) as n, count(distinct decision_id) as ids from opa_decisions';
  const { code, stdout } = await start(['query', '--sql', sql, '--format', 'csv'], { cwd }).done;
  expect(code).toBe(0);
  return stdout.trim().split('\n').at(-1)!;
}

test('a compaction that hears SIGTERM, or SIGINT, commits what is rewritten', async () => {
  const all = `${objects * perObject},${objects * perObject}`;
  let done = 0;
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    const { code, stderr, report } = await stopped(signal);
    expect([code, report?.stopped]).toEqual([1, true]);
    expect(stderr).toContain('stopped; what was committed stays');
    expect(report!.days.length).toBeGreaterThan(0);
    done += report!.days.length;
    expect(done).toBeLessThan(days);
    // Each day is one file, and none is there that was not committed.
    expect(compactedFiles()).toHaveLength(done);
    expect(await rows()).toBe(all);
  }
  // At once: nothing is committed, and nothing is lost.
  const { code, report } = await stopped('SIGTERM', 'SIGINT');
  expect([code, report]).toEqual([1, undefined]);
  expect(await rows()).toBe(all);

  const run = await start(['compact', '--table', 'opa_decisions', '--json'], { cwd }).done;
  const last = JSON.parse(run.stdout) as CompactReport;
  expect([run.code, last.stopped, last.days.length]).toEqual([0, undefined, days - done]);
  expect(await rows()).toBe(all);
});
