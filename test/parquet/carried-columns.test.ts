/**
 * Columns of other engines, in types that no table declares: what is read and written again holds the same values for
 * other readers, nested or not, whatever the encoding; and bytes that are not sound are an error.
 */
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { carriedField } from '../../src/iceberg/carried.ts';
import type { FieldType, ListType, SchemaField, StructType } from '../../src/iceberg/metadata.ts';
import { KernelTable } from '../../src/kernel/table.ts';
import { allRows, type FileColumn } from '../../src/parquet/encoder.ts';
import { ColumnReader } from '../../src/parquet/read/column-reader.ts';
import { ColumnarFileWriter } from '../../src/parquet/write/encoder.ts';
import { storeOf } from '../contract/encoder.ts';
import { describeWith, rig } from '../support/rig.ts';
import { propertyRuns, propertySeed } from '../support/thorough.ts';
import { pseudoRandom } from './cases.ts';

const carried = (field: SchemaField): FileColumn => ({
  name: field.name,
  id: field.id,
  required: field.required,
  type: 'string',
  carried: carriedField(field)!,
});

async function read(bytes: Uint8Array, columns: readonly FileColumn[]): Promise<KernelTable> {
  const { store, file } = await storeOf(bytes);
  const table = new KernelTable(columns.map((column) => ({ ...column, description: '' })));
  try {
    const reader = await ColumnReader.open(store, file);
    const byName = new Map(columns.map((column) => [column.name, column]));
    for (const index of reader.rowGroups.keys()) await reader.append(table, index, byName);
    return table;
  } catch (error) {
    table.release();
    throw error;
  }
}

async function rewritten(bytes: Uint8Array, columns: readonly FileColumn[], order?: Uint32Array): Promise<Uint8Array> {
  const table = await read(bytes, columns);
  try {
    const writer = new ColumnarFileWriter({ columns, rowGroupRows: 250 });
    await writer.add(table.batch(), order ?? allRows(table.rows));
    return Buffer.concat((await writer.finish()).chunks);
  } finally {
    table.release();
  }
}

describeWith(['readers'], 'columns that pyarrow wrote', () => {
  let folder: string;
  let fields: SchemaField[];
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'carried-'));
    fields = JSON.parse(await rig.python('parquet_carried.py', ['write', folder]));
  });
  afterAll(() => rm(folder, { recursive: true }));

  interface FileValues {
    readonly rows: readonly Record<string, unknown>[];
    readonly wrong: readonly string[];
  }
  const valuesOf = async (files: readonly Uint8Array[]): Promise<FileValues[]> => {
    const paths = files.map((_, i) => join(folder, `rewritten-${i}`));
    for (const [i, bytes] of files.entries()) await writeFile(paths[i]!, bytes);
    return JSON.parse(await rig.python('parquet_carried.py', ['values', ...paths]));
  };
  const files = async () => (await readdir(folder)).filter((name) => name.endsWith('.parquet'));
  const bytesOf = (name: string) => readFile(join(folder, name));

  test('hold the same values after they were read, sorted anew and written, with bounds that are right', async () => {
    const columns = fields.map(carried);
    const names = await files();
    const [seed, given] = [pseudoRandom(7), await Promise.all(names.map(bytesOf))];
    const orders: Uint32Array[] = [];
    const once: Uint8Array[] = [];
    const twice: Uint8Array[] = [];
    for (const bytes of given) {
      const table = await read(bytes, columns);
      orders.push(
        allRows(table.rows)
          .filter(() => seed() < 0.8)
          .reverse(),
      );
      table.release();
      once.push(await rewritten(bytes, columns, orders.at(-1)));
      twice.push(await rewritten(once.at(-1)!, columns));
    }
    const values = await valuesOf([...given, ...once, ...twice]);
    for (const [i, name] of names.entries()) {
      const expected = { rows: [...orders[i]!].map((row) => values[i]!.rows[row]), wrong: [] };
      expect(values[names.length + i], name).toEqual(expected);
      expect(values[2 * names.length + i], `${name}, twice`).toEqual(expected);
    }
  });

  test('are given in the form that the table has by now: wider types, fields added, dropped, renamed and reordered', async () => {
    const bytes = await bytesOf('dictionary.parquet');
    const changed = (name: string, type: FieldType): FileColumn =>
      carried({ ...fields.find((field) => field.name === name)!, type });
    const place = fields.find(({ name }) => name === 'place')!.type as StructType;
    const visits = fields.find(({ name }) => name === 'visits')!.type as ListType;
    const [city, at] = place.fields;
    const written = await rewritten(bytes, [
      changed('int', 'long'),
      changed('float', 'double'),
      changed('small_decimal', 'decimal(30, 2)'),
      changed('decimal', 'decimal(38, 4)'),
      changed('large_decimal', 'decimal(38, 10)'),
      changed('place', {
        type: 'struct',
        fields: [{ id: 901, name: 'new', required: false, type: 'uuid' }, at!, { ...city!, name: 'town' }],
      }),
      changed('visits', {
        ...visits,
        element: { type: 'struct', fields: [(visits.element as StructType).fields[0]!] },
      }),
    ]);
    const [before, after] = await valuesOf([bytes, written]);
    const expected = before!.rows.map((row) => {
      const { int, float, small_decimal, decimal, large_decimal } = row;
      const oldPlace = row.place as { city: unknown; at: unknown } | null;
      const oldVisits = row.visits as ({ day: unknown } | null)[] | null;
      return {
        int,
        float,
        small_decimal,
        decimal,
        large_decimal,
        place: oldPlace && { new: null, at: oldPlace.at, town: oldPlace.city },
        visits: oldVisits?.map((visit) => visit && { day: visit.day }) ?? null,
      };
    });
    expect(after!.rows).toEqual(expected);
  });

  test('in a form that cannot be the column are named, and nothing is made of them', async () => {
    const { store, file } = await storeOf(await bytesOf('plain.parquet'));
    const reader = await ColumnReader.open(store, file);
    const why = (name: string, type: FieldType): string | undefined =>
      reader.whyNotCarried(carried({ ...fields.find((field) => field.name === name)!, type }), new Map());
    expect(why('decimal', 'decimal(18, 3)')).toMatch(/decimal is decimal in the table and DECIMAL in the file/);
    expect(why('large_decimal', 'decimal(20, 10)')).toBeDefined();
    expect(why('double', 'float')).toMatch(/double is float in the table and DOUBLE in the file/);
    expect(why('fixed', 'fixed[6]')).toBeDefined();
    expect(why('date', 'time')).toBeDefined();
    expect(why('place', 'binary')).toMatch(/a group/);
    expect(why('text', { type: 'struct', fields: [fields[0]!] })).toBeDefined();
    for (const { name, type } of fields) expect(why(name, type), name).toBeUndefined();
  });

  test('that were damaged are an error, or values that take no more than they should', async () => {
    const seed = propertySeed;
    const next = pseudoRandom(seed);
    const columns = fields.map(carried);
    const names = await files();
    let refused = 0;
    for (let run = 0; run < propertyRuns(600); run++) {
      const name = names[Math.floor(next() * names.length)]!;
      const bytes = Uint8Array.from(await bytesOf(name));
      const footer = Buffer.from(bytes.buffer).readUInt32LE(bytes.length - 8);
      for (let i = 0; i < 3; i++)
        bytes[4 + Math.floor(next() * (bytes.length - footer - 12))] = Math.floor(next() * 256);
      try {
        (await read(bytes, columns)).release();
      } catch (error) {
        refused++;
        expect((error as Error).message, `seed ${seed}, run ${run}`).toMatch(
          /cannot read column \w+ of the Parquet file/,
        );
      }
    }
    expect(refused, `seed ${seed}`).toBeGreaterThan(0);
  });
});

describe('types', () => {
  test.each(['decimal(39, 2)', 'decimal(3, 4)', 'variant', 'fixed[x]', 'geometry'])('%s is not carried', (type) => {
    const field = { id: 1, name: 'a', required: false, type };
    expect(carriedField(field)).toBeUndefined();
    const list = { type: 'list', 'element-id': 2, element: type, 'element-required': false } as const;
    expect(carriedField({ ...field, type: list })).toBeUndefined();
  });
});
