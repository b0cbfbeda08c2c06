/** Reads a fixture folder (fixtures/README.md) and runs its input through the source, as a job would. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type ColumnType, isScalar, type ScalarType, type Value } from '../../src/columns/types.ts';
import { mappingOfSource } from '../../src/config/sources.ts';
import { openBody } from '../../src/records/decompress.ts';
import { quarantineRow } from '../../src/records/quarantine.ts';
import { readRecords } from '../../src/records/read-records.ts';
import { createSource } from '../../src/sources/index.ts';
import type { SourceType } from '../../src/sources/registry.ts';
import type { TableDeclaration } from '../../src/tables/declaration.ts';
import type { Mapping } from '../../src/tables/mapping.ts';
import type { PromotedColumn } from '../../src/tables/promoted.ts';
import { quarantine as quarantineTable } from '../../src/tables/quarantine.ts';

export interface Fixture {
  readonly type: SourceType;
  readonly about: string;
  readonly uri: string;
  readonly lastModified: number;
  readonly columns: Readonly<Record<string, PromotedColumn>>;
  /** `shape` and `fields` of the case, as a configuration has them, and what they say. */
  readonly shaping: { readonly shape?: unknown; readonly fields?: Readonly<Record<string, unknown>> };
  readonly mapping: Mapping | undefined;
  readonly limits: typeof defaultLimits;
  readonly input: Buffer;
  readonly expectedRows: unknown[];
  readonly expectedQuarantine: unknown[];
  readonly expectedCounts: unknown;
  readonly expectedError: object | undefined;
}

export const defaultLimits = {
  recordBytes: 16 << 20,
  nestingDepth: 200,
  objectBytes: 1 << 30,
  compressionRatio: 1000,
};

export function loadFixture(type: SourceType, folder: string): Fixture {
  const about = JSON.parse(readFileSync(join(folder, 'case.json'), 'utf8'));
  const { shape, fields } = about;
  const shaping = { ...(shape !== undefined && { shape }), ...(fields !== undefined && { fields }) };
  const input = readdirSync(folder).find((file) => file.startsWith('input.'));
  if (input === undefined) throw new Error(`${folder} has no input file`);
  const json = (file: string): unknown =>
    existsSync(join(folder, file)) ? JSON.parse(readFileSync(join(folder, file), 'utf8')) : undefined;
  const lines = (file: string): unknown[] =>
    existsSync(join(folder, file))
      ? readFileSync(join(folder, file), 'utf8')
          .split('\n')
          .filter((line) => line !== '')
          .map((line) => JSON.parse(line))
      : [];
  return {
    type,
    about: about.about,
    uri: `s3://audit-logs/${about.key}`,
    lastModified: Date.parse(about.lastModified),
    columns: about.columns ?? {},
    shaping,
    mapping: mappingOfSource(shaping, [], (path, message) => {
      throw new Error(`${folder}: ${path.join('.')} ${message}`);
    }),
    limits: { ...defaultLimits, ...about.limits },
    input: readFileSync(join(folder, input)),
    expectedRows: lines('expected.jsonl'),
    expectedQuarantine: lines('expected-quarantine.jsonl'),
    expectedCounts: json('expected-counts.json'),
    expectedError: json('expected-error.json') as object | undefined,
  };
}

export interface Reading {
  readonly rows: unknown[];
  readonly quarantine: unknown[];
  readonly counts: Record<string, unknown>;
}

export async function readFixture(fixture: Fixture, chunkSize = Number.POSITIVE_INFINITY): Promise<Reading> {
  const { type, uri, lastModified, limits } = fixture;
  const source = createSource(type, fixture.columns, limits, fixture.mapping);
  const facts = source.describeObject(uri);
  const reader = source.openObject(uri, facts);
  const rows: unknown[] = [];
  const quarantine: unknown[] = [];
  let skipped = 0;
  for await (const records of readRecords(reader, openBody(inChunks(fixture.input, chunkSize), limits), limits)) {
    for (const { outcome, origin } of records) {
      if (outcome.kind === 'row') rows.push(plainRow(source.table, outcome.values));
      else if (outcome.kind === 'skip') skipped++;
      else {
        const row = quarantineRow({ sourceType: type, uri, facts, lastModified }, origin, outcome);
        quarantine.push(plainRow(quarantineTable, row));
      }
    }
  }
  const records = rows.length + quarantine.length + skipped;
  const typeMismatches = Object.fromEntries(reader.typeMismatches);
  return {
    rows,
    quarantine,
    counts: {
      records,
      rows: rows.length,
      quarantined: quarantine.length,
      skipped,
      ...(Object.keys(typeMismatches).length > 0 ? { typeMismatches } : {}),
    },
  };
}

export async function* inChunks(bytes: Buffer, size: number): AsyncGenerator<Buffer> {
  if (size >= bytes.length) yield bytes;
  else for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

/** A row as expected.jsonl writes it: no nulls, integers as numbers up to 2^53 and text beyond, times as ISO with µs. */
export function plainRow(table: TableDeclaration, values: readonly Value[]): Record<string, unknown> {
  const row: Record<string, unknown> = {};
  if (values.length !== table.columns.length)
    throw new Error(`${values.length} values for ${table.columns.length} columns`);
  for (const [i, { name, type, required }] of table.columns.entries()) {
    const value = values[i] as Value;
    if (value === null && required) throw new Error(`required column ${name} is null`);
    if (value !== null) row[name] = plain(type, value);
  }
  return row;
}

function plain(type: ColumnType, value: Value): unknown {
  if (isScalar(type)) return plainScalar(type, value);
  if ('list' in type) return (value as Value[]).map((element) => plainScalar(type.list, element));
  const entries = (value as [string, Value][]).map(([key, entry]) => [key, plainScalar(type.map.value, entry)]);
  return Object.fromEntries(entries);
}

/** Throws where the value is not of the form that columns/types.ts lays down for the type. */
function plainScalar(type: ScalarType, value: Value): unknown {
  const is = (wanted: string): void => {
    if (typeof value !== wanted) throw new Error(`${typeof value} in a column of type ${type}`);
  };
  switch (type) {
    case 'string':
      if (value instanceof Uint8Array) return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(value);
      is('string');
      if (!(value as string).isWellFormed()) throw new Error('half a surrogate pair in a column');
      return value;
    case 'boolean':
      is('boolean');
      return value;
    case 'int':
    case 'double':
      is('number');
      return value;
    case 'long':
      is('bigint');
      return Number.isSafeInteger(Number(value)) ? Number(value) : String(value);
    case 'timestamp':
      is('bigint');
      return isoMicros(value as bigint);
  }
}

function isoMicros(micros: bigint): string {
  const inSecond = ((micros % 1_000_000n) + 1_000_000n) % 1_000_000n;
  const second = new Date(Number((micros - inSecond) / 1000n)).toISOString().replace(/^[+-]00/, '');
  return `${second.slice(0, -5)}.${String(inSecond).padStart(6, '0')}Z`;
}
