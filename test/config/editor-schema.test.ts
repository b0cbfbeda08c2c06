/**
 * The schema for editors agrees with the program: it takes what the program takes, refuses what the program refuses for its
 * form, and knows every key.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Ajv } from 'ajv';
import { afterAll, describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { ConfigError } from '../../src/config/errors.ts';
import { exampleConfig } from '../../src/config/example.ts';
import type { ConfigSchema, Unit } from '../../src/config/keys.ts';
import { loadConfig } from '../../src/config/load.ts';
import { configSchema } from '../../src/config/schema.ts';
import {
  parseBoolean,
  parseCount,
  parseDuration,
  parseShare,
  parseSize,
  unitPatterns,
} from '../../src/config/units.ts';

const text = readFileSync(join(import.meta.dirname, '../../schemas/config.schema.json'), 'utf8');
const validate = new Ajv({ allErrors: true, allowUnionTypes: true }).compile(JSON.parse(text) as object);
const editorTakes = (yaml: string): boolean => validate(parse(yaml));

const folder = mkdtempSync(join(tmpdir(), 'aw-editor-schema-'));
afterAll(() => rmSync(folder, { recursive: true }));
function programTakes(yaml: string): boolean {
  writeFileSync(join(folder, 'audit-warehouse.yaml'), yaml);
  try {
    loadConfig({ env: {}, cwd: folder, reserved: () => new Set() });
    return true;
  } catch (error) {
    if (error instanceof ConfigError) return false;
    throw error;
  }
}

const minimal = 'warehouse: ./w\nsources: [{ name: a, type: opa, location: ./l }]\n';

describe('both take', () => {
  test.each([
    ['a minimal configuration', minimal],
    ['what init writes', exampleConfig()],
    ['what init writes, with every group there and empty', exampleConfig().replace(/^# (\w+:)$/gm, '$1')],
    [
      'sizes, durations and counts as people write them',
      `${minimal}batch: { bytes: 64MiB, claim: 1h30m, objects: "10,000" }\n`,
    ],
    ['plain numbers', `${minimal}batch: { bytes: 67108864, claim: 600, objects: 10000 }\n`],
    ['either spelling of a key in camel case', `${minimal}s3: { force_path_style: true }\n`],
    ['booleans as shells write them', `${minimal}compact: { find_duplicates: "off" }\n`],
    [
      'a REST catalog',
      `${minimal}catalog: { type: rest, uri: "https://c", namespace: a.b, auth: { type: oauth2, client_id: c, client_secret: s } }\n`,
    ],
    [
      'Glue',
      `${minimal.replace(/warehouse: .*/, 'warehouse: s3://acme-lake')}catalog: { type: glue, database: audit, region: eu-west-1 }\n`,
    ],
    [
      'a table of clustering and of retention',
      `${minimal}retention: { opa_decisions: 400d }\ncompact: { clustering: { opa_decisions: [subject] } }\n`,
    ],
  ])('%s', (_, yaml) => {
    expect({ editor: editorTakes(yaml), errors: validate.errors }).toEqual({ editor: true, errors: null });
    expect(programTakes(yaml)).toBe(true);
  });
});

describe('both refuse', () => {
  test.each([
    ['no warehouse', 'sources: [{ name: a, type: opa, location: ./l }]\n'],
    ['no source', 'warehouse: ./w\nsources: []\n'],
    ['an unknown key', `${minimal}wharehouse: ./w\n`],
    ['an unknown key of a section', `${minimal}batch: { byte: 1 }\n`],
    ['an unknown type of source', minimal.replace('type: opa', 'type: opaque')],
    ['a size that is none', `${minimal}batch: { bytes: 64 megs }\n`],
    ['a duration that is none', `${minimal}batch: { claim: soon }\n`],
    ['a number that is too small', `${minimal}batch: { claim: 1 }\n`],
    ['a number that is too large', `${minimal}limits: { nesting_depth: 5000 }\n`],
    ['a boolean that is none', `${minimal}compact: { find_duplicates: maybe }\n`],
    [
      'a name of a column with a space',
      minimal.replace('./l }', './l, columns: { "a b": { path: p, type: string } } }'),
    ],
    ['a catalog that nobody has', `${minimal}catalog: { type: hive }\n`],
    ['an endpoint without a scheme', `${minimal}s3: { endpoint: localhost:9000 }\n`],
  ])('%s', (_, yaml) => {
    expect(programTakes(yaml)).toBe(false);
    expect(editorTakes(yaml)).toBe(false);
  });
});

const readers = {
  size: parseSize,
  duration: parseDuration,
  count: parseCount,
  share: parseShare,
  boolean: parseBoolean,
} as const satisfies Record<Unit, unknown>;
const notations =
  '1048576 256MiB 1.5GiB 10mb 7b 1e3 1% 0.5% 2.% 10m 1h30m 90s 2d 0.5 .5 10_000 10,000 1,00 1_000_000 true YES on 1 False no Off 0 maybe -1 +1'.split(
    ' ',
  );
test.each(Object.keys(readers) as Unit[])('a %s has the same notations in both', (unit) => {
  const pattern = new RegExp(unitPatterns[unit]);
  for (const notation of [...notations, ' 12 ', '1 GiB', '', ' '])
    expect(`${notation}: ${pattern.test(notation)}`).toBe(`${notation}: ${readers[unit](notation) !== undefined}`);
});

test('every key is known to editors, with its description', () => {
  const paths = (schema: ConfigSchema, at = ''): string[] => {
    const inside = [...((schema.anyOf as ConfigSchema[] | undefined) ?? []), schema.items, schema.additionalProperties];
    const own = Object.entries(schema.properties ?? {}).flatMap(([key, property]) => [
      `${at}.${key}: ${property.description ?? ''}`,
      ...paths(property, `${at}.${key}`),
    ]);
    return [...own, ...inside.flatMap((part) => (typeof part === 'object' ? paths(part as ConfigSchema, at) : []))];
  };
  // A description may stand beside the alternatives that a value has or in one of them.
  const described = JSON.stringify(JSON.parse(text));
  for (const path of paths(configSchema)) {
    const [, description] = path.split(/: (.*)/s);
    expect(described, path).toContain(JSON.stringify(description));
  }
  const names = (schema: ConfigSchema) => new Set(paths(schema).map((path) => path.split(': ')[0]));
  const known = names(JSON.parse(text) as ConfigSchema);
  expect([...names(configSchema)].filter((name) => !known.has(name))).toEqual([]);
  expect(names(configSchema).size).toBeGreaterThan(60);
});
