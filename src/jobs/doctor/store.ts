/** Buckets and folders: what the sources show, and whether the warehouse can be written as commits need it. */

import { evolveForWriting, expectNotLost } from '../../iceberg/ensure.ts';
import { findOutside, warehouseOf } from '../../iceberg/home.ts';
import { expectWritable } from '../../iceberg/metadata.ts';
import { liveFiles } from '../../iceberg/scan.ts';
import { tellTwins } from '../../iceberg/schema.ts';
import { isTableFault } from '../../iceberg/table-fault.ts';
import { createLedger } from '../../ingest/claimed-batch.ts';
import { ownTables } from '../../ingest/own-tables.ts';
import { objectsAt } from '../../ingest/plan.ts';
import type { Runtime } from '../../ingest/runtime.ts';
import { selectSources } from '../../ingest/select-sources.ts';
import { readSetAside } from '../../ledger/set-aside.ts';
import type { SideSourceConfig, SourceConfig } from '../../sources/config.ts';
import { createSideSource } from '../../sources/side.ts';
import { isWithin } from '../../store/places.ts';
import { type ListingOddity, type ObjectStore, StoreError } from '../../store/store.ts';
import { amendments } from '../../tables/amendments.ts';
import type { TableDeclaration } from '../../tables/declaration.ts';
import { ingestedObjects } from '../../tables/ingested-objects.ts';
import { quarantine } from '../../tables/quarantine.ts';
import { sequences } from '../../tables/sequences.ts';
import { plural } from '../../text/humanize.ts';
import { type Finding, failed, ok, reasonOf, warning } from './check.ts';

/** So many empty objects, and one is read all the same. */
const manyEmpty = 1000;

/** Lists, and reads the first bytes of an object where there is one. */
export async function checkSource(store: ObjectStore, source: SourceConfig | SideSourceConfig): Promise<Finding> {
  let empty = 0;
  for await (const { uri, size } of objectsAt(store, source.location)) {
    if (size === 0 && ++empty < manyEmpty) continue;
    const { chunks } = await store.get(uri, { range: [0, Math.min(size, 1024)] });
    for await (const _ of chunks);
    return ok(`${source.location} can be listed and read`);
  }
  return warning(
    `${source.location} can be listed, and there is no object with content in it`,
    'right for a new source; otherwise look for a mistyped bucket or prefix',
  );
}

/** Ten pages: a store without order does not have so many keys in order by chance. */
const keysLookedAt = 10_000;

/** Whether the store lists keys in their order, and each once, as S3 does. */
export async function checkListing(
  store: ObjectStore,
  { location }: SourceConfig | SideSourceConfig,
): Promise<Finding> {
  const oddities = new Set<ListingOddity>();
  let keys = 0;
  for await (const _ of store.list(location, { onOddity: (oddity) => oddities.add(oddity) }))
    if (++keys === keysLookedAt) break;
  if (oddities.size === 0) return ok(`${location} is listed in the order of its keys`);
  const found = [
    ...(oddities.has('unordered') ? ['in no order'] : []),
    ...(oddities.has('repeated') ? ['with some keys more than once'] : []),
  ];
  return warning(
    `${location} is listed ${found.join(' and ')}`,
    'nothing has to be done: every command copes with it, but reads more of the ledger for it, and a worker without a queue lists everything each time',
  );
}

/** Whether the tables are there, can be used, and name files of this warehouse, and not those of another that it is a copy of. */
export async function checkTables(runtime: Runtime): Promise<Finding> {
  const { config } = runtime;
  const events = selectSources(runtime, undefined).map(({ source }) => source.table);
  const sides = config.sideSources.flatMap((source) => createSideSource(source).tables);
  const declared = Map.groupBy(
    [...events, ...sides.map(({ declaration }) => declaration), ...bookkeeping],
    ({ name }) => name,
  );
  const looks = ownTables(config).map((table) => lookAtTable(runtime, table, declared.get(table) ?? []));
  const found = await Promise.all(looks);
  const copied = found.find(({ outside }) => outside !== undefined);
  if (copied !== undefined) {
    return failed(
      `table ${copied.table} of ${config.warehouse} points outside of it, to ${copied.outside}: the warehouse is a copy of another one, or was moved`,
      'set warehouse to the original, or to a new place, which backfill fills again from the sources; until then it can only be read',
    );
  }
  const faults = found.flatMap(({ fault }) => fault ?? []);
  if (faults.length > 0)
    return failed(
      faults.join('; '),
      'its sources stay out until it is mended; the others go on. Where nothing better is said, docs/disaster-recovery.md has what to do for each table',
    );
  const twins = found.flatMap((table) => table.twins ?? []);
  if (twins.length > 0)
    return failed(twins.join('; '), 'until then nothing can be asked of the table; backfill goes on');
  const elsewhere = found.flatMap(({ table, files }) =>
    files.length === 0 ? [] : `table ${table} has ${plural(files.length, 'file')} outside of it, such as ${files[0]}`,
  );
  if (elsewhere.length > 0)
    return warning(
      `another engine has added files that are not in ${config.warehouse}: ${elsewhere.join('; ')}`,
      'keep them there as long as the table names them: its rows go with them. compact takes the rows of a day that it rewrites into the warehouse; nothing here deletes such files, erase included',
    );
  const there = found.filter(({ isThere }) => isThere).length;
  return ok(`${plural(there, 'table')}, all of their metadata in ${config.warehouse}`);
}

const bookkeeping = [quarantine, ingestedObjects, amendments, sequences];

interface LookedAtTable {
  readonly table: string;
  readonly isThere: boolean;
  readonly outside: string | undefined;
  readonly fault: string | undefined;
  /** Of columns whose names differ by case only. */
  readonly twins?: string | undefined;
  /** Data files outside of the warehouse. */
  readonly files: readonly string[];
}

async function lookAtTable(
  { store, catalog, clock }: Runtime,
  table: string,
  declarations: readonly TableDeclaration[],
): Promise<LookedAtTable> {
  let outside: string | undefined;
  let fault: string | undefined;
  let twins: string | undefined;
  const files: string[] = [];
  try {
    const loaded = await catalog.loadTable(table);
    if (loaded === undefined) {
      await expectNotLost({ store, catalog }, table);
      return { table, isThere: false, outside, fault, files };
    }
    outside = await findOutside(store, catalog, table, loaded);
    twins = tellTwins(loaded.metadata, table);
    expectWritable(table, loaded.metadata);
    for (const declaration of declarations) evolveForWriting(loaded.metadata, declaration, clock());
    const warehouse = warehouseOf(catalog, table);
    for await (const { path } of liveFiles(store, loaded.metadata)) if (!isWithin(path, warehouse)) files.push(path);
  } catch (error) {
    if (!isTableFault(error)) throw error;
    fault = error.message.includes(table) ? error.message : `table ${table}: ${error.message}`;
  }
  return { table, isThere: true, outside, fault, twins, files };
}

/** Below the warehouse; nothing of it is a table. */
export const probePrefix = (warehouse: string): string => `${warehouse}/_doctor/`;

/** No doctor takes so long: what is older was left by one that was killed. */
const leftAfterMs = 600_000;

/** Lists, writes, reads, deletes, and learns that an object which is not there is not there. */
export async function checkWarehouse({
  store,
  config,
  uuid,
  clock,
}: Pick<Runtime, 'store' | 'config' | 'uuid' | 'clock'>): Promise<Finding> {
  for await (const { uri, lastModified } of store.list(probePrefix(config.warehouse)))
    if (lastModified < clock() - leftAfterMs) await store.delete(uri);
  const uri = `${probePrefix(config.warehouse)}${uuid()}`;
  const missing = await store.head(uri).catch((error: unknown) => {
    if (!(error instanceof StoreError) || error.code !== 'access-denied') throw error;
    return error;
  });
  if (missing instanceof StoreError) {
    return failed(
      `an object that does not exist cannot be told from one that is forbidden: ${reasonOf(missing)}`,
      `grant s3:ListBucket for ${config.warehouse}/* (S3 answers 404 only to who may list), and s3:GetObject there`,
    );
  }
  const body = Buffer.from('audit-warehouse doctor');
  await withProbe(store, uri, async () => {
    await store.put(uri, body);
    const listed: string[] = [];
    for await (const object of store.list(uri)) listed.push(object.uri);
    if (!listed.includes(uri)) throw new Error(`an object that was just written is not listed: ${uri}`);
    if (!(await contentOf(store, uri)).equals(body))
      throw new Error(`an object reads differently than it was written: ${uri}`);
  });
  if ((await store.head(uri)) !== undefined) throw new Error(`an object that was just deleted is still there: ${uri}`);
  return ok(`${config.warehouse} can be listed, written, read and deleted`);
}

/** Commits of the file catalog and claims of batches rest on these. */
export async function checkConditionalWrites({
  store,
  config,
  uuid,
}: Pick<Runtime, 'store' | 'config' | 'uuid'>): Promise<Finding> {
  const uri = `${probePrefix(config.warehouse)}${uuid()}`;
  const [first, second] = [Buffer.from('first'), Buffer.from('second')];
  const ignored: string[] = [];
  await withProbe(store, uri, async () => {
    const { etag } = await store.put(uri, first, { ifNoneMatch: '*' });
    if (!(await isRefused(store.put(uri, second, { ifNoneMatch: '*' })))) ignored.push('If-None-Match');
    else if (!(await contentOf(store, uri)).equals(first)) ignored.push('If-None-Match (refused, yet written)');
    const current = ignored.length > 0 ? ((await store.head(uri))?.etag ?? etag) : etag;
    await store.put(uri, Buffer.from('third'), { ifMatch: current });
    if (!(await isRefused(store.put(uri, second, { ifMatch: current })))) ignored.push('If-Match');
  });
  if (ignored.length === 0) return ok('If-None-Match and If-Match are honoured on writes');
  return failed(
    `the store writes in spite of ${ignored.join(' and ')}: concurrent writers would overwrite each other`,
    'use a store that honours conditional writes (AWS S3 does), and never more than one process on this one',
  );
}

const mostNamed = 5;

/** Objects that workers try no more. */
export async function checkSetAside(runtime: Runtime): Promise<Finding> {
  const { standing } = await readSetAside(runtime, createLedger(runtime));
  if (standing.length === 0) return ok('no object is set aside');
  const named = standing.slice(0, mostNamed).map(({ uri, code, tries }) => `${uri} (${code}, ${tries} tries)`);
  if (standing.length > mostNamed) named.push(`and ${standing.length - mostNamed} more`);
  return warning(
    `${standing.length === 1 ? 'one object' : `${standing.length} objects`} failed so often that workers try no more: ${named.join(', ')}`,
    'mend or replace them; "backfill" tries them again and says why they fail, and so does a worker that starts',
  );
}

async function isRefused(write: Promise<unknown>): Promise<boolean> {
  try {
    await write;
    return false;
  } catch (error) {
    if (error instanceof StoreError && error.code === 'precondition-failed') return true;
    throw error;
  }
}

/** Whatever happens, nothing stays; what went wrong first is what matters. */
async function withProbe(store: ObjectStore, uri: string, use: () => Promise<void>): Promise<void> {
  try {
    await use();
  } catch (error) {
    await store.delete(uri).catch(() => {});
    throw error;
  }
  await store.delete(uri);
}

async function contentOf(store: ObjectStore, uri: string): Promise<Buffer> {
  const pieces: Uint8Array[] = [];
  for await (const piece of (await store.get(uri)).chunks) pieces.push(piece.slice());
  return Buffer.concat(pieces);
}
