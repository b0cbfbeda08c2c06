/**
 * Verify: proves the warehouse from the outside in. Sources against the ledger, the ledger against itself, each file
 * against its manifest, the rows of each object against the ledger and the amendments, the catalog's pointer against
 * the metadata that is there, and compacted days against doubles; with `deep`, the rows of each object against reading
 * it again. Reads only; `repair.ts` mends what can be done over.
 *
 * Workers may go on meanwhile: objects that move between the first and the last reading of the ledger are left out.
 */
import type { LoadedTable } from '../../iceberg/catalog.ts';
import { mapAhead } from '../../iceberg/files.ts';
import { findOutside, warehouseOf } from '../../iceberg/home.ts';
import { type LiveFile, liveFiles } from '../../iceberg/scan.ts';
import { findSortOrder } from '../../iceberg/sort-orders.ts';
import { isTableFault } from '../../iceberg/table-fault.ts';
import { createLedger } from '../../ingest/claimed-batch.ts';
import { findOtherMappings } from '../../ingest/other-mappings.ts';
import { ownTables } from '../../ingest/own-tables.ts';
import type { ConfiguredSource } from '../../ingest/plan.ts';
import { requireFolders, type Warning } from '../../ingest/require-sources.ts';
import type { Runtime } from '../../ingest/runtime.ts';
import { selectSources } from '../../ingest/select-sources.ts';
import { openAmendments } from '../../ledger/amendment.ts';
import type { OtherMapping } from '../../ledger/other-mappings.ts';
import { describeTable } from '../../rewrite/stored-table.ts';
import { eventSourceTypes, eventTables } from '../../sources/registry.ts';
import { cachedManifests } from '../../store/cached-reads.ts';
import { quarantine } from '../../tables/quarantine.ts';
import { compareText } from '../../text/order.ts';
import { isCompacted } from '../compact/plan.ts';
import { type ProducersReport, producers } from '../producers/producers.ts';
import { deletedIn, findDuplicates, rowsInStore } from '../rewrite/duplicates.ts';
import { type AcceptedDifferences, type EarlierAccounts, isSettled, readAccounts } from './accounts.ts';
import { DeepCheck, type DeepReport, type ObjectRowsDigest, type OddRows } from './deep/deep.ts';
import { type Difference, Differences } from './difference.ts';
import { ObjectNames } from './object-names.ts';
import { newerMetadata } from './pointer.ts';
import { checkRows } from './rows.ts';
import { checkSources, type ListedObjects } from './sources.ts';
import { checkTable, type TableCheck, type TableContents } from './tables.ts';

export interface VerifyOptions {
  /** Names of sources whose objects are looked at; all where omitted. Tables are always looked at whole. */
  readonly sources?: readonly string[];
  /** Read every ingested object again. */
  readonly deep?: boolean;
  /** Objects that changed less than so many milliseconds ago need not be ingested yet. */
  readonly ignoreNewerMs?: number;
  /** Look for what producers made and never delivered, too. */
  readonly producers?: boolean;
  /** Count the rows of objects that runs hold, too: as the ledger has those still. */
  readonly heldToo?: boolean;
  /** Differences that the report lists; all are counted. Default: 10000. */
  readonly mostDifferences?: number;
  /** With `deep`: told of each object that a table has rows of. */
  readonly onDigest?: (digest: ObjectRowsDigest) => void | Promise<void>;
  /** With `deep`: told which rows make `content-differs` of an object. */
  readonly onOdd?: (odd: OddRows) => void;
  readonly onPhase?: (phase: string) => void;
}

export interface VerifyReport {
  readonly ok: boolean;
  readonly objects: ListedObjects & { readonly readAgain: number };
  readonly tables: Record<string, { files: number; rows: number; bytes: number }>;
  readonly differences: readonly Difference[];
  /** All of them; `differences` has the first ten thousand. */
  readonly differencesTotal: number;
  /** Differences of earlier times that somebody has accepted: the account is as these say. */
  readonly accepted: readonly AcceptedDifferences[];
  /** Sources with rows of another shape or other fields than they have now, whose mapped columns were not compared. */
  readonly otherMappings: readonly OtherMapping[];
  /** No difference, and perhaps not what was meant. */
  readonly warnings: readonly Warning[];
  /** What is as it was ingested, and still has to be looked into. */
  readonly findings: readonly Finding[];
  /** With `producers`: days of instances that are not proved complete. */
  readonly producers?: ProducersReport;
  readonly seconds: number;
}

/**
 * Rows that share an id and differ. Nothing is lost, so it is not a difference: else anybody who can write one record could
 * make every verification fail, and hide a loss among the failures.
 */
export interface Finding {
  readonly kind: 'conflicting-ids';
  readonly table: string;
  readonly ymd: string;
  /** Ids. */
  readonly found: number;
}

const mostDifferences = 10_000;

/** Tables looked at side by side, where all that takes is a few small files. */
const tablesAhead = 16;

export async function verify(given: Runtime, options: VerifyOptions = {}): Promise<VerifyReport> {
  const runtime = { ...given, store: cachedManifests(given.store) };
  const { clock, catalog } = runtime;
  const started = clock();
  const differences = new Differences(options.mostDifferences ?? mostDifferences);
  const tell = options.onPhase ?? (() => {});
  const sources = selectSources(runtime, options.sources);
  await requireFolders(
    runtime.store,
    sources.map(({ config }) => config),
  );

  tell('the catalog');
  const tables = new Map<string, LoadedTable>();
  const objectNames = new ObjectNames();
  const [names, { before, deep }] = await Promise.all([
    catalog.listTables(),
    readFirst(runtime, objectNames, sources, options),
  ]);
  /** What cannot be read is a difference, and no reason to leave the rest unchecked. */
  const unreadable = new Set<string>();
  const reading = async (name: string, read: () => Promise<void>): Promise<void> => {
    try {
      await read();
    } catch (error) {
      if (!isTableFault(error)) throw error;
      if (!unreadable.has(name)) differences.add({ kind: 'table-unreadable', table: name, detail: error.message });
      unreadable.add(name);
      tables.delete(name);
    }
  };
  /** The same of many tables side by side, told in their order. */
  const ofEach = async <T>(
    of: readonly string[],
    read: (name: string) => Promise<T>,
    take: (name: string, found: T) => unknown,
  ): Promise<void> => {
    const looked = mapAhead(of, tablesAhead, async (name) => {
      const found = read(name);
      await found.catch(() => {});
      return { name, found };
    });
    for await (const { name, found } of looked) await reading(name, async () => void take(name, await found));
  };
  await ofEach(
    names,
    (name) => catalog.loadTable(name),
    (name, loaded) => loaded && tables.set(name, loaded),
  );
  const add = (_: string, found: Difference | undefined) => found && differences.add(found);
  await ofEach(
    [...new Set([...names, ...ownTables(runtime.config)])].filter((name) => !unreadable.has(name)),
    (name) => checkPointer(runtime, name, tables.get(name)),
    add,
  );
  await ofEach(ownTables(runtime.config), (name) => checkHome(runtime, name, tables.get(name)), add);
  for (const id of (await openAmendments(runtime)).keys()) differences.add({ kind: 'amendment-open', detail: id });

  const contents = new Map<string, TableContents>();
  const findings: Finding[] = [];
  for (const [name, loaded] of tables) {
    tell(`table ${name}`);
    await reading(name, async () => {
      deep?.expectTypes(loaded, name);
      const content = await checkTable(runtime, name, tableCheck(name, loaded, objectNames, deep), differences);
      findings.push(...(await checkIdentities(runtime, name, loaded, content.unreadable, differences)));
      contents.set(name, content);
    });
  }

  tell('the ledger');
  const after = await readAccounts(runtime, objectNames, differences);
  for (const name of [...eventTables, quarantine.name])
    if (!unreadable.has(name)) {
      const byObject = contents.get(name)?.byObject;
      checkRows(name, byObject, before, after, differences, options.heldToo ? () => true : undefined);
    }

  tell('the sources');
  const { warnings, ...objects } = await checkSources(
    runtime,
    sources,
    after,
    started - (options.ignoreNewerMs ?? 0),
    differences,
  );
  const again = await deep?.compare(
    {
      loaded: new Map([...tables].filter(([name]) => contents.has(name))),
      unreadable: new Set([...contents.values()].flatMap((content) => [...content.unreadable])),
      accounts: after,
      isSettled: (uri, table) => isSettled(uri, table, before, after),
      ...(options.onDigest && { onDigest: options.onDigest }),
      ...(options.onOdd && { onOdd: options.onOdd }),
      onPhase: tell,
    },
    differences,
  );
  if (options.producers) tell('the producers');
  const delivered = options.producers
    ? await producers(runtime, { sources: options.sources, grades: ['missing', 'uncounted', 'steady'] })
    : undefined;
  return {
    ok: differences.total === 0 && (delivered?.beyondTolerance ?? 0) === 0,
    ...(delivered && { producers: delivered }),
    objects: { ...objects, readAgain: again?.read ?? 0 },
    tables: Object.fromEntries([...contents].map(([name, { files, rows, bytes }]) => [name, { files, rows, bytes }])),
    differences: differences.list,
    differencesTotal: differences.total,
    accepted: after.accepted,
    otherMappings: await findOtherMappings(createLedger(runtime), sources),
    warnings: [...warnings, ...lateColumns(again)],
    findings,
    seconds: (clock() - started) / 1000,
  };
}

/** Of the first reading only what the second one is held against is kept: versions are those of the second. */
async function readFirst(
  runtime: Runtime,
  names: ObjectNames,
  sources: readonly ConfiguredSource[],
  options: VerifyOptions,
): Promise<{ readonly before: EarlierAccounts; readonly deep: DeepCheck | undefined }> {
  const accounts = await readAccounts(runtime, names);
  const tellsDigests = options.onDigest !== undefined;
  const deep = options.deep ? new DeepCheck(runtime, sources, names, accounts, tellsDigests) : undefined;
  return { before: { held: accounts.held, rows: accounts.rows }, deep };
}

/** What `checkTable` has to look at. Quarantined records of side tables are in no account of the ledger. */
function tableCheck(name: string, loaded: LoadedTable, names: ObjectNames, deep: DeepCheck | undefined): TableCheck {
  if (name !== quarantine.name) return { loaded, names, deep };
  return { loaded, names, deep, counted: { column: 'source_type', among: new Set<string>(eventSourceTypes) } };
}

const lateColumns = (again: DeepReport | undefined): Warning[] =>
  [...(again?.lateColumns ?? [])].map(([column, { source, objects }]) => ({
    source,
    code: 'column-promoted-later',
    message: `${objects} objects give values of the column ${column}, which their rows were written without; backfill --again reads them again`,
  }));

async function checkHome(
  { store, catalog }: Runtime,
  table: string,
  loaded: LoadedTable | undefined,
): Promise<Difference | undefined> {
  const uri = loaded && (await findOutside(store, catalog, table, loaded, true));
  if (uri === undefined) return undefined;
  return { kind: 'table-elsewhere', table, uri, detail: `the warehouse is ${warehouseOf(catalog, table)}` };
}

async function checkPointer(
  { store, catalog }: Runtime,
  name: string,
  loaded: LoadedTable | undefined,
): Promise<Difference | undefined> {
  const newer = await newerMetadata(store, catalog.tableLocation(name), loaded);
  if (newer === undefined) return undefined;
  return loaded === undefined
    ? { kind: 'table-unregistered', table: name, uri: newer.uri }
    : { kind: 'catalog-behind', table: name, uri: newer.uri, found: loaded.metadataLocation };
}

/**
 * Of days all of whose files compaction has written, no record may be there twice. On no day should rows share an id and
 * differ.
 */
async function checkIdentities(
  { store, config }: Runtime,
  name: string,
  loaded: LoadedTable,
  unreadable: ReadonlySet<string>,
  differences: Differences,
): Promise<Finding[]> {
  if (!eventTables.includes(name)) return [];
  const table = describeTable(name, loaded, config);
  const order = findSortOrder(loaded.metadata, table.clustering) ?? 0;
  const days = new Map<string, LiveFile[]>();
  for await (const file of liveFiles(store, loaded.metadata)) {
    const files = days.get(file.ymd ?? '') ?? [];
    days.set(file.ymd ?? '', files);
    files.push(file);
  }
  const findings: Finding[] = [];
  for (const [ymd, inputs] of days) {
    const isWhole = order !== 0 && inputs.every((file) => isCompacted({ sortOrderId: order }, file));
    if (inputs.some((file) => unreadable.has(file.path))) continue;
    if (!isWhole && table.declaration.identity?.id === undefined) continue;
    const deleted = await deletedIn(store, loaded.metadata, inputs);
    const compared = { inputs, kept: [], deleted };
    const { count, conflicts } = await findDuplicates(
      table,
      compared,
      rowsInStore(store, table),
      config.batch.columnBytes,
    );
    if (isWhole && count > 0)
      differences.add({ kind: 'duplicate-identity', table: name, found: count, detail: `day ${ymd}` });
    if (conflicts > 0) findings.push({ kind: 'conflicting-ids', table: name, ymd, found: conflicts });
  }
  return findings.sort((a, b) => compareText(a.ymd, b.ymd));
}
