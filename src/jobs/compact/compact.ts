/**
 * Compaction: the many small files that ingest leaves become few large ones in the table's clustering order, and each
 * record stays once. May run beside workers, another compaction and other engines: the loser of a race plans again,
 * and only for the days that it lost. A run on compacted tables changes nothing.
 *
 * A run that is stopped begins no further day, gives up those that it still reads, and commits those that are rewritten;
 * one that fails commits those before the failure. A crash leaves files that no snapshot holds, which `expire` removes, and
 * nothing else.
 */

import { mapSettled } from '../../iceberg/files.ts';
import { currentSnapshot } from '../../iceberg/metadata.ts';
import type { Range } from '../../iceberg/scan.ts';
import { sortKeyText } from '../../iceberg/sort-orders.ts';
import { isTableFault } from '../../iceberg/table-fault.ts';
import { ByteBudget } from '../../ingest/byte-budget.ts';
import { InFlight } from '../../ingest/in-flight.ts';
import { expectOwnWarehouse } from '../../ingest/own-tables.ts';
import type { Runtime } from '../../ingest/runtime.ts';
import { parseDays } from '../../ingest/time-range.ts';
import { finishAmendments } from '../../ledger/amendment.ts';
import { ColumnNotWritten } from '../../rewrite/stored-table.ts';
import { cachedReads } from '../../store/cached-reads.ts';
import { compareText } from '../../text/order.ts';
import { readTableFiles } from '../rewrite/live-files.ts';
import { tablesNamed } from '../tables-named.ts';
import { commitDays, dropDanglingDeletes } from './commit.ts';
import { DayRows } from './day-rows.ts';
import { type OpenedTable, openTable, rewriteOptions, rulesOf, withSortOrder } from './open.ts';
import { type CompactionRules, type DayPlan, planTable, type Refusal, type TablePlan } from './plan.ts';
import { type RewriteOptions, type RewrittenDay, rewriteDay } from './rewrite.ts';

export interface CompactOptions {
  /** Names; all tables where omitted. */
  readonly tables?: readonly string[];
  /** UTC days, or times in them such as `yesterday` or `-7d`; both included. */
  readonly from?: string;
  readonly to?: string;
  /** IANA time zone of days and of times without an offset. Default: UTC. */
  readonly zone?: string;
  readonly dryRun?: boolean;
  /** Stops the run in good order: what is rewritten by then is stored and committed, and the report says so. */
  readonly signal?: AbortSignal;
  /** Told after each day. */
  readonly onDay?: (day: CompactedDay) => void;
}

export interface PlannedDay {
  readonly table: string;
  readonly day: string;
  readonly reasons: readonly string[];
  readonly files: number;
  readonly bytes: number;
  readonly rows: number;
  /** Files after it, if the rows take as many bytes as before. */
  readonly expectedFiles: number;
}

export interface CompactedDay extends PlannedDay {
  readonly newFiles: number;
  readonly newBytes: number;
  readonly duplicates: number;
  /** Rows that another engine had deleted, and whose deletion is merged into the new files. */
  readonly deleted: number;
  readonly spilledRuns: number;
}

export interface CompactReport {
  /** By table, those that were looked at. */
  readonly tables: Readonly<Record<string, CompactedTable>>;
  /** With dryRun what would be done, else what was done. */
  readonly days: readonly (PlannedDay | CompactedDay)[];
  /** Left as they are, with the reason. */
  readonly refused: readonly Refusal[];
  /** Days that another writer changed again and again while they were being rewritten: for the next run. */
  readonly overtaken: readonly { readonly table: string; readonly day: string }[];
  /** The signal has fired before everything was done: for the next run. */
  readonly stopped?: true;
  readonly seconds: number;
}

export interface CompactedTable {
  readonly clusteredBy: readonly string[];
  days: number;
  files: { before: number; after: number };
  bytes: { before: number; after: number };
  rows: number;
  duplicates: number;
  /** Rows that other engines had deleted. */
  deleted: number;
  /** Delete files that applied to nothing any more. */
  deleteFilesRemoved: number;
  /** With dryRun: days that a run looks through for duplicates, and rewrites where it finds some. */
  suspects: number;
}

/** Tries for a day that other writers keep changing. */
const mostRounds = 5;
/** Days are committed together up to this many bytes, so that a long run is not lost as a whole. */
const bytesPerCommit = 2 ** 32;
const daysPerCommit = 31;
/** One day is in the columns and one opens its files; four more may be compressed and stored meanwhile. */
const daysRead = 2;
const daysStored = 4;
/** Stored bytes of all days in work. A larger day is rewritten alone, and keeps the processors busy by itself. */
const bytesAtOnce = 128 << 20;

/** Tables whose days are planned before their turn, unless they have so many files that a plan takes memory. */
const tablesAhead = 4;
const mostFilesAhead = 10_000;
const tablesOpened = 16;

interface Look {
  readonly opened: OpenedTable;
  readonly plan: TablePlan;
  /** Of the run, when the table was loaded. */
  readonly rewritten: number;
}

export async function compact(runtime: Runtime, options: CompactOptions = {}): Promise<CompactReport> {
  const run = new CompactRun(runtime, options);
  return run.run();
}

class CompactRun {
  readonly #runtime: Runtime;
  readonly #options: CompactOptions;
  readonly #range: Range<string>;
  readonly #rules: CompactionRules;
  /** Of this run alone. */
  readonly #id: string;
  readonly #tables = new Map<string, CompactedTable>();
  readonly #days: (PlannedDay | CompactedDay)[] = [];
  readonly #refused: Refusal[] = [];
  readonly #overtaken: { table: string; day: string }[] = [];
  /** Tables of which days were rewritten so far. */
  #rewritten = 0;
  /** Something was left undone because of the signal. */
  #stopped = false;

  constructor(runtime: Runtime, options: CompactOptions) {
    this.#runtime = runtime;
    this.#options = options;
    this.#range = parseDays(options, { now: runtime.clock() });
    this.#rules = rulesOf(runtime.config);
    this.#id = runtime.uuid();
  }

  async run(): Promise<CompactReport> {
    const started = this.#runtime.clock();
    const names = await tablesNamed(this.#runtime.catalog, this.#options.tables);
    await expectOwnWarehouse(this.#runtime);
    // What is wrong with the configuration shows before anything is written; what is with a table, when its turn comes.
    for await (const { result } of mapSettled(names, tablesOpened, (name) => openTable(this.#runtime, name)))
      if (result.status === 'rejected' && !isTableFault(result.reason)) throw result.reason;
    if (!this.#options.dryRun) await finishAmendments(this.#runtime);
    const ending: Promise<unknown>[] = [];
    try {
      const lookAhead = (name: string) => this.#look(name, undefined, mostFilesAhead);
      for await (const { item: name, result } of mapSettled(names, tablesAhead, lookAhead)) {
        if (this.#isStopped()) break;
        // Where that failed, it is tried anew.
        const look = result.status === 'fulfilled' ? result.value : undefined;
        const isDone = await this.#orRefused(name, () => this.#compactTable(name, look));
        const table = this.#tables.get(name);
        if (!isDone || table === undefined || this.#options.dryRun || this.#isStopped()) continue;
        const end = this.#orRefused(name, async () => {
          table.deleteFilesRemoved = await dropDanglingDeletes(this.#runtime, name);
        });
        end.catch(() => {});
        ending.push(end);
      }
    } finally {
      await Promise.allSettled(ending);
    }
    await Promise.all(ending);
    return {
      tables: Object.fromEntries(this.#tables),
      days: this.#days,
      refused: this.#refused,
      overtaken: this.#overtaken,
      ...(this.#stopped && { stopped: true }),
      seconds: (this.#runtime.clock() - started) / 1000,
    };
  }

  /** false where the table cannot be used. */
  async #orRefused(table: string, work: () => Promise<void>): Promise<boolean> {
    try {
      await work();
      return true;
    } catch (error) {
      if (!isTableFault(error)) throw error;
      this.#refused.push({ table, day: null, reason: error.message, fault: true });
      return false;
    }
  }

  async #compactTable(name: string, ahead: Look | undefined): Promise<void> {
    let only: ReadonlySet<string> | undefined;
    for (let round = 1; only === undefined || only.size > 0; round++) {
      if (only !== undefined && (round > mostRounds || this.#isStopped())) {
        for (const day of only) this.#overtaken.push({ table: name, day });
        break;
      }
      const look = only === undefined && this.#stillHolds(ahead) ? ahead : await this.#look(name, only);
      if (look === undefined) return;
      const { plan } = look;
      let { opened } = look;
      if (only === undefined) {
        this.#refused.push(...plan.refused);
        this.#tables.set(name, {
          clusteredBy: opened.table.clustering.map(sortKeyText),
          days: 0,
          files: { before: 0, after: 0 },
          bytes: { before: 0, after: 0 },
          rows: 0,
          duplicates: 0,
          deleted: 0,
          deleteFilesRemoved: 0,
          suspects: plan.suspects.length,
        });
      }
      if (this.#options.dryRun) {
        for (const day of plan.days) this.#count(day, undefined);
        return;
      }
      const work = [...plan.days, ...plan.suspects].sort((a, b) => compareText(a.day, b.day));
      if (work.length > 0 && opened.planned.sortOrderId === undefined)
        opened = await withSortOrder(this.#runtime, opened);
      if (work.length > 0) this.#rewritten++;
      const rows = new DayRows(opened.table);
      try {
        only = await this.#rewrite(opened, work, rows);
      } finally {
        rows.release();
      }
    }
  }

  /** While days of another table were rewritten, others may have changed the days that are to be rewritten in this one. */
  #stillHolds(ahead: Look | undefined): ahead is Look {
    if (ahead === undefined) return false;
    const { plan, rewritten } = ahead;
    return rewritten === this.#rewritten || (plan.days.length === 0 && plan.suspects.length === 0);
  }

  /** undefined where there is no such table, or it has more than `mostFiles`. */
  async #look(name: string, only: ReadonlySet<string> | undefined, mostFiles?: number): Promise<Look | undefined> {
    const rewritten = this.#rewritten;
    const opened = await openTable(this.#runtime, name);
    if (opened === undefined) return undefined;
    const { loaded, planned } = opened;
    const known = Number(currentSnapshot(loaded.metadata)?.summary?.['total-data-files'] ?? 0);
    if (mostFiles !== undefined && !(known <= mostFiles)) return undefined;
    const files = await readTableFiles(cachedReads(this.#runtime.store), loaded.metadata, this.#range);
    const wanted = only === undefined ? files : files.filter((file) => file.ymd !== null && only.has(file.ymd));
    return { opened, plan: planTable(planned, wanted, this.#rules), rewritten };
  }

  /** Returns the days that were lost to other writers. */
  async #rewrite(opened: OpenedTable, days: readonly DayPlan[], rows: DayRows): Promise<Set<string>> {
    const { signal } = this.#options;
    const overtaken = new Set<string>();
    let group: RewrittenDay[] = [];
    const commit = async (): Promise<void> => {
      const done = group;
      group = [];
      if (done.length === 0) return;
      const result = await commitDays(this.#runtime, opened.planned, done);
      for (const day of result.committed) this.#count(day.plan, day);
      for (const day of result.overtaken) overtaken.add(day.plan.day);
    };
    const add = async ({ day }: DayPlan, rewritten: RewrittenDay | 'overtaken' | undefined): Promise<void> => {
      if (rewritten === 'overtaken') overtaken.add(day);
      if (rewritten === undefined || rewritten === 'overtaken') return;
      group.push(rewritten);
      if (group.length >= daysPerCommit || group.reduce((sum, day) => sum + day.plan.bytes, 0) >= bytesPerCommit)
        await commit();
    };
    const work = new InFlight(daysRead, daysStored);
    const budget = new ByteBudget(bytesAtOnce);
    /** Days are committed in their order, whichever is rewritten first. */
    let added = Promise.resolve();
    try {
      for (const plan of days) {
        const release = await budget.acquire(plan.bytes);
        await work.slot();
        if (this.#isStopped()) {
          release();
          break;
        }
        work.start((onRead) => {
          const options = { ...rewriteOptions(this.#runtime.config, this.#id, signal), onRead };
          const rewritten = this.#rewriteDay(opened, plan, rows, options).finally(release);
          const before = added;
          // Whatever became of those before it, the day itself comes to its end: it uses `rows` until then.
          added = rewritten.then(async (day) => {
            await before;
            await add(plan, day);
          });
          return added;
        });
      }
      await work.drain();
    } catch (error) {
      // What was rewritten before the failure would be done again, and fail again. The first failure is the one to tell.
      await commit().catch(() => {});
      throw error;
    }
    await commit();
    return overtaken;
  }

  /** undefined where there is nothing to commit, 'overtaken' where another writer was faster. */
  async #rewriteDay(
    { loaded, table }: OpenedTable,
    plan: DayPlan,
    rows: DayRows,
    options: RewriteOptions,
  ): Promise<RewrittenDay | 'overtaken' | undefined> {
    try {
      return await rewriteDay(this.#runtime.store, loaded, table, plan, rows, options);
    } catch (error) {
      if (options.signal?.aborted && error === options.signal.reason) {
        this.#stopped = true;
        return undefined;
      }
      if (error instanceof ColumnNotWritten) {
        this.#refused.push({ table: plan.table, day: plan.day, reason: error.message });
        return undefined;
      }
      // Files of a version that is no longer current may be gone already.
      if (!(await this.#isOvertaken(table.declaration.name, plan))) throw error;
      return 'overtaken';
    }
  }

  /** Asked before something is begun. */
  #isStopped(): boolean {
    this.#stopped ||= this.#options.signal?.aborted === true;
    return this.#stopped;
  }

  async #isOvertaken(name: string, plan: DayPlan): Promise<boolean> {
    const loaded = await this.#runtime.catalog.loadTable(name);
    if (loaded === undefined) return false;
    const files = await readTableFiles(this.#runtime.store, loaded.metadata, { from: plan.day, to: plan.day });
    const live = new Set(files.map((file) => file.path));
    return [...plan.inputs, ...plan.kept].some((file) => !live.has(file.path));
  }

  #count(plan: DayPlan, done: RewrittenDay | undefined): void {
    const report = this.#tables.get(plan.table)!;
    const planned: PlannedDay = {
      table: plan.table,
      day: plan.day,
      reasons: plan.reasons.length > 0 ? plan.reasons : ['duplicates'],
      files: plan.inputs.length,
      bytes: plan.bytes,
      rows: plan.rows,
      expectedFiles: plan.expectedFiles,
    };
    report.days++;
    report.files.before += plan.inputs.length;
    report.bytes.before += plan.bytes;
    report.rows += plan.rows;
    if (done === undefined) {
      report.files.after += plan.expectedFiles;
      report.bytes.after += plan.bytes;
      this.#days.push(planned);
      return;
    }
    const day: CompactedDay = {
      ...planned,
      newFiles: done.files.length,
      newBytes: done.files.reduce((sum, file) => sum + file.fileSize, 0),
      duplicates: done.duplicates.count,
      deleted: done.deleted,
      spilledRuns: done.spilledRuns,
    };
    report.files.after += day.newFiles;
    report.bytes.after += day.newBytes;
    report.duplicates += day.duplicates;
    report.deleted += day.deleted;
    this.#days.push(day);
    this.#options.onDay?.(day);
  }
}
