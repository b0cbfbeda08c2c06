/** Memory of the binary with one thread: what an object holds, or how much of it, does not show in the peak. */
import {
  createWriteStream,
  globSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGzip, createZstdCompress } from 'node:zlib';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { backfill, start } from '../support/binary.ts';

const mostBytes = 300 << 20;
/** Where other tests press for the CPUs, garbage is sometimes collected late; what grows with the input is there every time. */
const again = { retry: 2 };
const preload = join(import.meta.dirname, '../../scripts/bench/resource-usage.ts');
const env = { NODE_OPTIONS: `--import=${preload}`, BENCH_RESOURCE_USAGE: 'usage.json' };

let cwd: string;
beforeEach(() => {
  cwd = mkdtempSync(join(tmpdir(), 'audit-warehouse-flat-'));
  mkdirSync(join(cwd, 'logs'));
  configure(['logs']);
});
afterEach(() => rmSync(cwd, { recursive: true }));

function configure(folders: readonly string[]): void {
  const sources = folders.map((location, i) => ({ name: `source-${i}`, type: 'opa', location: `./${location}` }));
  writeFileSync(
    join(cwd, 'audit-warehouse.yaml'),
    JSON.stringify({ warehouse: './warehouse', batch: { threads: 1 }, sources }),
  );
}

const peakBytes = (): number => JSON.parse(readFileSync(join(cwd, 'usage.json'), 'utf8')).maxRSS * 1024;

const secondMs = 1000;
const from = Date.parse('2026-01-01T00:00:00Z');
const decision = (n: number, stepMs = secondMs) => ({
  decision_id: `decision ${n}`,
  timestamp: new Date(from + ((n * stepMs) % (3650 * 86_400 * secondMs))).toISOString(),
  path: 'policy/allow',
  input: { subject: `user ${n % 1000}`, action: 'read' },
  result: n % 3 === 0,
});

type Text = (decision: string, n: number) => string;
const forms: Readonly<Record<string, Text>> = {
  lines: (text) => `${text}\n`,
  'pretty-printed values': (text) => `${JSON.stringify(JSON.parse(text), null, 2)}\n`,
  'one array': (text, n) => `${n === 0 ? '[' : ','}${text}`,
  'one behind the other': (text) => text,
  "Docker's envelopes": (text) =>
    `${JSON.stringify({ log: `${text}\n`, stream: 'stdout', time: '2026-01-01T00:00:00Z' })}\n`,
  'lines that are no records': (text) => `${text.slice(0, -1)},\n`,
};

/** So many decisions in pieces of about a megabyte. */
function* decisions(count: number, form: Text, stepMs?: number): Generator<string> {
  const most = 4096;
  for (let n = 0; n < count; n += most) {
    const piece = Array.from({ length: Math.min(most, count - n) }, (_, i) => n + i);
    yield piece.map((number) => form(JSON.stringify(decision(number, stepMs)), number)).join('');
  }
}

function* all<T>(...parts: Iterable<T>[]): Generator<T> {
  for (const part of parts) yield* part;
}

async function store(name: string, text: Iterable<string>, ...through: NodeJS.ReadWriteStream[]): Promise<void> {
  await pipeline([Readable.from(text), ...through, createWriteStream(join(cwd, 'logs', name))]);
}

const many = 1_600_000;
const some = 300_000;

test.each([
  ['plain', many, []],
  ['gzip', many, [createGzip({ level: 1 })]],
  ['zstd', many, [createZstdCompress()]],
] as const)('one object of very many decisions, %s', again, async (_, count, through) => {
  await store('all.log', decisions(count, forms.lines!), ...through);
  const { code, report } = await backfill({ cwd, env });
  expect([code, report.records.rows]).toEqual([0, count]);
  expect(peakBytes()).toBeLessThan(mostBytes);
});

test.each(Object.entries(forms).slice(1))('one object of %s', async (name, form) => {
  const end = name === 'one array' ? [']'] : [];
  await store('all.log', all(decisions(some, form), end));
  const { code, report } = await backfill({ cwd, env });
  const { rows, quarantined } = report.records;
  const isRecord = name !== 'lines that are no records';
  expect([code, rows, quarantined]).toEqual([0, isRecord ? some : 0, isRecord ? 0 : some]);
  expect(peakBytes()).toBeLessThan(mostBytes);
});

test('one enormous line, which is quarantined', async () => {
  const piece = 'x'.repeat(1 << 20);
  await store(
    'all.log',
    all(
      ['{"decision_id":"'],
      Array.from({ length: 400 }, () => piece),
      ['"}\n'],
    ),
  );
  const { code, report } = await backfill({ cwd, env });
  expect([code, report.records]).toMatchObject([0, { read: 1, quarantined: 1 }]);
  expect(peakBytes()).toBeLessThan(mostBytes);
});

test('records of 12 MiB each', again, async () => {
  const count = 20;
  const records = function* (): Generator<string> {
    for (let n = 0; n < count; n++) {
      const blob = Array.from({ length: (12 << 20) / 64 }, (_, i) => `${i * 7919 + n}`.padStart(64, 'abc')).join('');
      yield `${JSON.stringify({ ...decision(n), input: { subject: 'user', blob } })}\n`;
    }
  };
  await store('all.log', records());
  const { code, report } = await backfill({ cwd, env });
  expect([code, report.records.rows]).toEqual([0, count]);
  expect(peakBytes()).toBeLessThan(mostBytes);
});

test('many sources, each of which has filled its columns', async () => {
  const text = [...decisions(100_000, forms.lines!)];
  await store('all.log', text);
  const folders = Array.from({ length: 16 }, (_, i) => `source-${i}`);
  for (const folder of folders) {
    mkdirSync(join(cwd, folder));
    linkSync(join(cwd, 'logs/all.log'), join(cwd, folder, 'all.log'));
  }
  configure(folders);
  const { code, report } = await backfill({ cwd, env });
  expect([code, report.records.rows]).toEqual([0, 1_600_000]);
  expect(peakBytes()).toBeLessThan(mostBytes);
});

const dayMs = 86_400 * secondMs;
const dataFiles = (): string[] => globSync('warehouse/**/opa_decisions/data/**/*.parquet', { cwd });

test('decisions of very many days', again, async () => {
  const days = 3650;
  await store('all.log', decisions(days, forms.lines!, dayMs));
  const { code, report } = await backfill({ cwd, env });
  expect([code, report.records.rows, dataFiles().length]).toEqual([0, days, days]);
  expect(peakBytes()).toBeLessThan(200 << 20);
});

test('SIGTERM is heard while the files of very many days are laid out', async () => {
  const days = 3000;
  await store('all.log', decisions(days, forms.lines!, dayMs));
  const run = start(['backfill', '--json'], { cwd, env });
  const watch = setInterval(() => {
    if (dataFiles().length === 0) return;
    clearInterval(watch);
    run.kill('SIGTERM');
  }, 50);
  const { code, stderr } = await run.done;
  clearInterval(watch);
  expect(stderr).toContain('stopping in good order');
  expect(code).toBe(1);
  expect(dataFiles().length).toBeLessThan(days);
});
