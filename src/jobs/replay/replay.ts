/**
 * Replay: quarantined records through the schema and limits of today. What is accepted now becomes a row of its table and
 * leaves the quarantine; what is not stays, with the newer reason where that is another. Nothing leaves the quarantine
 * without a row that holds it.
 *
 * One amendment a day of quarantine: the files of the day are replaced (the decisive change), the rows appended, the
 * record written. So a record is never in both tables nor in neither, wherever a run dies, and a replay that another
 * writer overtakes is planned again.
 */

import type { LoadedTable } from '../../iceberg/catalog.ts';
import { ensureTable, loadUnlessLost } from '../../iceberg/ensure.ts';
import { appliedDeletes } from '../../iceberg/row-deletes.ts';
import { type LiveFile, liveFiles, type Range } from '../../iceberg/scan.ts';
import { fileRows } from '../../iceberg/table-rows.ts';
import { increase } from '../../ingest/object-counts.ts';
import { expectOwnWarehouse } from '../../ingest/own-tables.ts';
import type { ConfiguredSource } from '../../ingest/plan.ts';
import type { Runtime } from '../../ingest/runtime.ts';
import { selectSources } from '../../ingest/select-sources.ts';
import { TableWriter } from '../../ingest/table-writer.ts';
import { parseDays } from '../../ingest/time-range.ts';
import { type AmendedRows, amend, finishAmendments } from '../../ledger/amendment.ts';
import { commitContext } from '../../ledger/runtime.ts';
import type { Row } from '../../parquet/read/row-reader.ts';
import type { RejectionCode } from '../../records/outcome.ts';
import { quarantine } from '../../tables/quarantine.ts';
import { compareText } from '../../text/order.ts';
import { expectReasons } from '../quarantine/expect-known.ts';
import { replan } from '../replan.ts';
import { Interpreters } from './interpreters.ts';

export interface ReplayOptions {
  readonly sources?: readonly string[];
  readonly reasons?: readonly RejectionCode[];
  /** UTC days of the quarantine, or times in them such as `yesterday` or `-7d`; both included. */
  readonly from?: string;
  readonly to?: string;
  /** IANA time zone of days and of times without an offset. Default: UTC. */
  readonly zone?: string;
  readonly dryRun?: boolean;
  readonly signal?: AbortSignal;
  readonly onDay?: (ymd: string) => void;
}

export interface ReplayReport {
  /** Records of the quarantine that were tried. */
  examined: number;
  /** Became rows. */
  replayed: number;
  /** Stay, though the sources as they are now would pass over them as lines of other programs. */
  skipped: number;
  /** Stay for the same reason. */
  unchanged: number;
  /** Stay for another reason than before. */
  changed: number;
  /** Cut when they were quarantined, and the object cannot be read any more or has changed. */
  unreadable: number;
  /** Rows by table. */
  readonly tables: Record<string, number>;
  /** What stays, by reason. */
  readonly reasons: Record<string, number>;
  readonly seconds: number;
}

export async function replay(runtime: Runtime, options: ReplayOptions = {}): Promise<ReplayReport> {
  const { clock, catalog } = runtime;
  const started = clock();
  expectReasons(options.reasons);
  const days = parseDays(options, { now: started });
  const sources = selectSources(runtime, options.sources);
  await expectOwnWarehouse(runtime);
  if (!options.dryRun) {
    await finishAmendments(runtime);
    // Sources may have come to promote columns since.
    if ((await catalog.loadTable(quarantine.name)) !== undefined)
      for (const { source } of sources) await ensureTable(commitContext(runtime), source.table);
  }
  const totals = { examined: 0, replayed: 0, skipped: 0, unchanged: 0, changed: 0, unreadable: 0 };
  const tables: Record<string, number> = {};
  const reasons: Record<string, number> = {};
  for (const ymd of await daysOf(runtime, days)) {
    options.signal?.throwIfAborted();
    const day = await replayDay(runtime, sources, ymd, options);
    for (const key of Object.keys(totals) as (keyof typeof totals)[]) totals[key] += day.counts[key];
    for (const [table, rows] of day.tables) tables[table] = (tables[table] ?? 0) + rows;
    for (const [reason, rows] of day.reasons) reasons[reason] = (reasons[reason] ?? 0) + rows;
    options.onDay?.(ymd);
  }
  return { ...totals, tables, reasons, seconds: (clock() - started) / 1000 };
}

async function daysOf({ store, catalog }: Runtime, ymd: Range<string>): Promise<string[]> {
  const loaded = await loadUnlessLost({ store, catalog }, quarantine.name);
  if (loaded === undefined) return [];
  const days = new Set<string>();
  for await (const file of liveFiles(store, loaded.metadata, { ymd })) if (file.ymd !== null) days.add(file.ymd);
  return [...days].sort(compareText);
}

interface ReplayedDay {
  readonly counts: Omit<ReplayReport, 'tables' | 'reasons' | 'seconds'>;
  readonly tables: ReadonlyMap<string, number>;
  readonly reasons: ReadonlyMap<string, number>;
}

async function replayDay(
  runtime: Runtime,
  sources: readonly ConfiguredSource[],
  ymd: string,
  options: ReplayOptions,
): Promise<ReplayedDay> {
  return replan({ what: `quarantine of ${ymd}`, command: 'replay' }, async () => {
    const loaded = await load(runtime, quarantine.name);
    const day = new DayReplay(runtime, sources, loaded, ymd, options);
    return (await day.run()) ? day : undefined;
  });
}

class DayReplay implements ReplayedDay {
  readonly counts = { examined: 0, replayed: 0, skipped: 0, unchanged: 0, changed: 0, unreadable: 0 };
  readonly tables = new Map<string, number>();
  readonly reasons = new Map<string, number>();
  readonly #runtime: Runtime;
  readonly #interpreters: Interpreters;
  readonly #quarantine: LoadedTable;
  readonly #ymd: string;
  readonly #options: ReplayOptions;
  /** Rows gained and lost, by table and then by object. */
  readonly #gained = new Map<string, Map<string, number>>();
  readonly #rows = new Map<string, TableWriter>();
  /** Names files after this run: those of an earlier one that died may be on their way out. */
  readonly #label: string;

  constructor(
    runtime: Runtime,
    sources: readonly ConfiguredSource[],
    loaded: LoadedTable,
    ymd: string,
    options: ReplayOptions,
  ) {
    this.#runtime = runtime;
    this.#interpreters = new Interpreters(runtime, sources);
    this.#quarantine = loaded;
    this.#ymd = ymd;
    this.#options = options;
    this.#label = `replay-${runtime.uuid().replaceAll('-', '').slice(-12)}`;
  }

  /** false where another writer was faster: nothing of it took effect. */
  async run(): Promise<boolean> {
    const kept = this.#writer(this.#quarantine, quarantine);
    const touched: LiveFile[] = [];
    try {
      for (const file of await this.#files()) {
        const rows = await this.#rowsOf(file);
        if (await this.#replayFile(rows, kept)) touched.push(file);
      }
      if (touched.length === 0 || this.#options.dryRun) return true;
      const appends = new Map<string, TableWriter['files']>();
      for (const [name, files] of [...this.#rows, [quarantine.name, kept] as const]) {
        await files.flush();
        await files.settled();
        files.expectRows(files.rows);
        if (name !== quarantine.name) appends.set(name, files.files);
      }
      return await amend(this.#runtime, {
        operation: 'replay',
        table: quarantine.name,
        change: {
          operation: kept.files.length > 0 ? 'overwrite' : 'delete',
          add: kept.files,
          remove: touched.map((file) => file.path),
          applied: appliedDeletes(touched),
        },
        appends,
        entries: this.#entries(),
      });
    } finally {
      for (const files of [kept, ...this.#rows.values()]) files.release();
    }
  }

  async #files(): Promise<LiveFile[]> {
    const files: LiveFile[] = [];
    const days = { from: this.#ymd, to: this.#ymd };
    for await (const file of liveFiles(this.#runtime.store, this.#quarantine.metadata, { ymd: days }))
      if (file.ymd === this.#ymd) files.push(file);
    return files.sort((a, b) => compareText(a.path, b.path));
  }

  async #rowsOf(file: LiveFile): Promise<Row[]> {
    const rows: Row[] = [];
    for await (const group of fileRows(this.#runtime.store, this.#quarantine.metadata, file)) rows.push(...group);
    return rows;
  }

  /** Whether any row of the file left it or changed; then all that stay of it went to `kept`. */
  async #replayFile(rows: readonly Row[], kept: TableWriter): Promise<boolean> {
    const outcomes = await this.#interpreters.interpret(rows.filter((row) => this.#isWanted(row)));
    const stays: (readonly unknown[])[] = [];
    let isTouched = false;
    for (const row of rows) {
      const outcome = outcomes.get(row);
      if (outcome !== undefined) this.counts.examined++;
      const uri = String(row.source_uri);
      if (outcome?.kind === 'unreadable') this.counts.unreadable++;
      if (outcome?.kind !== 'read') {
        if (outcome !== undefined) increase(this.reasons, String(row.reason), 1);
        stays.push(valuesOf(row));
        continue;
      }
      const { source, rows: gained, rejected, isForeign } = outcome;
      const [first] = rejected;
      if (gained.length === 0 && (first === undefined || (rejected.length === 1 && !differs(first, row)))) {
        this.counts[isForeign ? 'skipped' : 'unchanged']++;
        increase(this.reasons, String(row.reason), 1);
        stays.push(valuesOf(row));
        continue;
      }
      isTouched = true;
      this.counts.replayed += gained.length;
      this.counts.changed += rejected.length;
      const { table } = source.source;
      this.#account(quarantine.name, uri, rejected.length - 1);
      for (const { values } of gained) {
        increase(this.tables, table.name, 1);
        this.#account(table.name, uri, 1);
        if (!this.#options.dryRun) (await this.#rowsFor(source)).append(values);
      }
      for (const now of rejected) {
        increase(this.reasons, String(now.reason), 1);
        stays.push(valuesOf(now));
      }
    }
    if (isTouched && !this.#options.dryRun) for (const values of stays) kept.append(values as Row[string][]);
    return isTouched;
  }

  #isWanted(row: Row): boolean {
    const { reasons } = this.#options;
    return (
      (reasons === undefined || (reasons as readonly string[]).includes(String(row.reason))) &&
      this.#interpreters.sourceOf(row) !== undefined
    );
  }

  #account(table: string, uri: string, rows: number): void {
    const byUri = this.#gained.get(table) ?? new Map<string, number>();
    this.#gained.set(table, byUri);
    increase(byUri, uri, rows);
  }

  #entries(): AmendedRows[] {
    return [...this.#gained].flatMap(([table, byUri]) =>
      [...byUri].map(([sourceUri, rows]) => ({ table, sourceUri, rows, detail: `quarantine of ${this.#ymd}` })),
    );
  }

  async #rowsFor({ source }: ConfiguredSource): Promise<TableWriter> {
    const { name } = source.table;
    const files = this.#rows.get(name) ?? this.#writer(await load(this.#runtime, name), source.table);
    this.#rows.set(name, files);
    if (files.bytes > this.#runtime.config.batch.columnBytes) await files.flush();
    return files;
  }

  #writer(loaded: LoadedTable, declaration: ConfiguredSource['source']['table']): TableWriter {
    const { store, encoder, config } = this.#runtime;
    return new TableWriter({ store, encoder, output: config.output }, loaded, declaration, this.#label);
  }
}

/** Whether the record is rejected otherwise than before. Its day stays: the row does not move between files. */
const differs = (now: Row, before: Row): boolean =>
  now.reason !== before.reason || now.pointer !== before.pointer || now.detail !== before.detail;

const valuesOf = (row: Row): readonly unknown[] => quarantine.columns.map(({ name }) => row[name] ?? null);

async function load({ catalog }: Runtime, name: string): Promise<LoadedTable> {
  const loaded = await catalog.loadTable(name);
  if (loaded === undefined) throw new Error(`there is no table ${name} in the catalog; run backfill first`);
  return loaded;
}
