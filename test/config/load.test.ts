import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { afterAll, describe, expect, it } from 'vitest';
import { ConfigError } from '../../src/config/errors.ts';
import { type LoadOptions, loadConfig } from '../../src/config/load.ts';
import type { Secret } from '../../src/config/secret.ts';

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
const onS3 = minimal.replace('./warehouse', 's3://acme-lake');

describe('a minimal configuration', () => {
  it('gets the documented defaults', () => {
    const { config, file } = load(minimal);
    expect(file).toBe(join(folder, 'audit-warehouse.yaml'));
    expect(config).toEqual({
      warehouse: `file://${folder}/warehouse`,
      catalog: { type: 'file' },
      s3: { forcePathStyle: false },
      sources: [{ name: 'eopa', type: 'opa', location: `file://${folder}/logs/`, columns: {} }],
      sideSources: [],
      stewards: [],
      queries: [],
      limits: {
        recordBytes: 16 << 20,
        nestingDepth: 512,
        objectBytes: 4 * 2 ** 30,
        compressionRatio: 200,
        rejectedRecords: 4_000_000,
        daysPerBatch: 3660,
      },
      batch: {
        bytes: 256 << 20,
        objects: 10_000,
        claimSeconds: 600,
        downloads: 128,
        downloadBytes: 32 << 20,
        columnBytes: 32 << 20,
        identityBytes: 32 << 20,
        threads: Math.min(4, availableParallelism()),
      },
      output: { encoder: 'columnar', rowGroupRows: 122_880, fileRows: 2_000_000, compressionLevel: 1 },
      compact: {
        targetBytes: 64 << 20,
        smallFiles: 4,
        excessFiles: 8,
        unsortedPercent: 10,
        findDuplicates: true,
        rowGroupRows: 20_480,
        compressionLevel: 9,
        memoryBytes: 512 << 20,
        partBytes: 2 * 2 ** 30,
        spill: `file://${tmpdir()}`,
        clustering: {},
      },
      expire: { snapshotsSeconds: 5 * 86_400, keepSnapshots: 10, graceSeconds: 3 * 86_400 },
      retention: {},
      worker: {
        batchAgeSeconds: 30,
        commitIntervalSeconds: 300,
        pollIntervalSeconds: 60,
        lookBackSeconds: 7200,
        okeraLookBackSeconds: 604_800,
        relistSeconds: 86_400,
        visibilitySeconds: 120,
        shutdownSeconds: 60,
        tries: 10,
        listen: { host: '127.0.0.1', port: 9464 },
      },
      engines: { athena: { catalog: 'AwsDataCatalog' } },
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

  it('knows REST catalogs and their ways to sign in', () => {
    const rest = (auth: string) =>
      load(`${minimal}catalog: { type: rest, uri: "https://c/api", namespace: a.b${auth} }\n`);
    expect(rest('').config.catalog).toEqual({ type: 'rest', uri: 'https://c/api', namespace: 'a.b' });
    const { config } = rest(', auth: { type: oauth2, client_id: me, client_secret: s3cret, scope: x }');
    expect(config.catalog).toMatchObject({ auth: { type: 'oauth2', clientId: 'me', scope: 'x' } });
    expect((config.catalog as { auth: { clientSecret: Secret } }).auth.clientSecret.reveal()).toBe('s3cret');
    const aws = rest(', auth: { type: sigv4, service: glue, signing_region: eu-west-1 }').config.catalog;
    expect(aws).toMatchObject({ auth: { type: 'sigv4', service: 'glue', signingRegion: 'eu-west-1' } });
    expect(load(minimal, { env: { AUDIT_WAREHOUSE_CATALOG_TYPE: 'file' } }).config.catalog).toEqual({ type: 'file' });
  });

  it('shows no secret, whichever way it came in', () => {
    const yaml = `${minimal}catalog: { type: rest, uri: "https://c", namespace: a, auth: { type: token, token: s3cret } }\n`;
    const loaded = [
      load(yaml),
      // biome-ignore lint/suspicious/noTemplateCurlyInString: it is the notation of the configuration.
      load(yaml.replace('s3cret', '"${TOKEN}"'), { env: { TOKEN: 's3cret' } }),
      load(yaml.replace('s3cret', 'x'), { env: { AUDIT_WAREHOUSE_CATALOG_AUTH_TOKEN: 's3cret' } }),
      load(yaml.replace('s3cret', 'x'), { settings: ['catalog.auth.token=s3cret'] }),
    ];
    for (const one of loaded) {
      expect((one.config.catalog as { auth: { token: Secret } }).auth.token.reveal()).toBe('s3cret');
      expect(JSON.stringify(one) + inspect(one, { depth: null })).not.toContain('s3cret');
      expect(one.values).toContainEqual(expect.objectContaining({ key: 'catalog.auth.token', value: '(secret)' }));
    }
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

describe('a place for what outgrows the columns', () => {
  const withSpill = (spill: string, more = ''): string => `${minimal}batch: { spill: "${spill}" }\n${more}`;

  it('is a folder, from that of the file on', () => {
    expect(load(withSpill('./runs/')).config.batch.spill).toBe(`file://${folder}/runs`);
    expect(load(withSpill('/var/tmp')).config.batch.spill).toBe('file:///var/tmp');
  });

  it.each([
    ['a bucket', withSpill('s3://bucket/runs'), /folder of this machine/],
    ['no place at all', withSpill('ftp://host/runs'), /folder of this machine/],
    ['in the warehouse', withSpill('./warehouse/runs'), /lies inside the warehouse/],
    ['among logs', withSpill('logs'), /lies inside source "eopa"/],
    [
      'for the portable encoder',
      withSpill('runs', 'output: { encoder: parquetjs }\n'),
      /needs output\.encoder: columnar/,
    ],
  ])('is refused where it is %s', (_, yaml, message) => {
    const problems = problemsOf(yaml);
    expect(problems.map(({ key }) => key)).toEqual(['batch.spill']);
    expect(problems[0]?.message).toMatch(message);
  });
});

describe('sources of side tables', () => {
  const side = (...sources: string[]) => `warehouse: ./w\nsources:\n${sources.map((text) => `  - ${text}\n`).join('')}`;
  const reference = (rest = 'table: t, columns: { a: { type: long } }', name = 'r') =>
    `{ name: ${name}, type: reference, location: s3://ref/${name}/, ${rest} }`;

  it('are apart from those of events, with their defaults', () => {
    const { config } = load(
      side(
        '{ name: ids, type: okera-identities, location: s3://okera/ids/, tables: { dump/u: users } }',
        '{ name: eopa, type: opa, location: s3://eopa/ }',
        reference(
          'table: user_countries, columns: { subject: { type: string, required: yes }, n: { type: long, from: user.n } }',
        ),
      ),
    );
    expect(config.sources.map(({ name }) => name)).toEqual(['eopa']);
    expect(config.sideSources).toEqual([
      { name: 'ids', type: 'okera-identities', location: 's3://okera/ids/', tables: { 'dump/u': 'users' } },
      {
        name: 'r',
        type: 'reference',
        location: 's3://ref/r/',
        table: 'user_countries',
        columns: { subject: { type: 'string', required: true }, n: { type: 'long', required: false, from: 'user.n' } },
      },
    ]);
  });

  const cases: [what: string, yaml: string, key: string, message: RegExp][] = [
    [
      'a table of the product',
      side(reference('table: users, columns: { a: { type: long } }')),
      'sources[0].table',
      /of the product/,
    ],
    [
      'a view of the product',
      side(reference('table: role_groups, columns: { a: { type: long } }')),
      'sources[0].table',
      /of the product/,
    ],
    ['no table', side(reference('columns: { a: { type: long } }')), 'sources[0].table', /is missing/],
    ['no columns', side(reference('table: t')), 'sources[0].columns', /are missing/],
    [
      'a column that every table has',
      side(reference('table: t, columns: { ymd: { type: string } }')),
      'sources[0].columns.ymd',
      /from: ymd/,
    ],
    [
      'a path that is none',
      side(reference('table: t, columns: { a: { type: long, from: a..b } }')),
      'sources[0].columns.a.from',
      /is not a path/,
    ],
    [
      'a key of promoted columns',
      side(reference('table: t, columns: { a: { type: long, path: a } }')),
      'sources[0].columns.a.path',
      /type opa or okera-audit/,
    ],
    [
      'a queue',
      side(reference('queue: "https://sqs/1/q", table: t, columns: { a: { type: long } }')),
      'sources[0].queue',
      /type opa or okera-audit/,
    ],
    ['one table of two sources', side(reference(), reference(undefined, 's')), 'sources[1].table', /source "r" too/],
    [
      "Okera's tables of two sources",
      side(
        '{ name: a, type: okera-identities, location: s3://aaa/ }',
        '{ name: b, type: okera-identities, location: s3://bbb/ }',
      ),
      'sources[1].type',
      /source "a" too/,
    ],
    [
      'an unknown table of Okera',
      side('{ name: a, type: okera-identities, location: s3://aaa/, tables: { x: user } }'),
      'sources[0].tables.x',
      /did you mean users/,
    ],
    [
      'columns for Okera',
      side('{ name: a, type: okera-identities, location: s3://aaa/, columns: { x: { type: long } } }'),
      'sources[0].columns',
      /of their own/,
    ],
    [
      'a table for events',
      side('{ name: a, type: opa, location: s3://aaa/, table: t }'),
      'sources[0].table',
      /type reference/,
    ],
    ['a retention', `${side(reference())}retention: { t: 90d }\n`, 'retention.t', /replaced as a whole/],
    [
      'the retention of a table that there is not',
      `${side(reference())}retention: { opa_decision: 90d }\n`,
      'retention.opa_decision',
      /did you mean opa_decisions\?/,
    ],
    [
      'the clustering of a table that there is not',
      `${side(reference())}compact: { clustering: { t: [a], somebodys: [a] } }\n`,
      'compact.clustering.somebodys',
      /is not a table of the product; there are .*, t$/,
    ],
    [
      'a promoted column that exists, behind a side table',
      side(reference(), '{ name: a, type: opa, location: s3://aaa/, columns: { subject: { type: string, path: x } } }'),
      'sources[1].columns.subject',
      /has already/,
    ],
  ];
  it.each(cases)('%s is refused', (_what, yaml, key, message) => {
    expect(problemsOf(yaml)).toMatchObject([{ key, message }]);
  });
});

describe('stewards', () => {
  it('are users or groups with the objects that they administer', () => {
    const { config } = load(
      `${minimal}stewards: [{ user: jane, objects: [marketing, Sales.orders] }, { group: "a b", objects: ["*"] }]\n` +
        'engines: { duckdb: { user: jane } }\n',
    );
    expect(config.stewards).toEqual([
      { user: 'jane', objects: ['marketing', 'Sales.orders'] },
      { group: 'a b', objects: ['*'] },
    ]);
    expect(config.engines.duckdb).toEqual({ user: 'jane' });
  });

  it.each([
    ['nobody', '{ objects: [a] }', 'stewards[0]', /either user or group/],
    ['a user and a group', '{ user: a, group: b, objects: [a] }', 'stewards[0]', /either user or group/],
    ['no object', '{ user: a, objects: [] }', 'stewards[0].objects', /empty/],
    ['what is no object', '{ user: a, objects: ["a.b.c"] }', 'stewards[0].objects[0]', /fit/],
    ['a control character', '{ user: "a\\u0000", objects: [a] }', 'stewards[0].user', /fit/],
  ])('%s is refused', (_what, steward, key, message) => {
    const [problem] = problemsOf(`${minimal}stewards: [${steward}]\n`);
    expect(problem?.key).toBe(key);
    expect(problem?.message).toMatch(message);
  });
});

describe('engines', () => {
  const glue = `${onS3}catalog: { type: glue, database: audit, region: eu-west-1 }\n`;

  it('have the database and the region of the catalog, unless they say others', () => {
    const { trino, athena } = load(`${glue}engines: { trino: { url: "https://trino.acme.com", catalog: lake } }`).config
      .engines;
    expect(trino).toEqual({ url: 'https://trino.acme.com', catalog: 'lake', schema: 'audit' });
    expect(athena).toEqual({ catalog: 'AwsDataCatalog', database: 'audit', region: 'eu-west-1' });
    const other = load(
      `${glue}engines: { athena: { database: views, region: us-east-1, output: "s3://acme/results/" } }`,
    );
    expect(other.config.engines).toEqual({
      athena: { catalog: 'AwsDataCatalog', database: 'views', region: 'us-east-1', output: 's3://acme/results/' },
    });
  });

  it('can come from the environment, key by key', () => {
    const env = { AUDIT_WAREHOUSE_ENGINES_TRINO_USER: 'alice', AUDIT_WAREHOUSE_ENGINES_ATHENA_WORKGROUP: 'audit' };
    const yaml = `${glue}engines: { trino: { url: "http://localhost:8080", catalog: lake, schema: s, user: bob } }`;
    const { trino, athena } = load(yaml, { env }).config.engines;
    expect(trino).toEqual({ url: 'http://localhost:8080', catalog: 'lake', schema: 's', user: 'alice' });
    expect(athena.workgroup).toBe('audit');
  });

  it.each<[what: string, trino: object, key: string, message: RegExp]>([
    ['no URL', { catalog: 'c', schema: 's' }, 'engines.trino.url', /is missing/],
    ['no catalog', { url: 'https://t', schema: 's' }, 'engines.trino.catalog', /is missing/],
    ['no schema, and no Glue', { url: 'https://t', catalog: 'c' }, 'engines.trino.schema', /is missing/],
    ['a URL of another kind', { url: 'trino://t', catalog: 'c', schema: 's' }, 'engines.trino.url', /http/],
    ['a URL that is none', { url: 'https://', catalog: 'c', schema: 's' }, 'engines.trino.url', /is no URL/],
    ['a secret in the URL', { url: 'https://a:b@t', catalog: 'c', schema: 's' }, 'engines.trino.url', /TRINO_PASSWORD/],
    [
      'a user with a line end',
      { url: 'https://t', catalog: 'c', schema: 's', user: 'a\nb' },
      'engines.trino.user',
      /fit/,
    ],
  ])('Trino with %s is refused', (_what, trino, key, message) => {
    const [problem, ...others] = problemsOf(`${minimal}engines: ${JSON.stringify({ trino })}\n`);
    expect(others).toEqual([]);
    expect(problem).toMatchObject({ key, origin: 'audit-warehouse.yaml:4' });
    expect(problem?.message).toMatch(message);
  });

  it('Athena with a place for results that is not in S3 is refused', () => {
    expect(problemsOf(`${minimal}engines: { athena: { output: ./results } }\n`)).toMatchObject([
      { key: 'engines.athena.output', origin: 'audit-warehouse.yaml:4' },
    ]);
  });
});

describe('the worker', () => {
  it('takes a queue for each source, and an address or none', () => {
    const queue = 'https://sqs.eu-west-1.amazonaws.com/123456789012/decision-logs';
    const yaml = `warehouse: ./w\nsources: [{ name: e, type: opa, location: s3://bucket/, queue: "${queue}" }]\n`;
    expect(load(yaml).config.sources[0]).toMatchObject({ queue });
    const listen = (address: string) => load(minimal, { settings: [`worker.listen=${address}`] }).config.worker.listen;
    expect(listen('off')).toBeUndefined();
    expect(listen('localhost:0')).toEqual({ host: 'localhost', port: 0 });
    expect(listen('[::1]:9464')).toEqual({ host: '::1', port: 9464 });
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
    ['a duration below its least', `${minimal}expire:\n  grace: 30m\n`, 'expire.grace', 5, /at least 3600s/],
    ['a size below its least', `${minimal}limits:\n  record_bytes: 7\n`, 'limits.record_bytes', 5, /at least 1024B/],
    ['a negative count', `${minimal}batch:\n  downloads: -1\n`, 'batch.downloads', 5, /whole number/],
    [
      'a level past its most',
      `${minimal}output:\n  compression_level: 40\n`,
      'output.compression_level',
      5,
      /at most 19/,
    ],
    ['an unknown encoder', `${minimal}output:\n  encoder: arrow\n`, 'output.encoder', 5, /columnar, parquetjs/],
    ['glue without a database', `${onS3}catalog: { type: glue }\n`, 'catalog.database', 4, /is missing/],
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
    [
      'a REST catalog without a URL',
      `${minimal}catalog: { type: rest, namespace: a }\n`,
      'catalog.uri',
      4,
      /is missing/,
    ],
    [
      'a REST catalog with a password in its URL',
      `${minimal}catalog: { type: rest, namespace: a, uri: "https://u:p@c" }\n`,
      'catalog.uri',
      4,
      /see catalog\.auth/,
    ],
    [
      'a password in the URL of tokens',
      `${minimal}catalog: { type: rest, namespace: a, uri: "https://c", auth: { type: oauth2, client_id: c, client_secret: s, token_uri: "https://u:p@c" } }\n`,
      'catalog.auth.token_uri',
      4,
      /see catalog\.auth/,
    ],
    [
      'a token that no header can hold',
      `${minimal}catalog: { type: rest, namespace: a, uri: "https://c", auth: { type: token, token: "a\\nb" } }\n`,
      'catalog.auth.token',
      4,
      /does not fit: bearer token/,
    ],
    [
      'a way to sign in without its secret',
      `${minimal}catalog: { type: rest, uri: "https://c", namespace: a, auth: { type: oauth2, client_id: me } }\n`,
      'catalog.auth.client_secret',
      4,
      /is missing/,
    ],
    [
      'a key of another way to sign in',
      `${minimal}catalog: { type: rest, uri: "https://c", namespace: a, auth: { type: none, token: t } }\n`,
      'catalog.auth.token',
      4,
      /only for a sign-in of type token/,
    ],
    [
      'a sign-in for a file catalog',
      `${minimal}catalog: { auth: { type: none } }\n`,
      'catalog.auth',
      4,
      /only for a catalog of type rest/,
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
      /is not a path/,
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

  describe('what would take more than a file of its size should', () => {
    const levels = (count: number, open: string, close = ''): string =>
      `warehouse: ./w\nsources: ${open.repeat(count)}${close.repeat(count)}\n`;
    const each = (count: number, line: (i: number) => string): string =>
      Array.from({ length: count }, (_, i) => line(i)).join('\n');
    const bomb = (of: (before: string) => string): string =>
      `a0: &a0 [x, x]\n${each(40, (i) => `a${i + 1}: &a${i + 1} ${of(`*a${i}`)}`)}\nsources: *a40\nwarehouse: ./w\n`;
    const hostile: Readonly<Record<string, [yaml: string, message: RegExp]>> = {
      'a hundred thousand brackets': [levels(100_000, '['), /:2: is nested deeper than 64 levels$/],
      'and closed ones': [levels(100_000, '[', ']'), /:2: is nested deeper than 64 levels$/],
      braces: [levels(50_000, '{a: '), /nested deeper/],
      'lists in lists': [`warehouse: ./w\nsources:\n${'- '.repeat(100_000)}`, /nested deeper/],
      'keys of keys': [levels(100_000, '? '), /nested deeper/],
      'groups in groups': [each(600, (i) => `${' '.repeat(i)}a:`), /:\d+: is nested deeper/],
      'aliases that multiply': [bomb((a) => `[${a}, ${a}, ${a}]`), /aliases stand for more than 1000 values/],
      'aliases in groups': [bomb((a) => `{x: ${a}, y: ${a}}`), /aliases stand for more/],
      'an alias of nothing': ['warehouse: *w\nsources: []\n', /[Uu]nresolved alias/],
      'more than a configuration has': [`${minimal}# ${'x'.repeat(256 << 10)}`, /larger than the 262144 bytes/],
    };
    it.each(Object.entries(hostile))('%s', (_, [yaml, message]) => {
      const problems = problemsOf(yaml);
      expect(problems).toHaveLength(1);
      const [{ origin, message: said }] = problems as [(typeof problems)[0]];
      expect(`${origin}: ${said}`).toMatch(message);
    });

    it('a value that is a part of itself', () => {
      expect(problemsOf('warehouse: ./w\nsources: &s [*s, { name: *s }]\nretention: &r { t: *r }\n')).not.toEqual([]);
    });

    it.each([
      ['keys that are unknown', each(15_000, (i) => `key${i}: 1`)],
      ['keys that are repeated', each(40_000, () => 'k: 1')],
      ['lines that are wrong', `a: b\n${each(30_000, () => ': [')}`],
      ['sources', `sources:\n${each(5000, (i) => `- { name: s${i}, type: opa, location: ./l${i} }`)}`],
    ])('%s by the thousand, of which it says the first', (_, yaml) => {
      writeFileSync(join(folder, 'audit-warehouse.yaml'), yaml);
      let message = '';
      try {
        loadConfig({ env: {}, cwd: folder, reserved });
      } catch (error) {
        message = (error as ConfigError).message;
      }
      expect(message.split('\n').length).toBeLessThan(60);
      expect(message).toContain('audit-warehouse.yaml:');
    });

    it('several documents in one file', () => {
      writeFileSync(join(folder, 'audit-warehouse.yaml'), 'warehouse: ./w\n---\nwarehouse: ./v\n');
      expect(() => loadConfig({ env: {}, cwd: folder, reserved })).toThrow(
        /audit-warehouse\.yaml:[23]: the file has several documents: a configuration is one/,
      );
    });

    it('a file that never ends', () => {
      expect(problemsOf(minimal, { file: '/dev/zero' })).toMatchObject([{ message: /larger than/ }]);
    });

    it('but aliases that a person would write are taken', () => {
      const columns = '&c { tenant: { path: input.t, type: string } }';
      const source = (i: number): string =>
        `  - { name: s${i}, type: opa, location: ./l${i}, columns: ${i === 0 ? columns : '*c'} }`;
      const { config } = load(`warehouse: ./w\nsources:\n${each(100, source)}\n`);
      expect(config.sources.map((one) => Object.keys(one.columns))).toEqual(Array(100).fill(['tenant']));
    });
  });

  it('a file that is not there, with what to do', () => {
    expect(problemsOf(minimal, { file: 'missing.yaml' })).toMatchObject([
      { origin: 'missing.yaml', message: /audit-warehouse init/ },
    ]);
  });

  it('a queue of a folder, a queue that is no URL, an address that is none', () => {
    const source = (rest: string) => `warehouse: ./w\nsources: [{ name: e, type: opa, ${rest} }]\n`;
    expect(problemsOf(source('location: ./logs, queue: "https://sqs.eu-west-1.amazonaws.com/1/q"'))).toMatchObject([
      { key: 'sources[0].queue', message: /only for a location in S3/ },
    ]);
    expect(problemsOf(source('location: s3://bucket/, queue: my-queue'))).toMatchObject([{ key: 'sources[0].queue' }]);
    for (const listen of ['9464', 'localhost', '0.0.0.0:99999', 'a b:1'])
      expect(problemsOf(`${minimal}worker: { listen: "${listen}" }\n`)).toMatchObject([{ key: 'worker.listen' }]);
  });

  it('a value of the environment or a flag by its own name', () => {
    expect(problemsOf(minimal, { env: { AUDIT_WAREHOUSE_BATCH_CLAIM: 'x' } })).toMatchObject([
      { key: 'batch.claim', origin: 'AUDIT_WAREHOUSE_BATCH_CLAIM' },
    ]);
    expect(problemsOf(minimal, { settings: ['batch.claims=10m', 'nonsense'] })).toMatchObject([
      { key: 'batch.claims', origin: '--set batch.claims', message: /did you mean batch.claim\?/ },
      { key: 'nonsense', message: /key=value/ },
    ]);
    expect(problemsOf(minimal, { settings: ['retention.x=1', 'sources[0].name=a', 'nothing=1'] })).toMatchObject([
      { key: 'retention.x', message: 'only the file can give retention' },
      { key: 'sources[0].name', message: 'only the file can give sources' },
      { key: 'nothing', message: expect.not.stringMatching(/retention|clustering/) },
    ]);
  });
});

describe('shape and fields', () => {
  const source = (rest: string) => `warehouse: ./w
sources:
  - name: mesh
    type: opa
    location: ./logs
${rest}`;

  it('of a list of shapes come one behind the other, and fields replace those of their column', () => {
    const { config } = load(
      source(`    shape: [authzen, article]
    fields:
      subject: ['input.headers."x.user"', input.user]
      allowed: { path: result.deny, is: empty }
      resource: [{ path: input.path, join: /, lead: / }]
`),
    );
    const mapping = config.sources[0]!.mapping!;
    expect(mapping.subject).toEqual([{ path: ['input', 'headers', 'x.user'] }, { path: ['input', 'user'] }]);
    expect(mapping.allowed).toEqual([{ path: ['result', 'deny'], is: 'empty' }]);
    expect(mapping.resource).toEqual([{ path: ['input', 'path'], join: '/', lead: '/' }]);
    expect(mapping.roles!.map(({ path }) => path.join('.'))).toEqual([
      'input.subject.properties.roles',
      'result.roles',
      'result.roles',
    ]);
    expect(mapping.country!.at(-1)).toEqual({ path: ['input', 'country'], isExact: true });
  });

  it('takes is: true and is: false as YAML reads them', () => {
    const { config } = load(
      source('    fields: { allowed: [{ path: result.denied, is: false }, { path: result.ok, is: true }] }\n'),
    );
    expect(config.sources[0]!.mapping!.allowed!.map(({ is }) => is)).toEqual(['false', 'true']);
    expect(config.sources[0]!.mapping!.subject).toEqual([{ path: ['input', 'subject'], isExact: true }]);
  });

  it.each([
    ['shape: envoi', 'shape', 'did you mean envoy?'],
    ['shape: [envoy, 7]', 'shape[1]', 'must be one of article, envoy'],
    ['shape: []', 'shape', 'must not be empty'],
    ['fields: { subjct: input.a }', 'fields.subjct', 'did you mean subject?'],
    ['fields: { constructor: input.a }', 'fields.constructor', 'is not a standard column'],
    ['fields: { decision_id: input.a }', 'fields.decision_id', 'is not a standard column'],
    ['fields: { subject: [] }', 'fields.subject', 'must not be empty'],
    ['fields: { subject: [input.a, input..b] }', 'fields.subject[1]', 'is not a path'],
    ['fields: { subject: $envelope.user }', 'fields.subject', 'under columns'],
    ['fields: { subject: 7 }', 'fields.subject', 'must be a path'],
    ['fields: { subject: { is: empty } }', 'fields.subject', 'needs a path'],
    ['fields: { subject: { path: input.a, is: empty } }', 'fields.subject', 'only the column allowed'],
    ['fields: { allowed: { path: result.a, is: maybe } }', 'fields.allowed', 'one of empty, present, true, false'],
    ['fields: { allowed: { path: result.a, join: / } }', 'fields.allowed', 'only columns of text'],
    ['fields: { message: { path: result.a, lead: / } }', 'fields.message', 'needs join'],
    ['fields: { message: { path: result.a, joined: / } }', 'fields.message', 'unknown key joined'],
    [`fields: { message: { path: result.a, join: ${'x'.repeat(33)} } }`, 'fields.message', 'more than 32 characters'],
    [`fields: { subject: [${'input.a, '.repeat(33)}] }`, 'fields.subject', 'more than 32 paths'],
  ])('%s names the key and what is expected', (line, key, message) => {
    expect(problemsOf(source(`    ${line}\n`))).toEqual([
      { key: `sources[0].${key}`, origin: 'audit-warehouse.yaml:6', message: expect.stringContaining(message) },
    ]);
  });

  it('have a meaning only for decisions', () => {
    const okera = source('    shape: envoy\n    fields: { subject: input.a }\n').replace('opa', 'okera-audit');
    expect(problemsOf(okera).map(({ key, message }) => [key, message])).toEqual([
      ['sources[0].shape', 'has a meaning only for a source of type opa'],
      ['sources[0].fields', 'has a meaning only for a source of type opa'],
    ]);
  });
});

describe('include and exclude', () => {
  const source = (rest: string) => `warehouse: /w\nsources:\n  - { name: a, type: opa, location: /l, ${rest} }\n`;

  it('are lists of globs', () => {
    const { config } = load(source("include: ['**/*.gz', '2026/*'], exclude: ['x/**']"));
    expect(config.sources[0]).toMatchObject({ include: ['**/*.gz', '2026/*'], exclude: ['x/**'] });
  });

  it.each([
    ['include: []', 'include', 'must not be empty'],
    ["include: '*.gz'", 'include', 'must be a list'],
    ["include: ['']", 'include[0]', 'must not be empty'],
    ["exclude: ['a', '!b']", 'exclude[1]', 'begins with "!"'],
    ["exclude: ['/a']", 'exclude[0]', 'relative to the location'],
    ["exclude: ['s3://b/a']", 'exclude[0]', 'relative to the location'],
  ])('%s names the key and what is expected', (rest, key, message) => {
    expect(problemsOf(source(rest))).toEqual(
      expect.arrayContaining([
        expect.objectContaining({ key: `sources[0].${key}`, message: expect.stringContaining(message) }),
      ]),
    );
  });
});

describe('promoted columns of other places and types', () => {
  const source = (column: string) =>
    `warehouse: /w\nsources:\n  - { name: a, type: opa, location: /l, columns: { c: ${column} } }\n`;

  it('are lists and parts of the key', () => {
    expect(load(source("{ path: input.tags, type: 'list<string>' }")).config.sources[0]!.columns.c).toEqual({
      path: 'input.tags',
      type: 'list<string>',
      strict: false,
    });
    expect(load(source('{ path: $key.cluster, type: long }')).config.sources[0]!.columns.c!.path).toBe('$key.cluster');
  });

  it.each([
    ["{ path: input.a, type: 'list<timestamp>' }", 'type', 'must be one of'],
    ['{ path: $envelope, type: string }', 'path', 'must go on'],
    ['{ path: $key, type: string }', 'path', 'must name one part of the key'],
    ['{ path: $key.a.b, type: string }', 'path', 'must name one part of the key'],
    ['{ path: $key.a, type: double }', 'type', 'must be string or long'],
    ['{ path: $key.a, type: string, strict: true }', 'strict', 'only for values of the record'],
  ])('%s names the key and what is expected', (column, key, message) => {
    expect(problemsOf(source(column))).toEqual([
      {
        key: `sources[0].columns.c.${key}`,
        origin: 'audit-warehouse.yaml:3',
        message: expect.stringContaining(message),
      },
    ]);
  });

  it('are no lists in side tables', () => {
    const reference = `warehouse: /w
sources:
  - { name: a, type: opa, location: /l }
  - { name: r, type: reference, location: /r.csv, table: t, columns: { c: { type: 'list<string>' } } }
`;
    expect(problemsOf(reference)).toEqual([
      expect.objectContaining({ key: 'sources[1].columns.c.type', message: expect.stringContaining('is a list') }),
    ]);
  });
});

describe('a variable of the environment that no key has', () => {
  it('is refused, with the one that was meant', () => {
    expect(problemsOf(minimal, { env: { AUDIT_WAREHOUSE_BATCH_BYTE: '64MiB' } })).toEqual([
      {
        key: '',
        origin: 'AUDIT_WAREHOUSE_BATCH_BYTE',
        message: 'no key of the configuration has this variable; did you mean AUDIT_WAREHOUSE_BATCH_BYTES?',
      },
    ]);
  });

  it('is let be where something else sets it: the command line, Kubernetes, the file itself, or nobody', () => {
    const env = {
      AUDIT_WAREHOUSE_LOG_LEVEL: 'warn',
      AUDIT_WAREHOUSE_SERVICE_HOST: '10.0.0.1',
      AUDIT_WAREHOUSE_PORT_9464_TCP_ADDR: '10.0.0.1',
      AUDIT_WAREHOUSE_PLACE: './logs',
      AUDIT_WAREHOUSE_BATCH_BYTE: '',
    };
    const named = minimal.replace('./logs', `'\${AUDIT_WAREHOUSE_PLACE}'`);
    expect(load(named, { env }).config.sources[0]!.location).toBe(`file://${folder}/logs/`);
  });
});

describe('each value', () => {
  it('is there once, with where it came from', () => {
    const { values } = load(minimal, {
      env: { AUDIT_WAREHOUSE_BATCH_BYTES: '64MiB' },
      settings: ['output.file_rows=10,000'],
    });
    const of = (key: string) => values.filter((value) => value.key === key).map(({ value, from }) => [value, from]);
    expect(of('warehouse')).toEqual([['./warehouse', 'audit-warehouse.yaml:1']]);
    expect(of('sources[0].location')).toEqual([['./logs', 'audit-warehouse.yaml:3']]);
    expect(of('batch.bytes')).toEqual([['64MiB', 'AUDIT_WAREHOUSE_BATCH_BYTES']]);
    expect(of('output.file_rows')).toEqual([['10,000', '--set output.file_rows']]);
    expect(of('compact.target_bytes')).toEqual([['64MiB', 'default']]);
    expect(new Set(values.map(({ key }) => key)).size).toBe(values.length);
  });
});

describe('places', () => {
  const problem = (warehouse: string): string =>
    problemsOf(minimal.replace('./warehouse', JSON.stringify(warehouse)))
      .filter(({ key }) => key === 'warehouse')
      .map(({ message }) => message)
      .join('\n');

  it.each([
    ['arn:aws:s3tables:eu-west-1:123456789012:bucket/lake', /S3 table bucket.*general purpose bucket/],
    ['arn:aws:s3:eu-west-1:123456789012:accesspoint/mine', /access point.*-s3alias/],
    ['arn:aws:s3::123456789012:accesspoint:mine.mrap', /access point.*alias/],
    ['s3://arn:aws:s3:eu-west-1:123456789012:accesspoint/mine/lake', /access point.*-s3alias/],
    ['~/lake', /only a shell knows: write the whole path/],
    ['s3://a/lake', /a bucket is named by 3 to 63/],
    ['arn:aws:s3:::acme-lake/audit', /is an ARN: write s3:\/\/acme-lake\/audit$/],
    ['arn:aws:glue:eu-west-1:123456789012:database/audit', /is an ARN, which names no place/],
    ['gs://acme-lake/audit', /not a place that can be used/],
    ['s3:/acme-lake/audit', /not a place that can be used: write s3:\/\/bucket\/prefix or a folder$/],
    ['logs:2026', /a folder whose name has a colon is written \.\/logs:…/],
  ])('%s is no folder', (warehouse, message) => {
    expect(problem(warehouse)).toMatch(message);
  });

  it('an ARN is no folder as a source or a spill either', () => {
    const yaml = minimal
      .replace('./logs', '"arn:aws:s3:::acme-logs/"')
      .concat('compact: { spill: "arn:aws:s3:::acme" }');
    expect(problemsOf(yaml).map(({ key }) => key)).toEqual(['sources[0].location', 'compact.spill']);
  });

  it.each([
    ['s3a://acme-lake/audit', 's3://acme-lake/audit'],
    ['s3n://acme-lake/audit/', 's3://acme-lake/audit'],
    ['file:/srv/lake', 'file:///srv/lake'],
    ['s3://mine-abc123-s3alias/lake', 's3://mine-abc123-s3alias/lake'],
    ['./logs:2026', `file://${folder}/logs:2026`],
  ])('%s is %s', (warehouse, uri) => {
    expect(load(minimal.replace('./warehouse', JSON.stringify(warehouse))).config.warehouse).toBe(uri);
  });

  it('a folder of this machine is no warehouse for Glue', () => {
    expect(problemsOf(`${minimal}catalog: { type: glue, database: audit }\n`)).toEqual([
      {
        key: 'warehouse',
        origin: expect.any(String),
        message: expect.stringMatching(/folder of this machine.*Athena/),
      },
    ]);
  });
});

describe('encryption', () => {
  const encryption = (yaml: string): string => `${minimal}s3: { encryption: ${yaml} }\n`;

  it('is what the bucket says unless it is configured', () => {
    expect(load(encryption('{ type: bucket }')).config.s3).toEqual({ forcePathStyle: false });
    expect(load(encryption('{ type: kms, key: alias/audit, bucket_key: true }')).config.s3).toEqual({
      forcePathStyle: false,
      encryption: { type: 'kms', key: 'alias/audit', bucketKey: true },
    });
  });

  it('has a key only where there is one', () => {
    expect(problemsOf(encryption('{ type: s3, key: alias/audit }'))).toMatchObject([
      { key: 's3.encryption.key', message: expect.stringContaining('only for encryption of type kms') },
    ]);
    expect(problemsOf(encryption('{ type: kms-dsse, bucket_key: true }'))).toMatchObject([
      { key: 's3.encryption.bucket_key', message: expect.stringContaining('only for encryption of type kms') },
    ]);
  });
});
