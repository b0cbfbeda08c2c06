/**
 * The same input gives the same bytes, also after the code has been rearranged: a warehouse of generated logs is
 * written in several ways, and each data file must have the digest that is committed in test/e2e/bytes/.
 *
 * A change that is meant to alter what is written updates these lists: `vitest run test/e2e/bytes.test.ts -u`. The
 * diff then shows which tables and days it touches. Only data files count, and neither their names, which depend on
 * the order of commits, nor the ledger, which holds times; the version of the package is masked.
 */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import packageJson from '../../package.json' with { type: 'json' };
import { loadConfig } from '../../src/config/load.ts';
import { liveFiles } from '../../src/iceberg/scan.ts';
import type { Runtime } from '../../src/ingest/runtime.ts';
import { compact } from '../../src/jobs/compact/compact.ts';
import { ParquetJsEncoder } from '../../src/parquet/rowwise/encoder.ts';
import type { SourceConfig } from '../../src/sources/config.ts';
import { MemoryStore } from '../../src/store/memory.ts';
import { createRuntime } from '../../src/wire.ts';
import { backfill, configure, type Place } from '../support/binary.ts';
import { collect } from '../support/collect.ts';
import { run, testRuntime, type WorldOptions } from '../support/warehouse.ts';

const tables = ['opa_decisions', 'okera_audit_logs', 'quarantine'];
const root = 'memory://bytes';
const columns = {
  user_region: { path: 'input.region', type: 'string', strict: false },
  allowed_again: { path: 'result.allowed', type: 'boolean', strict: false },
  evaluation_ns: { path: 'metrics.timer_regovm_eval_ns', type: 'long', strict: false },
  share: { path: 'input.share', type: 'double', strict: false },
} as const;
const sources: SourceConfig[] = [
  { name: 'eopa', type: 'opa', location: `${root}/opa`, columns },
  { name: 'okera', type: 'okera-audit', location: `${root}/okera`, columns: {} },
];
/** Several batches per source, several row groups and files per day. */
const batch = { bytes: 800_000, objects: 8, downloads: 2 };
const output = { rowGroupRows: 300, fileRows: 700 };

/** What the generator does not make: lists, numbers of every kind, text beyond ASCII, missing and unknown fields. */
const oddDecisions = [
  `{"decision_id":"odd-1","timestamp":"2023-07-10T01:02:03.123456789+02:00","labels":{"id":"é","区":"😀"},
    "input":{"subject":"Zo\\u00eb 😀","share":0.1,"tenant":{"id":7}},"result":true,"erased":["/input/password","/é"],
    "masked":["/input/token"],"metrics":{"timer_regovm_eval_ns":9007199254740993,"histogram":{"p99":1.5}},
    "unknown":{"deep":[1,[2,[3,{"x":null}]]]}}`.replaceAll('\n', ' '),
  '{"decision_id":"odd-2","timestamp":"2023-07-11T23:59:59.9Z","labels":{},"input":"a string","result":null}',
  '{"decision_id":"","timestamp":"2023-07-11T12:00:00Z","labels":{"id":"i"},"input":{"share":-0.0,"region":5}}',
  '{"decision_id":"odd-3","timestamp":"2023-07-12T00:00:00Z","labels":{"id":"i"},"input":{"client_ip":"2001:db8::1"}}',
  '{"decision_id":"odd-4","timestamp":"2023-07-12T00:00:00Z","labels":{"id":"i"},"requested_by":"10.0.0.1:99"}',
];

let folder: string;
const objects = new Map<string, Uint8Array>();

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'aw-bytes-'));
  const common = ['--days', '2', '--bad', '0.03', '--seed', '13'];
  generate('opa', ['--records', '6000', '--per-object', '250', ...common]);
  generate('okera', ['--records', '1500', '--per-object', '120', '--source', 'okera-audit', ...common]);
  for (const name of readdirSync(folder, { recursive: true, encoding: 'utf8' }).sort())
    if (statSync(join(folder, name)).isFile()) objects.set(name, readFileSync(join(folder, name)));
  const opa = [...objects].filter(([name]) => name.startsWith('opa/'));
  // Delivered twice under another name, in another batch; some of it compressed.
  const again = (name: string): string => name.replace('eopa=', 'eopa=f').replace('batch_id=', 'batch_id=again-');
  for (const [name, body] of opa.slice(0, 3)) objects.set(`${again(name)}.gz`, gzipSync(body));
  objects.set(
    'opa/eopa=odd/first_ts=1688947200/last_ts=1689120000/batch_id=1.jsonl',
    Buffer.from(oddDecisions.join('\n')),
  );
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function generate(name: string, options: readonly string[]): void {
  execFileSync(join(import.meta.dirname, '../../scripts/generate'), [join(folder, name), ...options]);
}

async function world(options: WorldOptions = {}): Promise<Runtime> {
  const store = new MemoryStore();
  for (const [name, body] of objects) await store.put(`${root}/${name}`, body);
  return testRuntime({
    store,
    sources,
    ...options,
    batch: { ...batch, ...options.batch },
    output: { ...output, ...options.output },
  });
}

const version = Buffer.from(`audit-warehouse version ${packageJson.version} `);

/** A line per data file: table, day, rows, bytes, digest. */
async function digests(runtime: Pick<Runtime, 'store' | 'catalog'>): Promise<string> {
  const found: string[] = [];
  for (const table of tables) {
    const { metadata } = (await runtime.catalog.loadTable(table))!;
    for (const file of await collect(liveFiles(runtime.store, metadata))) {
      const bytes = Buffer.concat(await collect((await runtime.store.get(file.path)).chunks));
      expect(bytes.length).toBe(file.fileSize);
      const at = bytes.indexOf(version);
      expect(at).toBeGreaterThan(0);
      bytes.fill('-', at, at + version.length);
      const digest = createHash('sha256').update(bytes).digest('hex');
      found.push(`${table} ${file.ymd} ${file.recordCount} rows ${bytes.length} bytes ${digest}\n`);
    }
  }
  return found.sort().join('');
}

const list = (name: string): string => join(import.meta.dirname, 'bytes', `${name}.txt`);

describe('the bytes of the data files are the committed ones', () => {
  test.each<[string, WorldOptions]>([
    ['one-thread', {}],
    ['two-threads', { threads: 2 }],
    ['columns-that-overflow', { batch: { columnBytes: 1 << 18, downloads: 1 } }],
    ['rows-put-aside', { batch: { columnBytes: 1 << 18, downloads: 1, spill: 'memory://bytes/runs' } }],
    [
      'large-row-groups',
      {
        batch: { bytes: 1 << 24, objects: 100 },
        output: { rowGroupRows: 10_000, fileRows: 100_000, compressionLevel: 9 },
      },
    ],
    ['parquetjs', { encoder: new ParquetJsEncoder() }],
  ])('after a backfill: %s', async (name, options) => {
    const runtime = await world(options);
    const report = await run(runtime);
    expect(report.failures).toEqual([]);
    await expect(await digests(runtime)).toMatchFileSnapshot(list(name));
  });

  test.each<[string, WorldOptions]>([
    ['compacted', {}],
    ['compacted-in-runs', { compact: { memoryBytes: 1 << 18, rowGroupRows: 200 } }],
    ['compacted-into-many-files', { compact: { targetBytes: 1 << 16, rowGroupRows: 200 } }],
  ])('after a compaction: %s', async (name, options) => {
    const runtime = await world(options);
    await run(runtime);
    const report = await compact(runtime, {});
    // The copies from another batch, beside what the batches dropped themselves.
    expect(report.tables.opa_decisions!.duplicates).toBeGreaterThan(700);
    expect(report.days.some((day) => 'spilledRuns' in day && day.spilledRuns > 1)).toBe(name === 'compacted-in-runs');
    await expect(await digests(runtime)).toMatchFileSnapshot(list(name));
  });
});

describe('threads of their own write the bytes that this thread writes', () => {
  const configured = (name: string, threads: number): Place =>
    configure(join(folder, name), {
      warehouse: './warehouse',
      sources: sources.map(({ location, ...source }) => ({
        ...source,
        location: `../some/${location.slice(root.length + 1)}`,
      })),
      // One thread and two cut the same batches where each object is one.
      batch: { objects: 1, threads },
      output: { row_group_rows: output.rowGroupRows, file_rows: output.fileRows },
    });

  test('of the same batches', async () => {
    // A commit per object takes its time.
    const some = [...objects.keys()].filter((name, i) => i % 4 === 0 || name.includes('eopa=odd'));
    for (const name of some) {
      mkdirSync(dirname(join(folder, 'some', name)), { recursive: true });
      writeFileSync(join(folder, 'some', name), objects.get(name)!);
    }
    const [alone, together] = [configured('alone', 1), configured('together', 2)];
    for (const place of [alone, together]) expect((await backfill(place)).report.failures).toEqual([]);
    const expected = await digests(await openRuntime(alone));
    for (const table of tables) expect(expected).toContain(table);
    expect(await digests(await openRuntime(together))).toBe(expected);
  });
});

const openRuntime = ({ cwd }: Place): Promise<Runtime> =>
  createRuntime(
    loadConfig({ file: 'audit-warehouse.yaml', settings: [], env: {}, cwd, reserved: () => new Set() }).config,
  );
