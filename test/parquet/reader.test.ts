/** The reader on files of other engines, and on stores that fail. */
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Row, readFooter, readRows } from '../../src/parquet/read/row-reader.ts';
import { ColumnarEncoder } from '../../src/parquet/write/encoder.ts';
import type { MemoryStore } from '../../src/store/memory.ts';
import { RoutedStore } from '../../src/store/router.ts';
import { StoreError } from '../../src/store/store.ts';
import { storeOf } from '../contract/encoder.ts';
import { describeWith, rig } from '../support/rig.ts';
import { fileColumns } from './batches.ts';
import { everyType, writeCase } from './cases.ts';

const time = BigInt(Date.UTC(2024, 4, 6, 7, 8, 9)) * 1000n + 123_456n;
/** The rows that parquet_write.py writes. */
const foreignRows: readonly Row[] = [
  {
    flag: true,
    port: 443,
    count: 9_007_199_254_740_993n,
    ratio: 0.5,
    subject: '\ufeffalice',
    event_time: time,
    roles: ['b', null, 'a'],
    metrics: [
      ['z', 1n],
      ['1', null],
      ['a', -(2n ** 63n)],
    ],
  },
  { flag: null, port: null, count: null, ratio: null, subject: null, event_time: null, roles: null, metrics: null },
  {
    flag: false,
    port: -1,
    count: -(2n ** 63n),
    ratio: -0,
    subject: '',
    event_time: -62_135_596_800_000_000n,
    roles: [],
    metrics: [],
  },
  {
    flag: true,
    port: 0,
    count: 2n ** 63n - 1n,
    ratio: 1e300,
    subject: 'zoë 💩',
    event_time: time,
    roles: [null],
    metrics: [['', 5n]],
  },
];

async function allRows(rows: AsyncIterable<Row[]>): Promise<Row[]> {
  const result: Row[] = [];
  for await (const some of rows) result.push(...some);
  return result;
}

describeWith(['readers'], 'files that pyarrow and DuckDB wrote', () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'parquet-'));
    await rig.python('parquet_write.py', [folder]);
  });
  afterAll(() => rm(folder, { recursive: true }));

  test('are read value by value, in every codec, encoding and page version', async () => {
    const names = await readdir(folder);
    expect(names).toHaveLength(22);
    for (const name of names) {
      const { store, file } = await storeOf(await readFile(join(folder, name)));
      const wanted = name.includes('empty') ? [] : foreignRows;
      expect({ name, rows: await allRows(readRows(store, file)) }).toEqual({ name, rows: wanted });
    }
  });
});

describe('readRows', () => {
  const columns = fileColumns({ s: 'string', n: 'long' });
  const rows = Array.from({ length: 10 }, (_, row) => [`row ${row}`, BigInt(row)]);
  const small = (): ReturnType<typeof writeCase> =>
    writeCase(new ColumnarEncoder(), { name: '', columns, rows, rowGroupRows: 4 });

  test('gives one row group at a time', async () => {
    const { store, file } = await storeOf((await small()).bytes);
    const sizes: number[] = [];
    for await (const some of readRows(store, file)) sizes.push(some.length);
    expect(sizes).toEqual([4, 4, 2]);
  });

  test('reads the columns asked for, with null for those that the file lacks', async () => {
    const { store, file } = await storeOf((await small()).bytes);
    const [first] = await allRows(readRows(store, file, { columns: ['missing', 'n'] }));
    expect(first).toEqual({ missing: null, n: 0n });
    expect(Object.keys(first!)).toEqual(['missing', 'n']);
    const none = await allRows(readRows(store, file, { columns: ['missing'] }));
    expect(none).toEqual(rows.map(() => ({ missing: null })));
  });

  test('keeps map entries in order, also repeated and numeric keys', async () => {
    const map = fileColumns({ m: { map: { key: 'string', value: 'long' } } });
    const pairs = [['b', 1n], ['2', null], ['1', 3n], ['b', 4n], ['__proto__', 5n]] as const; // biome-ignore format: pairs
    const { bytes } = await writeCase(new ColumnarEncoder(), { name: '', columns: map, rows: [[pairs]] });
    const { store, file } = await storeOf(bytes);
    expect(await allRows(readRows(store, file))).toEqual([{ m: pairs }]);
  });

  test('takes a file above the size that is fetched at once by ranges', async () => {
    const big = Array.from({ length: 60 }, (_, row) => [noise(row, 100_000), BigInt(row)]);
    const { bytes } = await writeCase(new ColumnarEncoder(), { name: '', columns, rows: big, rowGroupRows: 20 });
    expect(bytes.length).toBeGreaterThan(4 << 20);
    const ranges: unknown[] = [];
    const { store, file } = await storeOf(bytes);
    const spied = {
      ...bound(store),
      get: (uri: string, options = {}) => {
        ranges.push(options);
        return store.get(uri, options);
      },
    };
    expect((await allRows(readRows(spied, file, { columns: ['n'] }))).map((row) => row.n)).toEqual(
      big.map(([, n]) => n),
    );
    expect(ranges.length).toBeGreaterThan(1);
  });

  test('asks again when a body breaks off, and gives up in the end', async () => {
    const { store, file } = await storeOf((await small()).bytes);
    let failures = 2;
    const flaky = {
      ...bound(store),
      get: async (uri: string, options = {}) => {
        const body = await store.get(uri, options);
        if (failures-- <= 0) return body;
        return { ...body, chunks: broken(body.chunks) };
      },
    };
    const routed = new RoutedStore({ memory: flaky }, { sleep: async () => {} });
    expect(await allRows(readRows(routed, file))).toHaveLength(10);
    failures = 1000;
    await expect(allRows(readRows(routed, file))).rejects.toThrow(StoreError);
  });

  test('fails when the object has another ETag, is not there, or is no Parquet file', async () => {
    const { store, file } = await storeOf((await small()).bytes);
    await expect(readFooter(store, { ...file, etag: 'other' })).rejects.toMatchObject({ code: 'precondition-failed' });
    await expect(readFooter(store, { ...file, uri: 'memory://test/none' })).rejects.toMatchObject({
      code: 'not-found',
    });
    const other = await storeOf(Buffer.from('this is not a Parquet file'));
    await expect(allRows(readRows(other.store, other.file))).rejects.toThrow(
      /cannot open .*memory:\/\/test\/file.parquet/,
    );
  });

  test('reads the file of every type', async () => {
    const { bytes } = await writeCase(new ColumnarEncoder(), everyType);
    const { store, file } = await storeOf(bytes);
    const [first] = await allRows(readRows(store, file));
    expect(Object.values(first!)).toEqual(everyType.rows[0]);
  });
});

const bound = (store: MemoryStore) => ({
  list: store.list.bind(store),
  listFolders: store.listFolders.bind(store),
  head: store.head.bind(store),
  put: store.put.bind(store),
  delete: store.delete.bind(store),
});

async function* broken(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  for await (const chunk of chunks) {
    yield chunk.subarray(0, 10);
    throw new StoreError('transient', 'memory://test/file.parquet', 'the connection was reset');
  }
}

/** Text that does not compress. */
function noise(seed: number, length: number): string {
  let state = seed + 1;
  let text = '';
  while (text.length < length) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    text += String.fromCharCode(33 + ((state >>> 16) % 90));
  }
  return text;
}
