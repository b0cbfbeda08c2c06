/**
 * Reads the table `sequences`: first the few narrow columns that say which numbers came, by the key of the instance, then
 * names and times of those that are to be spoken of. So most of the table stays unread, whose names are most of its bytes.
 */
import type { FixedData, ListData, StringData } from '../../columns/batch.ts';
import { TableBuffer } from '../../columns/table-buffer.ts';
import type { LoadedTable } from '../../iceberg/catalog.ts';
import { mapAhead } from '../../iceberg/files.ts';
import { namesOf } from '../../iceberg/name-mapping.ts';
import { type LiveFile, liveFiles } from '../../iceberg/scan.ts';
import { fileColumns } from '../../iceberg/schema.ts';
import { asParquet } from '../../iceberg/table-rows.ts';
import type { Runtime } from '../../ingest/runtime.ts';
import { ColumnReader } from '../../parquet/read/column-reader.ts';
import { type ArrivedDay, unionOf } from '../../sequences/grade.ts';
import type { NumberRange } from '../../sequences/number-set.ts';
import { rangesOfRow } from '../../sequences/rows.ts';
import type { ObjectStore } from '../../store/store.ts';
import { sequences } from '../../tables/sequences.ts';
import { compareText } from '../../text/order.ts';
import { deletedIn } from '../rewrite/duplicates.ts';

/** What has arrived of one instance. */
export interface Instance {
  readonly key: bigint;
  /** In order, each once. Times are 0 before `readNames`. */
  days: ArrivedDay[];
  readonly sources: Set<string>;
  /** null for records that name no instance; undefined before `readNames`. */
  name: string | null | undefined;
}

const filesAhead = 16;
/** Most of a footer of a day of some thousand instances. */
const footerBytes = 6 << 10;

export class ArrivedNumbers {
  readonly #store: ObjectStore;
  readonly #loaded: LoadedTable;
  readonly #files: LiveFile[] = [];
  readonly #instances = new Map<bigint, Instance>();
  #bytesRead = 0;

  private constructor(store: ObjectStore, loaded: LoadedTable) {
    this.#store = counted(store, (bytes) => {
      this.#bytesRead += bytes;
    });
    this.#loaded = loaded;
  }

  /** undefined where the warehouse has no such table. */
  static async read({ store, catalog }: Pick<Runtime, 'store' | 'catalog'>): Promise<ArrivedNumbers | undefined> {
    const loaded = await catalog.loadTable(sequences.name);
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

  /** Fills in names and times of these instances, from files of the days that they were seen on. */
  async readNames(wanted: ReadonlySet<Instance>): Promise<void> {
    const days = new Set([...wanted].flatMap(({ days }) => days.map(({ ymd }) => ymd)));
    const files = this.#files.filter(({ ymd }) => days.has(ymd ?? ''));
    const times = new Map<Instance, Map<string, { firstTime: number; lastTime: number }>>();
    const names = ['instance_key', 'first_time', 'last_time', 'instance_id'];
    for await (const { file, batch } of this.#columns(files, names)) {
      const [keys, first, last, texts] = batch.columns.map(({ data }) => data) as [
        FixedData,
        FixedData,
        FixedData,
        StringData,
      ];
      for (let row = 0; row < batch.rows; row++) {
        const instance = this.#instances.get((keys.values as BigInt64Array)[row]!);
        if (instance === undefined || !wanted.has(instance)) continue;
        instance.name ??= textAt(texts, row);
        const byDay = times.get(instance) ?? new Map();
        times.set(instance, byDay);
        const before = byDay.get(file.ymd!);
        const [from, to] = [first, last].map(({ values }) => Number((values as BigInt64Array)[row])) as [
          number,
          number,
        ];
        byDay.set(file.ymd!, {
          firstTime: Math.min(before?.firstTime ?? from, from),
          lastTime: Math.max(before?.lastTime ?? to, to),
        });
      }
    }
    for (const [instance, byDay] of times)
      instance.days = instance.days.map((day) => ({ ...day, ...byDay.get(day.ymd) }));
  }

  async #readNumbers(): Promise<void> {
    const parts = new Map<Instance, ArrivedDay[]>();
    const names = ['source', 'instance_key', 'first', 'count', 'gaps'];
    for await (const { file, batch } of this.#columns(this.#files, names)) {
      const [sources, keys, firsts, counts, gaps] = batch.columns.map(({ data }) => data) as [
        StringData,
        FixedData,
        FixedData,
        FixedData,
        ListData,
      ];
      const sourceNames = new Map<number, string>();
      for (let row = 0; row < batch.rows; row++) {
        const key = (keys.values as BigInt64Array)[row]!;
        let instance = this.#instances.get(key);
        if (instance === undefined) {
          instance = { key, days: [], sources: new Set(), name: undefined };
          this.#instances.set(key, instance);
        }
        const code = sources.codes?.[row] ?? -1 - row;
        let source = sourceNames.get(code);
        if (source === undefined) {
          source = textAt(sources, row) ?? '';
          sourceNames.set(code, source);
        }
        instance.sources.add(source);
        const ranges = rangesAt(firsts, counts, gaps, row);
        const mine = parts.get(instance) ?? [];
        parts.set(instance, mine);
        mine.push({ ymd: file.ymd!, ranges, isUnnumbered: ranges.length === 0, firstTime: 0, lastTime: 0 });
      }
    }
    for (const [instance, all] of parts) {
      const days = Map.groupBy(all, ({ ymd }) => ymd);
      instance.days = [...days].sort(([a], [b]) => compareText(a, b)).map(([, day]) => unionOf(day));
    }
  }

  /** Columns of files, a row group at a time, without rows that other engines have deleted. */
  async *#columns(files: readonly LiveFile[], names: readonly string[]) {
    const { metadata } = this.#loaded;
    const declared = names.map((name) => sequences.columns.find((column) => column.name === name)!);
    const columns = new Map(fileColumns(metadata, sequences).map((column) => [column.name, column]));
    const byName = namesOf(metadata);
    const deleted = await deletedIn(this.#store, metadata, files);
    const read = async (file: LiveFile) => {
      const reader = await ColumnReader.open(this.#store, asParquet(file), { footerBytes });
      const batches = [];
      let start = 0;
      for (const [group, rows] of reader.rowGroups.entries()) {
        const buffer = new TableBuffer(declared);
        const dropped = deleted.get(file.path)?.subarray(start, start + rows);
        await reader.append(buffer, group, columns, { names: byName, ...(dropped && { dropped }) });
        batches.push(buffer.take());
        start += rows;
      }
      return { file, batches };
    };
    for await (const { file, batches } of mapAhead(files, filesAhead, read))
      for (const batch of batches) yield { file, batch };
  }
}

function rangesAt(firsts: FixedData, counts: FixedData, gaps: ListData, row: number): readonly NumberRange[] {
  if (firsts.values === null || (firsts.valid !== null && firsts.valid[row] !== 1)) return [];
  const first = (firsts.values as BigInt64Array)[row]!;
  const count = (counts.values as BigInt64Array)[row]!;
  const { values } = gaps.elements as FixedData;
  const [start, end] = [gaps.offsets[row] ?? 0, gaps.offsets[row + 1] ?? 0];
  const list = values === null || end === start ? null : [...(values as BigInt64Array).subarray(start, end)];
  return rangesOfRow({ first, count, gaps: list });
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
  return {
    list: (prefix, options) => store.list(prefix, options),
    listFolders: (prefix) => store.listFolders(prefix),
    head: (uri) => store.head(uri),
    put: (uri, body, options) => store.put(uri, body, options),
    delete: (uri) => store.delete(uri),
    async get(uri, options) {
      const { info, chunks } = await store.get(uri, options);
      return { info, chunks: counting(chunks) };
    },
  };
}
