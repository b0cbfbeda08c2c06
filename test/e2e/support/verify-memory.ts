/**
 * What `verify` holds in memory at the most for so many objects, in bytes: those of the ledger, of a table with a row of each, and of
 * the listing. To be run with --expose-gc. The objects are there in name only, since they are not read.
 */
import { commitTable } from '../../../src/iceberg/commit.ts';
import type { DataFile } from '../../../src/iceberg/data-file.ts';
import { liveFiles } from '../../../src/iceberg/scan.ts';
import { dayFilesRequest, storeDataFile } from '../../../src/iceberg/write.ts';
import { verify } from '../../../src/jobs/verify/verify.ts';
import { KernelTable } from '../../../src/kernel/table.ts';
import { fromRow, type LedgerEntry, tableOfEntries } from '../../../src/ledger/entry.ts';
import { commitContext } from '../../../src/ledger/runtime.ts';
import { readRows } from '../../../src/parquet/read/row-reader.ts';
import { dayFiles } from '../../../src/parquet/write/day-files.ts';
import { createSource } from '../../../src/sources/index.ts';
import { MemoryStore } from '../../../src/store/memory.ts';
import type { ListOptions, ObjectInfo } from '../../../src/store/store.ts';
import type { TableDeclaration } from '../../../src/tables/declaration.ts';
import { ingestedObjects } from '../../../src/tables/ingested-objects.ts';
import { decision, input, putLines, run, testRuntime } from '../../support/warehouse.ts';

const objects = Number(process.argv[2]);
const perFile = 10_000;

let most = 0;
function look(): number {
  // Buffers are freed beside a collection; the next one waits for that.
  for (let i = 0; i < 2; i++) globalThis.gc!();
  const { heapUsed, external } = process.memoryUsage();
  most = Math.max(most, heapUsed + external);
  return heapUsed + external;
}

/** As long as Enterprise OPA's keys in a bucket are. */
function object(number: number): ObjectInfo {
  const digits = String(number).padStart(12, '0');
  const [first, last] = [1689033600 + number, 1689037200 + number];
  const uri = `${input}/eopa=acme-prod-${number % 4}/first_ts=${first}/last_ts=${last}/batch_id=00000000-0000-4000-8000-${digits}.jsonl`;
  return { uri, etag: `"${digits.padStart(32, '0')}"`, size: 1000, lastModified: 1689037200000 };
}

class Listed extends MemoryStore {
  isFull = false;

  override async *list(prefix: string, options?: ListOptions): AsyncGenerator<ObjectInfo> {
    yield* super.list(prefix, options);
    if (!this.isFull || !prefix.startsWith(input)) return;
    for (let i = 0; i < objects; i++) {
      if (i % perFile === 0) look();
      yield object(i);
    }
    look();
  }
}

const store = new Listed();
const runtime = testRuntime({ store });
const { catalog, config, encoder } = runtime;

async function append(declaration: TableDeclaration, buffers: Iterable<KernelTable>): Promise<void> {
  const loaded = (await catalog.loadTable(declaration.name))!;
  const add: DataFile[] = [];
  for (const buffer of buffers) {
    const request = dayFilesRequest(loaded, declaration, buffer.batch(), config.output);
    for await (const day of dayFiles(encoder, request))
      add.push(await storeDataFile({ store, table: loaded, declaration, label: `more-${add.length}` }, day));
    buffer.release();
  }
  await commitTable(commitContext(runtime), declaration.name, () => ({
    operation: 'append',
    add,
    remove: [],
    summary: {},
  }));
}

async function firstRow(table: string) {
  const { metadata } = (await catalog.loadTable(table))!;
  for await (const file of liveFiles(store, metadata))
    for await (const [row] of readRows(store, { uri: file.path, size: file.fileSize }))
      if (row !== undefined) return row;
  throw new Error(`${table} is empty`);
}

await putLines(store, 'eopa=acme-prod-0/first_ts=1/last_ts=2/batch_id=first.jsonl', decision());
await run(runtime);
const events = createSource('opa', {}, config.limits).table;
const [entry, event] = [fromRow(await firstRow(ingestedObjects.name)), await firstRow(events.name)];
function* parts<T>(of: (from: number, to: number) => T): Generator<T> {
  for (let from = 0; from < objects; from += perFile) yield of(from, Math.min(objects, from + perFile));
}
const numbers = (from: number, to: number): number[] => Array.from({ length: to - from }, (_, i) => from + i);
await append(
  ingestedObjects,
  parts((from, to) =>
    tableOfEntries(
      ingestedObjects,
      numbers(from, to).map((number): LedgerEntry => ({ ...entry, object: object(number), batch: `batch-${from}` })),
    ),
  ),
);
await append(
  events,
  parts((from, to) => {
    const buffer = new KernelTable(events.columns);
    for (const number of numbers(from, to)) {
      const row = { ...event, decision_id: String(number), source_uri: object(number).uri };
      buffer.append(events.columns.map(({ name }) => row[name as keyof typeof row] ?? null));
    }
    return buffer;
  }),
);
store.isFull = true;

look();
const before = look();
most = before;
const report = await verify(runtime, { onPhase: () => void look() });
process.stdout.write(JSON.stringify({ bytes: most - before, listed: report.objects.listed, ok: report.ok }));
if (!report.ok) process.stderr.write(JSON.stringify(report.differences.slice(0, 5)));
