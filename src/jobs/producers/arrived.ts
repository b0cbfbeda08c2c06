/**
 * Reads the table `sequences`: first the few narrow columns that say which numbers came, by the key of the instance, then
 * names and times where they are needed. So most of the table stays unread, whose names are most of its bytes.
 */
import { type FixedData, type ListData, type StringData, withoutDropped } from '../../columns/batch.ts';
import type { LoadedTable } from '../../iceberg/catalog.ts';
import { loadUnlessLost } from '../../iceberg/ensure.ts';
import { mapAhead } from '../../iceberg/files.ts';
import { namesOf } from '../../iceberg/name-mapping.ts';
import { asParquet, type LiveFile, liveFiles } from '../../iceberg/scan.ts';
import { fileColumns } from '../../iceberg/schema.ts';
import type { Runtime } from '../../ingest/runtime.ts';
import { KernelTable } from '../../kernel/table.ts';
import { allRows } from '../../parquet/encoder.ts';
import { ColumnReader } from '../../parquet/read/column-reader.ts';
import { type ArrivedDay, unionOf } from '../../sequences/grade.ts';
import { Longs } from '../../sequences/longs.ts';
import type { NumberRange } from '../../sequences/number-set.ts';
import { rangesOfRow, type SequenceKind, useOfKind } from '../../sequences/rows.ts';
import type { ObjectStore } from '../../store/store.ts';
import { storeWith } from '../../store/store-with.ts';
import { sequences } from '../../tables/sequences.ts';
import { compareText } from '../../text/order.ts';
import { deletedIn } from '../rewrite/duplicates.ts';

/** What has arrived of one instance. */
export interface Instance {
  readonly key: number;
  /** In order, each once. Times are 0 before `readTimes`. */
  days: ArrivedDay[];
  readonly sources: Set<string>;
  /** null for records that name no instance; undefined before `readNames`. */
  name: string | null | undefined;
}

/** Numbers that were answered between two times, in microseconds since the epoch. */
export interface AnsweredRow {
  readonly ymd: string;
  readonly ranges: readonly NumberRange[];
  readonly firstTime: number;
  readonly lastTime: number;
}

const filesAhead = 16;
/** As long as footers of this table are. */
const footerBytes = 2560;
/** Files up to this size are read whole: another request takes longer than all of their bytes. */
const wholeBytes = 16 << 10;

export class ArrivedNumbers {
  readonly #store: ObjectStore;
  readonly #loaded: LoadedTable;
  readonly #files: LiveFile[] = [];
  readonly #instances = new Map<number, Instance>();
  /** Days with several rows, by the first: they wait for all, since each union costs as much as what is there. */
  readonly #parts = new Map<ArrivedDay, ArrivedDay[]>();
  #bytesRead = 0;

  private constructor(store: ObjectStore, loaded: LoadedTable) {
    this.#store = counted(store, (bytes) => {
      this.#bytesRead += bytes;
    });
    this.#loaded = loaded;
  }

  /** undefined where the warehouse has no such table. */
  static async read({ store, catalog }: Pick<Runtime, 'store' | 'catalog'>): Promise<ArrivedNumbers | undefined> {
    const loaded = await loadUnlessLost({ store, catalog }, sequences.name);
    if (loaded === undefined) return undefined;
    const arrived = new ArrivedNumbers(store, loaded);
    for await (const file of liveFiles(store, loaded.metadata)) arrived.#files.push(file);
    await arrived.#readNumbers();
    return arrived;
  }

  get instances(): Iterable<Instance> {
    return this.#instances.values();
  }

  /** Of data files. */
  get bytesRead(): number {
    return this.#bytesRead;
  }

  /** Fills in the names of these instances, from as few files as are needed: the newest that have them. */
  async readNames(instances: Iterable<Instance>): Promise<void> {
    const open = new Set([...instances].filter(({ name }) => name === undefined));
    const wanted = new Set([...open].flatMap(({ days }) => days.at(-1)!.ymd));
    const files = this.#files.filter(({ ymd }) => wanted.has(ymd ?? ''));
    // Most are on the newest days, which then leave none to look for on the others.
    for (const file of files.sort((a, b) => compareText(b.ymd ?? '', a.ymd ?? ''))) {
      for await (const { batch, rows } of this.#columns([file], ['instance_key', 'instance_id'])) {
        const [keyData, names] = batch.columns.map(({ data }) => data) as [FixedData, StringData];
        const keys = new Longs(keyData);
        for (const row of rows) {
          const instance = this.#instances.get(keys.at(row));
          if (instance !== undefined && open.delete(instance)) instance.name = textAt(names, row);
        }
      }
      if (open.size === 0) return;
    }
  }

  /** Fills in the times of these days of instances. */
  async readTimes(wanted: ReadonlyMap<Instance, ReadonlySet<string>>): Promise<void> {
    const days = new Set([...wanted.values()].flatMap((ofInstance) => [...ofInstance]));
    const files = this.#files.filter(({ ymd }) => days.has(ymd ?? ''));
    const times = new Map<Instance, Map<string, Pick<ArrivedDay, 'firstTime' | 'lastTime'>>>();
    for await (const { file, batch, rows } of this.#columns(files, ['instance_key', 'first_time', 'last_time'])) {
      const [keys, first, last] = batch.columns.map(({ data }) => new Longs(data)) as [Longs, Longs, Longs];
      const day = file.ymd!;
      for (const row of rows) {
        const instance = this.#instances.get(keys.at(row));
        if (instance === undefined || wanted.get(instance)?.has(day) !== true) continue;
        const byDay = times.get(instance) ?? new Map<string, Pick<ArrivedDay, 'firstTime' | 'lastTime'>>();
        times.set(instance, byDay);
        const [firstTime, lastTime] = [first.at(row), last.at(row)];
        const before = byDay.get(day) ?? { firstTime, lastTime };
        byDay.set(day, {
          firstTime: Math.min(before.firstTime, firstTime),
          lastTime: Math.max(before.lastTime, lastTime),
        });
      }
    }
    for (const [instance, byDay] of times)
      instance.days = instance.days.map((day) => ({ ...day, ...byDay.get(day.ymd) }));
  }

  /** When the requests were answered whose records have not come, of these days of instances. */
  async readAnswered(wanted: ReadonlyMap<Instance, ReadonlySet<string>>): Promise<Map<Instance, AnsweredRow[]>> {
    const days = new Set([...wanted.values()].flatMap((ofInstance) => [...ofInstance]));
    const files = this.#files.filter(({ ymd }) => days.has(ymd ?? ''));
    const names = ['instance_key', 'kind', 'first', 'count', 'gaps', 'first_time', 'last_time'];
    const found = new Map<Instance, AnsweredRow[]>();
    for await (const { file, batch, rows: live } of this.#columns(files, names)) {
      const [keyData, kinds, firstData, countData, gaps, fromData, toData] = batch.columns.map(({ data }) => data);
      const [keys, firsts, counts] = [keyData, firstData, countData].map((data) => new Longs(data!)) as Longs[];
      const [from, to] = [fromData, toData].map((data) => new Longs(data!)) as Longs[];
      const kindOf = coded(kinds as StringData);
      for (const row of live) {
        const instance = this.#instances.get(keys!.at(row));
        if (instance === undefined || wanted.get(instance)?.has(file.ymd!) !== true) continue;
        if (kindOf(row) !== 'answered') continue;
        const rows = found.get(instance) ?? [];
        found.set(instance, rows);
        const ranges = rangesAt(firsts!.at(row), counts!.at(row), gaps as ListData, row);
        rows.push({ ymd: file.ymd!, ranges, firstTime: from!.at(row), lastTime: to!.at(row) });
      }
    }
    return found;
  }

  async #readNumbers(): Promise<void> {
    const files = this.#files.toSorted((a, b) => compareText(a.ymd ?? '', b.ymd ?? ''));
    const names = ['source', 'instance_key', 'kind', 'first', 'count', 'gaps'];
    for await (const { file, batch, rows } of this.#columns(files, names)) {
      const [sources, keyData, kinds, firstData, countData, gaps] = batch.columns.map(({ data }) => data) as [
        StringData,
        FixedData,
        StringData,
        FixedData,
        FixedData,
        ListData,
      ];
      const [keys, firsts, counts] = [new Longs(keyData), new Longs(firstData), new Longs(countData)];
      const sourceOf = coded(sources);
      const kindOf = coded(kinds);
      for (const row of rows) {
        const key = keys.at(row);
        let instance = this.#instances.get(key);
        if (instance === undefined) {
          instance = { key, days: [], sources: new Set(), name: undefined };
          this.#instances.set(key, instance);
        }
        instance.sources.add(sourceOf(row));
        const ranges = rangesAt(firsts.at(row), counts.at(row), gaps, row);
        this.#addRow(instance, file.ymd!, kindOf(row) as SequenceKind, ranges);
      }
    }
    for (const instance of this.#instances.values())
      instance.days = instance.days.map((day) => unionOf(this.#parts.get(day) ?? [day]));
    this.#parts.clear();
  }

  /** Rows come day by day. */
  #addRow({ days }: Instance, ymd: string, kind: SequenceKind, ranges: readonly NumberRange[]): void {
    const use = useOfKind(kind);
    const times = { firstTime: 0, lastTime: 0 };
    const day: ArrivedDay =
      use === undefined
        ? { ymd, ranges, isUnnumbered: ranges.length === 0, ...times }
        : { ymd, ranges: [], isUnnumbered: false, uses: { [use]: ranges }, ...times };
    const last = days.at(-1);
    if (last?.ymd !== ymd) days.push(day);
    else if (this.#parts.get(last)?.push(day) === undefined) this.#parts.set(last, [last, day]);
  }

  /** Columns of files, good until the next ones, and their rows without those that other engines have deleted. */
  async *#columns(files: readonly LiveFile[], names: readonly string[]) {
    const { metadata } = this.#loaded;
    const declared = names.map((name) => sequences.columns.find((column) => column.name === name)!);
    const columns = new Map(fileColumns(metadata, sequences).map((column) => [column.name, column]));
    const byName = namesOf(metadata);
    const deleted = await deletedIn(this.#store, metadata, files);
    const held = new Set<KernelTable>();
    const read = async (file: LiveFile) => {
      const options = file.fileSize > wholeBytes ? { footerBytes } : {};
      const reader = await ColumnReader.open(this.#store, asParquet(file), options);
      const table = new KernelTable(declared);
      held.add(table);
      for (const group of reader.rowGroups.keys()) await reader.append(table, group, columns, { names: byName });
      return { file, table, rows: withoutDropped(allRows(table.rows), deleted.get(file.path)) };
    };
    try {
      for await (const { file, table, rows } of mapAhead(files, filesAhead, read)) {
        yield { file, batch: table.batch(), rows };
        table.release();
        held.delete(table);
      }
    } finally {
      for (const table of held) table.release();
    }
  }
}

/** The texts of a column that has few of them. */
function coded(column: StringData): (row: number) => string {
  const texts = new Map<number, string>();
  return (row) => {
    const code = column.codes?.[row] ?? -1 - row;
    let text = texts.get(code);
    if (text === undefined) {
      text = textAt(column, row) ?? '';
      texts.set(code, text);
    }
    return text;
  };
}

function rangesAt(first: number, count: number, gaps: ListData, row: number): readonly NumberRange[] {
  // Counters begin at 1: no first number is null.
  if (first === 0) return [];
  const [start, end] = [gaps.offsets[row] ?? 0, gaps.offsets[row + 1] ?? 0];
  if (end === start) return [[first, first + count - 1]];
  const list = (gaps.elements as FixedData).values as BigInt64Array;
  return rangesOfRow({ first, count, gaps: [...list.subarray(start, end)] });
}

function textAt({ valid, codes, offsets, bytes, length, nullCount }: StringData, row: number): string | null {
  if (nullCount === length || (valid !== null && valid[row] !== 1)) return null;
  const entry = codes === null ? row : codes[row]!;
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString(
    'utf8',
    offsets[entry],
    offsets[entry + 1],
  );
}

/** A store that tells how many bytes are read through it. */
function counted(store: ObjectStore, onBytes: (bytes: number) => void): ObjectStore {
  async function* counting(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    for await (const chunk of chunks) {
      onBytes(chunk.length);
      yield chunk;
    }
  }
  return storeWith(store, {
    async get(uri, options) {
      const { info, chunks } = await store.get(uri, options);
      return { info, chunks: counting(chunks) };
    },
  });
}
