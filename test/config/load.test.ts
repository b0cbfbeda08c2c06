import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { ConfigError } from '../../src/config/errors.ts';
import { type LoadOptions, loadConfig } from '../../src/config/load.ts';

const folder = mkdtempSync(join(tmpdir(), 'aw-config-'));
afterAll(() => rmSync(folder, { recursive: true }));

const reserved = (): ReadonlySet<string> => new Set(['ymd', 'event_time', 'subject']);

function load(yaml: string, options: Partial<LoadOptions> = {}) {
  writeFileSync(join(folder, 'audit-warehouse.yaml'), yaml);
  return loadConfig({ env: {}, cwd: folder, reserved, ...options });
}

function problemsOf(yaml: string, options: Partial<LoadOptions> = {}) {
  try {
    load(yaml, options);
  } catch (error) {
    if (error instanceof ConfigError)
      return error.problems.map(({ key, origin, message }) => ({ key, origin, message }));
    throw error;
  }
  throw new Error('the configuration was accepted');
}

const minimal = `warehouse: ./warehouse
sources:
  - { name: eopa, type: opa, location: ./logs }
`;

describe('a minimal configuration', () => {
  it('gets the documented defaults', () => {
    const { config, file } = load(minimal);
    expect(file).toBe(join(folder, 'audit-warehouse.yaml'));
    expect(config).toEqual({
      warehouse: `file://${folder}/warehouse`,
      catalog: { type: 'file' },
      s3: { forcePathStyle: false },
      sources: [{ name: 'eopa', type: 'opa', location: `file://${folder}/logs/`, columns: {} }],
      limits: {
        recordBytes: 16 << 20,
        nestingDepth: 512,
        objectBytes: 4 * 2 ** 30,
        compressionRatio: 200,
        daysPerBatch: 3660,
      },
      batch: {
        bytes: 256 << 20,
        objects: 10_000,
        claimSeconds: 600,
        downloads: 16,
        downloadBytes: 16 << 20,
        columnBytes: 48 << 20,
      },
      output: { encoder: 'columnar', rowGroupRows: 122_880, fileRows: 2_000_000, compressionLevel: 1, threads: 1 },
    });
  });

  it('reads the example of the CLI contract', () => {
    const { config } = load(`
warehouse: s3://acme-lake/audit/
catalog: { type: glue, database: audit, region: eu-west-1 }
s3: { endpoint: "http://127.0.0.1:5000", region: eu-west-1, forcePathStyle: true }
sources:
  - { name: eopa-prod, type: opa, location: s3://acme-eopa, columns: { tenant: { path: input.tenant.id, type: string } } }
  - { name: okera-prod, type: okera-audit, location: s3://acme-okera/audit/ }
`);
    expect(config.warehouse).toBe('s3://acme-lake/audit');
    expect(config.catalog).toEqual({ type: 'glue', database: 'audit', region: 'eu-west-1' });
    expect(config.s3).toEqual({ endpoint: 'http://127.0.0.1:5000', region: 'eu-west-1', forcePathStyle: true });
    expect(config.sources.map((source) => source.location)).toEqual(['s3://acme-eopa/', 's3://acme-okera/audit/']);
    expect(config.sources[0]?.columns).toEqual({ tenant: { path: 'input.tenant.id', type: 'string', strict: false } });
  });

  it('takes a source location that names one file as that file', () => {
    mkdirSync(join(folder, 'one'), { recursive: true });
    writeFileSync(join(folder, 'one', 'decisions.jsonl'), '');
    const { config } = load(minimal.replace('./logs', 'one/decisions.jsonl'));
    expect(config.sources[0]?.location).toBe(`file://${folder}/one/decisions.jsonl`);
  });

  it('reads sizes, durations and counts in any of their spellings', () => {
    const { config } = load(`${minimal}
limits: { record_bytes: 1.5 MiB, object_bytes: 2GB }
batch: { claim: 1h30m, objects: "20,000", bytes: 1048576 }
s3: { force_path_style: yes }
`);
    expect(config.limits.recordBytes).toBe(1.5 * 2 ** 20);
    expect(config.limits.objectBytes).toBe(2e9);
    expect(config.batch).toMatchObject({ claimSeconds: 5400, objects: 20_000, bytes: 1 << 20 });
    expect(config.s3.forcePathStyle).toBe(true);
  });
});

describe('precedence', () => {
  it('is flags over environment over file over defaults', () => {
    const yaml = `${minimal}batch: { downloads: 2, objects: 3 }\n`;
    const env = {
      AUDIT_WAREHOUSE_BATCH_DOWNLOADS: '4',
      AUDIT_WAREHOUSE_BATCH_OBJECTS: '5',
      AUDIT_WAREHOUSE_S3_FORCE_PATH_STYLE: 'true',
    };
    const { config } = load(yaml, { env, settings: ['batch.downloads=6'] });
    expect(config.batch.downloads).toBe(6);
    expect(config.batch.objects).toBe(5);
    expect(config.s3.forcePathStyle).toBe(true);
    expect(load(yaml).config.batch).toMatchObject({ downloads: 2, objects: 3 });
  });

  it('resolves a warehouse of the environment against the current folder, one of the file against the file', () => {
    mkdirSync(join(folder, 'etc'), { recursive: true });
    writeFileSync(join(folder, 'etc', 'a.yaml'), minimal);
    const options = { file: 'etc/a.yaml', cwd: folder, reserved };
    expect(loadConfig({ ...options, env: {} }).config.warehouse).toBe(`file://${folder}/etc/warehouse`);
    const env = { AUDIT_WAREHOUSE_WAREHOUSE: 'elsewhere' };
    expect(loadConfig({ ...options, env }).config.warehouse).toBe(`file://${folder}/elsewhere`);
  });

  it('takes the file of AUDIT_WAREHOUSE_CONFIG where no flag names one', () => {
    writeFileSync(join(folder, 'b.yaml'), minimal);
    expect(loadConfig({ env: { AUDIT_WAREHOUSE_CONFIG: 'b.yaml' }, cwd: folder, reserved }).file).toBe(
      join(folder, 'b.yaml'),
    );
  });
});

describe('a mistake is named by key, file and line', () => {
  const source = (rest: string) =>
    `warehouse: ./w\nsources:\n  - name: eopa\n    type: opa\n    location: ./logs\n    ${rest}\n`;
  const cases: [what: string, yaml: string, key: string, line: number, message: RegExp][] = [
    ['an unknown key', `${minimal}bacth: { bytes: 1 }\n`, 'bacth', 4, /did you mean batch\?/],
    ['an unknown nested key', `${minimal}batch:\n  download: 1\n`, 'batch.download', 5, /did you mean downloads\?/],
    ['a missing warehouse', 'sources: [{ name: a, type: opa, location: x }]\n', 'warehouse', 1, /is missing/],
    ['no sources', 'warehouse: x\nsources: []\n', 'sources', 2, /must not be empty/],
    [
      'an unknown source type',
      minimal.replace('type: opa', 'type: okera'),
      'sources[0].type',
      3,
      /one of opa, okera-audit/,
    ],
    [
      'a source without location',
      'warehouse: w\nsources:\n  - { name: a, type: opa }\n',
      'sources[0].location',
      3,
      /is missing/,
    ],
    ['a size that is none', `${minimal}limits:\n  record_bytes: lots\n`, 'limits.record_bytes', 5, /256MiB/],
    ['a duration that is none', `${minimal}batch:\n  claim: soon\n`, 'batch.claim', 5, /10m/],
    ['a count below its least', `${minimal}batch:\n  downloads: 0\n`, 'batch.downloads', 5, /at least 1/],
    ['a negative count', `${minimal}batch:\n  downloads: -1\n`, 'batch.downloads', 5, /whole number/],
    [
      'a level past its most',
      `${minimal}output:\n  compression_level: 40\n`,
      'output.compression_level',
      5,
      /at most 19/,
    ],
    ['an unknown encoder', `${minimal}output:\n  encoder: arrow\n`, 'output.encoder', 5, /columnar, parquetjs/],
    ['glue without a database', `${minimal}catalog: { type: glue }\n`, 'catalog.database', 4, /is missing/],
    [
      'a Glue database in capitals',
      `${minimal}catalog: { type: glue, database: Audit }\n`,
      'catalog.database',
      4,
      /lower-case/,
    ],
    [
      'a database for a file catalog',
      `${minimal}catalog: { database: audit }\n`,
      'catalog.database',
      4,
      /only for a catalog of type glue/,
    ],
    ['an endpoint that is no URL', `${minimal}s3: { endpoint: localhost }\n`, 's3.endpoint', 4, /http/],
    ['a scheme nobody reads', minimal.replace('./logs', 'gs://bucket/x'), 'sources[0].location', 3, /s3:\/\/bucket/],
    ['a bucket name that is none', minimal.replace('./logs', 's3:///x'), 'sources[0].location', 3, /s3:\/\/bucket/],
    [
      'the warehouse inside a source',
      minimal.replace('./logs', '.'),
      'sources[0].location',
      3,
      /has the warehouse inside/,
    ],
    ['text where a group belongs', `${minimal}batch: big\n`, 'batch', 4, /a group of keys/],
    [
      'a promoted column that exists',
      source('columns: { subject: { path: input.user, type: string } }'),
      'sources[0].columns.subject',
      6,
      /has already/,
    ],
    [
      'a promoted column in capitals',
      source('columns: { Tenant: { path: input.t, type: string } }'),
      'sources[0].columns.Tenant',
      6,
      /lower-case/,
    ],
    [
      'a promoted column of an unknown type',
      source('columns: { tenant: { path: input.t, type: text } }'),
      'sources[0].columns.tenant.type',
      6,
      /boolean, int/,
    ],
    [
      'a promoted column without path',
      source('columns: { tenant: { type: string } }'),
      'sources[0].columns.tenant.path',
      6,
      /is missing/,
    ],
    [
      'a path with an empty segment',
      source('columns: { tenant: { path: input..t, type: string } }'),
      'sources[0].columns.tenant.path',
      6,
      /is no path/,
    ],
  ];
  it.each(cases)('%s', (_what, yaml, key, line, message) => {
    const problems = problemsOf(yaml);
    expect(problems).toHaveLength(1);
    expect(problems[0]).toMatchObject({ key, origin: `audit-warehouse.yaml:${line}` });
    expect(problems[0]?.message).toMatch(message);
  });

  it('two sources of one name, and one source inside another', () => {
    const two = `${minimal}  - { name: eopa, type: okera-audit, location: ./logs/okera }\n`;
    expect(problemsOf(two).map((problem) => [problem.key, problem.origin])).toEqual([
      ['sources[1].name', 'audit-warehouse.yaml:4'],
      ['sources[1].location', 'audit-warehouse.yaml:4'],
    ]);
  });

  it('one promoted column with two types in the same table', () => {
    const yaml = `warehouse: w
sources:
  - { name: a, type: opa, location: a, columns: { tenant: { path: input.t, type: string } } }
  - { name: b, type: opa, location: b, columns: { tenant: { path: input.t, type: long } } }
  - { name: c, type: okera-audit, location: c, columns: { tenant_no: { path: t, type: long } } }
`;
    expect(problemsOf(yaml)).toMatchObject([
      { key: 'sources[1].columns.tenant.type', origin: 'audit-warehouse.yaml:4' },
    ]);
  });

  it('all mistakes at once', () => {
    const keys = problemsOf('warehose: x\nsources:\n  - { name: A, type: opa }\nlimits: { nesting_depth: deep }\n').map(
      (p) => p.key,
    );
    expect(keys.sort()).toEqual([
      'limits.nesting_depth',
      'sources[0].location',
      'sources[0].name',
      'warehose',
      'warehouse',
    ]);
  });

  it('YAML that cannot be read, and a key said twice', () => {
    expect(problemsOf('warehouse: [\n')[0]?.origin).toMatch(/^audit-warehouse.yaml:\d$/);
    expect(problemsOf(`${minimal}warehouse: other\n`)).toMatchObject([
      { origin: 'audit-warehouse.yaml:4', message: /unique/ },
    ]);
    expect(problemsOf('just text\n')[0]?.message).toMatch(/not a YAML mapping/);
  });

  it('a file that is not there, with what to do', () => {
    expect(problemsOf(minimal, { file: 'missing.yaml' })).toMatchObject([
      { origin: 'missing.yaml', message: /audit-warehouse init/ },
    ]);
  });

  it('a value of the environment or a flag by its own name', () => {
    expect(problemsOf(minimal, { env: { AUDIT_WAREHOUSE_BATCH_CLAIM: 'x' } })).toMatchObject([
      { key: 'batch.claim', origin: 'AUDIT_WAREHOUSE_BATCH_CLAIM' },
    ]);
    expect(problemsOf(minimal, { settings: ['batch.claims=10m', 'nonsense'] })).toMatchObject([
      { key: 'batch.claims', origin: '--set batch.claims', message: /did you mean batch.claim\?/ },
      { key: 'nonsense', message: /key=value/ },
    ]);
  });
});
