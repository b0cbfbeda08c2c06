/**
 * Loads the side tables whose objects have changed since they were loaded (replace-table.ts), for `backfill`. Each table
 * is made of all objects that its source has for it at this moment, so ranges and prefixes do not apply. A source without
 * any object for a table leaves that table as it is: a missing export is not an empty one.
 */
import type { LoadedTable } from '../../iceberg/catalog.ts';
import { ensureTable } from '../../iceberg/ensure.ts';
import { isTableFault } from '../../iceberg/table-fault.ts';
import { increase } from '../../ingest/object-counts.ts';
import { objectsAt } from '../../ingest/plan.ts';
import type { ObjectFailure } from '../../ingest/request.ts';
import { emptySource } from '../../ingest/require-sources.ts';
import type { ProgressSink, Runtime } from '../../ingest/runtime.ts';
import { commitContext } from '../../ledger/runtime.ts';
import type { SideSourceConfig } from '../../sources/config.ts';
import type { SideSource, SideTable } from '../../sources/reference/side-table.ts';
import { createSideSource } from '../../sources/side.ts';
import type { ObjectInfo } from '../../store/store.ts';
import { quarantine } from '../../tables/quarantine.ts';
import { logEvent } from '../../telemetry/events.ts';
import { compareText } from '../../text/order.ts';
import type { BackfillAccount, BackfillOptions } from '../backfill/report.ts';
import { ListingFault, sourceListing, type UnlistedSources } from '../backfill/unlisted-sources.ts';
import { LoadConflict, type LoadResult, loadDigest, replaceTable, shownLoad } from './replace-table.ts';

/** Objects that one side table may be made of: their list is held in memory. */
const mostObjects = 100_000;
/** Loads of other runs that may come in between before this one gives up. */
const attempts = 10;

export async function loadSideTables(
  runtime: Runtime,
  sources: readonly SideSourceConfig[],
  options: Pick<BackfillOptions, 'dryRun' | 'signal'>,
  progress: ProgressSink,
  account: BackfillAccount,
  unlisted: UnlistedSources,
): Promise<void> {
  if (sources.length === 0) return;
  const isDryRun = options.dryRun === true;
  if (!isDryRun) {
    await runtime.catalog.ensureNamespace();
    await ensureTable(commitContext(runtime), quarantine);
  }
  for (const config of sources) {
    const loader = new SourceLoader(runtime, config, options, progress, account);
    try {
      await (isDryRun ? loader.plan() : loader.load());
    } catch (error) {
      if (!(error instanceof ListingFault)) throw error;
      unlisted.add(config, error);
      continue;
    }
    if (loader.isEmpty) account.warnings.push(emptySource(runtime.log, config));
  }
}

class SourceLoader {
  readonly #runtime: Runtime;
  readonly #config: SideSourceConfig;
  readonly #source: SideSource;
  readonly #signal: AbortSignal | undefined;
  readonly #progress: ProgressSink;
  readonly #account: BackfillAccount;
  /** Objects of the last listing. */
  #listed = 0;

  constructor(
    runtime: Runtime,
    config: SideSourceConfig,
    { signal }: Pick<BackfillOptions, 'signal'>,
    progress: ProgressSink,
    account: BackfillAccount,
  ) {
    this.#runtime = runtime;
    this.#config = config;
    this.#source = createSideSource(config);
    this.#signal = signal;
    this.#progress = progress;
    this.#account = account;
  }

  /** Once it has been listed. */
  get isEmpty(): boolean {
    return this.#listed === 0;
  }

  async plan(): Promise<void> {
    const byTable = await this.#list();
    const { plan } = this.#account;
    for (const [table, objects] of byTable) {
      const loaded = await this.#runtime.catalog.loadTable(table.declaration.name);
      if (loaded !== undefined && this.#isShown(table, objects, loaded)) continue;
      this.#account.objects.skipped -= objects.length;
      plan.batches++;
      plan.objects += objects.length;
      plan.bytes += objects.reduce((sum, object) => sum + object.size, 0);
    }
  }

  async load(): Promise<void> {
    let pending = this.#source.tables;
    for (let attempt = 1; pending.length > 0; attempt++) {
      const bases = new Map<SideTable, LoadedTable>();
      for (const table of pending) {
        const base = await this.#unlessUnusable(table, () =>
          ensureTable(commitContext(this.#runtime), table.declaration),
        );
        if (base !== undefined) bases.set(table, base);
      }
      const byTable = await this.#list();
      if (attempt === 1) this.#warnOfMissing(bases, byTable);
      const overtaken: SideTable[] = [];
      for (const [table, base] of bases) {
        const objects = byTable.get(table);
        if (objects === undefined || this.#isShown(table, objects, base)) continue;
        const isDone = await this.#unlessUnusable(table, () => this.#replace(table, objects, base));
        if (isDone === false) overtaken.push(table);
      }
      pending = overtaken;
      if (attempt === attempts && pending.length > 0) {
        const names = pending.map((table) => table.declaration.name).join(', ');
        throw new Error(
          `gave up on ${names} after ${attempts} tries, each overtaken by another run; run the command again`,
        );
      }
    }
  }

  /** undefined where the table cannot be used as it is: the run goes on with all others, and says so. */
  async #unlessUnusable<T>({ declaration }: SideTable, work: () => Promise<T>): Promise<T | undefined> {
    try {
      return await work();
    } catch (error) {
      if (!isTableFault(error)) throw error;
      const { name, location } = this.#config;
      logEvent(this.#runtime.log, 'table-unusable', { table: declaration.name, source: name, err: error });
      this.#account.failures.push({ uri: location, code: 'table-unusable', message: error.message });
      return undefined;
    }
  }

  /** false: another run came in between, and what it saw may be newer. */
  async #replace(table: SideTable, objects: readonly ObjectInfo[], base: LoadedTable): Promise<boolean> {
    const bytesTotal = objects.reduce((sum, object) => sum + object.size, 0);
    let [objectsDone, bytesDone, rows] = [0, 0, 0];
    const tell = (): void =>
      this.#progress.update({
        phase: 'ingesting',
        objectsDone,
        objectsTotal: objects.length,
        bytesDone,
        bytesTotal,
        rows,
      });
    tell();
    try {
      const result = await replaceTable(this.#runtime, {
        type: this.#source.type,
        table,
        objects,
        base,
        ...(this.#signal && { signal: this.#signal }),
        onObject: (object, count) => {
          objectsDone++;
          bytesDone += object.size;
          rows += count;
          tell();
        },
      });
      if ('code' in result) this.#fail(table, result);
      else this.#count(table, objects, bytesTotal, result);
      return true;
    } catch (error) {
      if (error instanceof LoadConflict) return false;
      throw error;
    }
  }

  #isShown(table: SideTable, objects: readonly ObjectInfo[], loaded: LoadedTable): boolean {
    return shownLoad(loaded)?.digest === loadDigest(table, objects, this.#runtime);
  }

  /** All objects count as skipped until they are loaded. */
  async #list(): Promise<ReadonlyMap<SideTable, readonly ObjectInfo[]>> {
    const { store, config } = this.#runtime;
    const { location } = this.#config;
    const byTable = new Map<SideTable, ObjectInfo[]>();
    let listed = 0;
    for await (const object of sourceListing(objectsAt(store, location))) {
      this.#signal?.throwIfAborted();
      if (object.uri.startsWith(`${config.warehouse}/`)) continue;
      listed++;
      const table = this.#source.tableOf(object.uri, location);
      if (table === undefined) continue;
      const objects = byTable.get(table);
      if (objects === undefined) byTable.set(table, [object]);
      else if (objects.push(object) > mostObjects) {
        throw new Error(
          `table ${table.declaration.name} would be made of more than ${mostObjects} objects under ${location}: a side table is loaded as a whole, write it as fewer objects`,
        );
      }
    }
    // What a table shows is told by its objects in order (loadDigest), and listings may have none.
    for (const objects of byTable.values()) objects.sort((a, b) => compareText(a.uri, b.uri));
    this.#account.objects.listed += listed - this.#listed;
    this.#account.objects.skipped += listed - this.#listed;
    this.#listed = listed;
    return byTable;
  }

  /** Of tables that have been loaded and have no object any more; of all where there is nothing to load at all. */
  #warnOfMissing(bases: ReadonlyMap<SideTable, LoadedTable>, found: ReadonlyMap<SideTable, unknown>): void {
    const missing = [...bases].filter(([table, base]) => !found.has(table) && (found.size === 0 || shownLoad(base)));
    if (missing.length === 0) return;
    const { name, location } = this.#config;
    const tables = missing.map(([table]) => table.declaration.name);
    logEvent(this.#runtime.log, 'side-table-without-objects', { tables, source: name, location });
  }

  #fail({ declaration }: SideTable, failure: ObjectFailure): void {
    const { uri, code, message } = failure;
    logEvent(this.#runtime.log, 'side-table-failed', { table: declaration.name, uri, code, reason: message });
    const { objects, failures } = this.#account;
    objects.failed++;
    objects.skipped--;
    failures.push(failure);
  }

  #count({ declaration }: SideTable, loaded: readonly ObjectInfo[], bytesRead: number, result: LoadResult): void {
    const { counts, reasons, files } = result;
    const { objects } = this.#account;
    const { rows, quarantined, duplicates } = counts;
    const facts = { table: declaration.name, objects: loaded.length, rows, quarantined, duplicates };
    logEvent(this.#runtime.log, 'side-table-loaded', facts);
    objects.committed += loaded.length;
    objects.skipped -= loaded.length;
    this.#account.read({ ...counts, skipped: 0 }, { read: bytesRead, decompressed: counts.bytesDecompressed });
    for (const [reason, count] of reasons) increase(this.#account.reasons, reason, count);
    for (const [name, added] of files) if (added.length > 0) this.#account.wrote(name, added);
  }
}
