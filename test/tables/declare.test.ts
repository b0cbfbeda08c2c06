import { describe, expect, test } from 'vitest';
import okeraSchema from '../../schemas/okera-audit.schema.json' with { type: 'json' };
import opaSchema from '../../schemas/opa.schema.json' with { type: 'json' };
import { declareTable } from '../../src/tables/declare.ts';
import { ingestedObjects } from '../../src/tables/ingested-objects.ts';
import { parsePath } from '../../src/tables/path.ts';
import type { PromotedColumn } from '../../src/tables/promoted.ts';
import { quarantine } from '../../src/tables/quarantine.ts';
import { type AnnotatedSchema, columnTypeText, extractions, parseColumnType } from '../../src/tables/schema.ts';

const opa = opaSchema as unknown as AnnotatedSchema;
const okera = okeraSchema as unknown as AnnotatedSchema;
const tables = [declareTable(opa), declareTable(okera), quarantine, ingestedObjects];

describe('every table', () => {
  test.each(tables.map((table) => [table.name, table] as const))(
    '%s keeps what Glue and Athena ask for',
    (_, table) => {
      const names = table.columns.map(({ name }) => name);
      expect(new Set(names).size).toBe(names.length);
      expect(names).toContain('ymd');
      for (const { name, description } of table.columns) {
        expect(name).toMatch(/^[a-z][a-z0-9_]*$/);
        expect(description.length, `description of ${name}`).toBeGreaterThan(0);
        expect(description.length, `description of ${name}`).toBeLessThanOrEqual(255);
      }
      for (const list of [table.sortedBy, table.bloomColumns, table.fullBounds, table.provenance]) {
        for (const name of list) expect(names).toContain(name);
      }
    },
  );
});

describe('a table from its schema', () => {
  test('has every annotated path as a column', () => {
    for (const schema of [opa, okera]) {
      const table = declareTable(schema);
      for (const { column, type } of extractions(schema)) {
        expect(table.columns.find(({ name }) => name === column)?.type).toEqual(type);
      }
    }
  });

  test('has the names and types that are the public face of the product', () => {
    const typesOf = (schema: AnnotatedSchema): Record<string, string> =>
      Object.fromEntries(declareTable(schema).columns.map(({ name, type }) => [name, columnTypeText(type)]));
    expect(typesOf(opa)).toMatchObject({
      ymd: 'string',
      event_time: 'timestamp',
      timestamp: 'string',
      allowed: 'boolean',
      roles: 'list<string>',
      labels: 'map<string,string>',
      metrics: 'map<string,long>',
      server_handler_ns: 'long',
      first_ts: 'long',
      input: 'string',
    });
    expect(typesOf(okera)).toMatchObject({
      start_unix_time: 'long',
      start_time: 'timestamp',
      auth_failure: 'boolean',
      client_port: 'int',
      request_id_prefix: 'string',
    });
    expect(Object.keys(typesOf(opa)).length).toBe(45);
    expect(Object.keys(okera.properties).length).toBe(29);
  });

  test('puts promoted columns before the big raw text', () => {
    const promoted: Record<string, PromotedColumn> = {
      tenant: { path: 'input.tenant', type: 'string', strict: false },
    };
    const table = declareTable(opa, promoted);
    const names = table.columns.map(({ name }) => name);
    expect(names.indexOf('tenant')).toBe(names.indexOf('labels') - 1);
    expect(table.provenance).toContain('tenant');
    expect(names.at(-1)).toBe('intermediate_results');
  });

  test('refuses a promoted column whose name is taken', () => {
    const promoted: Record<string, PromotedColumn> = { path: { path: 'input.path', type: 'string', strict: false } };
    expect(() => declareTable(opa, promoted)).toThrow('choose another');
  });
});

test('column types are written as Hive writes them', () => {
  for (const text of ['boolean', 'int', 'long', 'double', 'string', 'timestamp', 'list<string>', 'map<string,long>']) {
    expect(columnTypeText(parseColumnType(text))).toBe(text);
  }
  for (const text of ['date', 'list<date>', 'map<long,string>', '']) expect(() => parseColumnType(text)).toThrow();
});

test('a path is dotted, with quotes around what has dots', () => {
  expect(parsePath('input.tenant.id')).toEqual(['input', 'tenant', 'id']);
  expect(parsePath('input."a.b".0')).toEqual(['input', 'a.b', '0']);
  expect(parsePath('labels."say \\"hi\\""')).toEqual(['labels', 'say "hi"']);
  for (const text of ['', '.', 'a.', '.a', 'a..b', '"a', 'a"b"', '"a"b']) expect(() => parsePath(text)).toThrow();
});
