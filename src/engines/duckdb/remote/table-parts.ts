/**
 * Which row groups of a remote table a statement needs, and which of their column chunks. In this order, each step with what the one
 * before has left: files by the bounds in manifests, row groups by statistics and bloom filters, then by the columns of the
 * conditions themselves, which are fetched and asked, and at last the other columns where some row is left.
 *
 * A row group is left out only where no scan of the statement has a row in it. Where a statement scans a table more than once, a scan
 * can meet row groups that only another one needs; it finds there the columns by which it turns the rows down.
 */
import type { DuckDBConnection } from '@duckdb/node-api';
import { currentSchema, type TableMetadata } from '../../../iceberg/metadata.ts';
import type { LiveFile } from '../../../iceberg/scan.ts';
import { partitionColumn } from '../../../tables/declaration.ts';
import { noNested, type Reading } from '../table-views.ts';
import { mapAtATime } from './at-a-time.ts';
import { mayHold } from './bloom-test.ts';
import { type BoundsOf, columnsOf, mayMatch, wantedValues } from './condition.ts';
import {
  allOf,
  conditionsOf,
  type FilePart,
  filePart,
  type Group,
  isAlive,
  leavesOf,
  manifestBounds,
} from './file-part.ts';
import { type AskedPart, askFirst, askMatches, type MatchCounts } from './matching-rows.ts';
import { allEnded, type FetchOptions } from './object-ranges.ts';
import type { ChunkKey, FileCopy } from './remote-file.ts';
import type { RemoteFiles, WantedChunks } from './remote-files.ts';
import type { Scan } from './statement-scans.ts';

export interface RemoteTable {
  readonly name: string;
  readonly metadata: TableMetadata;
  readonly files: readonly LiveFile[];
  /** By table name; undefined where nobody knows what the statement reads: then it is everything. */
  readonly scans: ReadonlyMap<string, readonly Scan[]> | undefined;
}

export interface PartsContext {
  readonly files: RemoteFiles;
  /** A connection that may read the copies, and nothing else. */
  readonly connection: () => Promise<DuckDBConnection>;
  readonly options: FetchOptions;
}

/** A file as the statement is to see it. */
export interface ShownPart extends Reading {
  readonly live: LiveFile;
  readonly path: string;
  /** In use until it is released; undefined for a file of which only the day is asked. */
  readonly copy?: FileCopy;
  /** Rows of the file that the copy has, in order: half-open ranges of row numbers. */
  readonly rows: readonly { readonly from: number; readonly to: number }[];
}

const footersAhead = 16;

/** In the order of the files; those without a row that is needed are left out. Copies are in use until they are released. */
export async function neededParts(table: RemoteTable, context: PartsContext): Promise<ShownPart[]> {
  const { fields } = currentSchema(table.metadata);
  const everything: Scan = {
    table: table.name,
    columns: fields.map(({ name }) => name),
    pushed: [],
    above: [],
    isExact: true,
  };
  const scans = table.scans === undefined ? [everything] : (table.scans.get(table.name) ?? []);
  if (scans.length === 0) return [];
  const all = firstFiles(filesWithin(table, scans), scans);
  const isDayOnly = scans.every((scan) => scan.columns.every((column) => column === partitionColumn));
  const files = isDayOnly ? all.filter(({ ymd }) => ymd === null) : all;
  const days = isDayOnly ? await dayParts(table, all, context) : [];
  const parts = await mapAtATime(files, footersAhead, (live) =>
    filePart(table.metadata, live, scans, context.files, context.options),
  );
  const needed = parts.filter((part) => part.groups.some((group) => isAlive(group)));
  try {
    await byBloomFilters(needed, scans, context);
    await byValues(needed, scans, context);
    const kept = needed.filter((part) => part.groups.some((group) => isAlive(group)));
    return [...days, ...(await fetchParts(kept, scans, context))];
  } finally {
    for (const { copy } of needed) if (copy !== undefined) copy.users--;
  }
}

/** Where nothing but days and numbers of rows is asked, the manifests say it all. */
function dayParts(
  { metadata }: RemoteTable,
  files: readonly LiveFile[],
  { files: remote }: PartsContext,
): Promise<ShownPart[]> {
  const { id } = currentSchema(metadata).fields.find(({ name }) => name === partitionColumn)!;
  const columns = new Map([[id, partitionColumn]]);
  const known = files.flatMap((live) => (live.ymd === null ? [] : [{ live, ymd: live.ymd }]));
  return mapAtATime(known, footersAhead, async ({ live, ymd }) => {
    const path = await (await remote.file(live)).dayOnly(ymd, live.recordCount);
    return { live, path, columns, constants: undefined, nested: noNested, rows: [{ from: 0, to: live.recordCount }] };
  });
}

function filesWithin({ files, metadata }: RemoteTable, scans: readonly Scan[]): readonly LiveFile[] {
  const fields = new Map(currentSchema(metadata).fields.map((field) => [field.name, field]));
  return files.filter((file) => {
    const boundsOf: BoundsOf = (column) => manifestBounds(file, fields.get(column));
    return scans.some((scan) => mayMatch(allOf(conditionsOf(scan)), boundsOf));
  });
}

/** Without conditions and without an order, the first files that have rows enough. */
function firstFiles(files: readonly LiveFile[], scans: readonly Scan[]): readonly LiveFile[] {
  const rows = rowsTaken(scans, files);
  if (rows === undefined || conditionsOf(scans[0]!).length > 0) return files;
  let sum = 0;
  return files.filter(({ recordCount }) => {
    const isNeeded = sum < rows;
    sum += recordCount;
    return isNeeded;
  });
}

/** How many rows the only scan gives on, where that is known and any will do. */
function rowsTaken(scans: readonly Scan[], files: readonly Pick<LiveFile, 'deletes'>[]): number | undefined {
  const [scan, ...others] = scans;
  if (scan?.first === undefined || scan.first.order.length > 0 || others.length > 0 || !scan.isExact) return undefined;
  return files.every(({ deletes }) => deletes.length === 0) ? scan.first.rows : undefined;
}

/** Filters that are much smaller than their columns are read where a column has to equal something. */
async function byBloomFilters(
  parts: readonly FilePart[],
  scans: readonly Scan[],
  { files, options }: PartsContext,
): Promise<void> {
  const wanted = scans.map((scan) => [wantedValues(allOf(scan.pushed)), wantedValues(allOf(scan.above))] as const);
  if (wanted.every((both) => both.every(({ size }) => size === 0))) return;
  const look = async (part: FilePart): Promise<void> => {
    const lookups = part.groups.flatMap((group) =>
      scans.flatMap((_, i) => {
        if (group.meetings[i]!.isOut) return [];
        return wanted[i]!.flatMap((columns, where) =>
          [...columns].flatMap(([column, values]) => {
            const stored = part.stored(column);
            const chunk = part.footer.parts.rowGroups[group.index]!.chunks.find((one) => one.column === stored?.name);
            const range = chunk?.bloomFilter;
            if (!stored || !range || 2 * (range.end - range.start) > chunk.range.end - chunk.range.start) return [];
            return [{ meeting: group.meetings[i]!, isInside: where === 0, element: stored.element, values, range }];
          }),
        );
      }),
    );
    if (lookups.length === 0) return;
    const ranges = lookups.map(({ range }) => range);
    const filters = await part.file.sections(ranges, files.ranges, options);
    for (const [at, { meeting, isInside, element, values }] of lookups.entries()) {
      if (mayHold(filters[at]!, element, values)) continue;
      meeting.isOut = true;
      meeting.isOutInside ||= isInside;
    }
  };
  await allEnded(parts.map(look));
}

/** Less than this is fetched rather than asked about. */
const freeBytes = 128 << 10;

/** Asks DuckDB what is left by the values of the columns themselves. */
async function byValues(parts: readonly FilePart[], scans: readonly Scan[], context: PartsContext): Promise<void> {
  for (const [i, scan] of scans.entries()) {
    const conditions = conditionsOf(scan);
    const [order] = scans.length === 1 && scan.isExact && scan.first !== undefined ? scan.first.order : [];
    const isOrdered =
      order !== undefined && scan.first!.rows > 0 && parts.every(({ live }) => live.deletes.length === 0);
    const alive = (group: Group): boolean => !group.meetings[i]!.isOut;
    if (conditions.length > 0 && isWorthAsking(parts, scan, conditions.flatMap(columnsOf), alive)) {
      await askInCopies(parts, conditions.flatMap(columnsOf), alive, context, async (asked, connection) => {
        const found = await askMatches(connection, asked, allOf(scan.pushed), allOf(scan.above));
        keepFirst(asked, scans, found);
        for (const { part, groups } of asked) {
          for (const group of groups) {
            const counts = found.get(part)?.get(group.index);
            const meeting = part.groups[group.index]!.meetings[i]!;
            meeting.isOutInside ||= counts === undefined;
            meeting.isOut ||= counts === undefined || counts.matching === 0;
          }
        }
      });
    } else if (conditions.length === 0) {
      const rows = rowsTaken(
        scans,
        parts.map(({ live }) => live),
      );
      if (rows !== undefined)
        takeFirst(
          parts.flatMap((part) => part.groups.map((group) => ({ group, count: group.rows }))),
          rows,
        );
    }
    const sorting = [...conditions.flatMap(columnsOf), ...(order ? [order.column] : [])];
    if (isOrdered && isWorthAsking(parts, scan, sorting, alive)) {
      await askInCopies(parts, sorting, alive, context, async (asked, connection) => {
        const found = await askFirst(connection, asked, allOf(conditions), order, scan.first!.rows);
        for (const { part, groups } of asked)
          for (const group of groups)
            part.groups[group.index]!.meetings[i]!.isOut ||= found.get(part)?.has(group.index) !== true;
      });
    }
  }
}

/** With the number of matching rows known, the first groups that have enough of them. */
function keepFirst(asked: readonly AskedPart[], scans: readonly Scan[], found: MatchCounts): void {
  const rows = rowsTaken(
    scans,
    asked.map(({ part }) => part.live),
  );
  if (rows === undefined) return;
  const counted = asked.flatMap(({ part, groups }) =>
    groups.map(({ index }) => ({ group: part.groups[index]!, counts: found.get(part)?.get(index) })),
  );
  if (counted.some(({ counts }) => counts?.isExact === false)) return;
  takeFirst(
    counted.map(({ group, counts }) => ({ group, count: counts?.matching ?? 0 })),
    rows,
  );
}

function takeFirst(counted: readonly { readonly group: Group; readonly count: number }[], rows: number): void {
  let sum = 0;
  for (const { group, count } of counted) {
    if (sum >= rows) for (const meeting of group.meetings) meeting.isOut = true;
    sum += count;
  }
}

function isWorthAsking(
  parts: readonly FilePart[],
  scan: Scan,
  columns: readonly string[],
  alive: (group: Group) => boolean,
): boolean {
  const first = new Set(columns);
  let [asked, rest] = [0, 0];
  for (const part of parts) {
    const [before, after] = [
      leavesOf(part, columns),
      leavesOf(
        part,
        scan.columns.filter((name) => !first.has(name)),
      ),
    ];
    for (const { index } of part.groups.filter(alive)) {
      asked += bytesOf(part, index, before);
      rest += bytesOf(part, index, after);
    }
  }
  return rest > Math.max(freeBytes, asked / 4);
}

function bytesOf({ footer, file }: FilePart, rowGroup: number, leaves: readonly number[]): number {
  const copies = [...file.copies];
  return leaves.reduce((sum, leaf) => {
    if (copies.some((copy) => copy.has({ rowGroup, leaf }))) return sum;
    const { start, end } = footer.parts.rowGroups[rowGroup]!.chunks[leaf]!.range;
    return sum + end - start;
  }, 0);
}

const keysOf = (rowGroups: readonly number[], leaves: readonly number[]): ChunkKey[] =>
  rowGroups.flatMap((rowGroup) => leaves.map((leaf) => ({ rowGroup, leaf })));

/** Shows these row groups with these columns in the copies, and asks. */
async function askInCopies(
  parts: readonly FilePart[],
  columns: readonly string[],
  alive: (group: Group) => boolean,
  { files, options, connection }: PartsContext,
  ask: (asked: readonly AskedPart[], connection: DuckDBConnection) => Promise<void>,
): Promise<void> {
  const asked: AskedPart[] = [];
  const wanted: WantedChunks[] = [];
  for (const part of parts) {
    const groups = part.groups.filter(alive);
    if (groups.length === 0) continue;
    const rowGroups = groups.map(({ index }) => index);
    if (part.copy === undefined) {
      part.copy = await part.file.newCopy(part.footer, rowGroups);
      part.copy.users++;
    }
    await part.copy.setRowGroups(rowGroups);
    asked.push({ part, path: part.copy.path, groups });
    wanted.push({ file: part.file, copy: part.copy, keys: keysOf(rowGroups, leavesOf(part, columns)) });
  }
  if (asked.length === 0) return;
  await files.ensure(wanted, options);
  await ask(asked, await connection());
}

async function fetchParts(
  parts: readonly FilePart[],
  scans: readonly Scan[],
  { files, options }: PartsContext,
): Promise<ShownPart[]> {
  const shown: ShownPart[] = [];
  const wanted: WantedChunks[] = [];
  for (const part of parts) {
    const groups = part.groups.filter(isAlive);
    const rowGroups = groups.map(({ index }) => index);
    const copy = await copyFor(part, rowGroups);
    copy.users++;
    const keys = new Map<string, ChunkKey>();
    for (const [i, scan] of scans.entries()) {
      const [whole, inside] = [leavesOf(part, scan.columns), leavesOf(part, scan.pushed.flatMap(columnsOf))];
      for (const { index, meetings } of groups) {
        const leaves = meetings[i]!.isOutInside ? inside : whole;
        for (const key of keysOf([index], leaves)) keys.set(`${key.rowGroup}/${key.leaf}`, key);
      }
    }
    wanted.push({ file: part.file, copy, keys: [...keys.values()] });
    shown.push({
      live: part.live,
      path: copy.path,
      copy,
      columns: part.columns,
      constants: part.constants,
      nested: part.nested,
      rows: rowsOf(part, groups),
    });
  }
  try {
    await files.ensure(wanted, options);
  } catch (error) {
    for (const { copy } of wanted) copy.users--;
    throw error;
  }
  return shown;
}

/** One that shows these row groups; the chunks that it lacks can be added while others read it. */
async function copyFor(part: FilePart, rowGroups: readonly number[]): Promise<FileCopy> {
  const { file, footer, copy } = part;
  const shown = rowGroups.join();
  const known = [...file.copies].find((one) => one !== copy && one.rowGroups.join() === shown);
  if (known === undefined) {
    if (copy === undefined) return file.newCopy(footer, rowGroups);
    if (copy.rowGroups.join() !== shown) await copy.setRowGroups(rowGroups);
    return copy;
  }
  return known;
}

function rowsOf(part: FilePart, shown: readonly Group[]): ShownPart['rows'] {
  const wanted = new Set(shown.map(({ index }) => index));
  let from = 0;
  return part.groups.flatMap(({ index, rows }) => {
    const range = { from, to: from + rows };
    from = range.to;
    return wanted.has(index) ? [range] : [];
  });
}
