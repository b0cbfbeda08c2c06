/** What the doctor says of what it finds. The services that find nothing wrong are in doctor-rig.test.ts. */
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import type { Config } from '../../src/config/config.ts';
import { jobNames } from '../../src/iam/calls.ts';
import { placesOf, policyFor } from '../../src/iam/policy.ts';
import { liveFiles } from '../../src/iceberg/scan.ts';
import { diagnose, diagnosisOf, planChecks } from '../../src/jobs/doctor/doctor.ts';
import { checkFiles } from '../../src/jobs/doctor/files.ts';
import { judgeClocks, judgeMemory, judgeNode } from '../../src/jobs/doctor/machine.ts';
import { checkMaintenance } from '../../src/jobs/doctor/maintenance.ts';
import { checkAthena, checkCredentials, checkGlue, checkQueue } from '../../src/jobs/doctor/services.ts';
import { awsProbes } from '../../src/probes/aws.ts';
import type { AwsProbes, Probes } from '../../src/probes/probes.ts';
import { MemoryStore } from '../../src/store/memory.ts';
import { RoutedStore } from '../../src/store/router.ts';
import { type ObjectInfo, type ObjectStore, StoreError } from '../../src/store/store.ts';
import { storeWith } from '../../src/store/store-with.ts';
import { collect } from '../support/collect.ts';
import { shuffled } from '../support/disorder.ts';
import { decision, input, run, testConfig, testRuntime, warehouse } from '../support/warehouse.ts';

const unused = (): never => {
  throw new Error('is not asked for this');
};

/** Services that no test can make say these things for real: the rig grants everything and is always well. */
const aws = (answers: Partial<AwsProbes>): AwsProbes => ({
  credentials: async () => ({}),
  identity: async () => undefined,
  clocks: async () => new Map(),
  glueDatabaseExists: unused,
  mayUpdateTables: unused,
  mayCreateTables: unused,
  tableOptimizers: unused,
  queue: unused,
  workGroup: unused,
  ...answers,
});

const probes = (answers: Partial<AwsProbes> = {}, duckDb: () => Promise<string> = async () => 'v1'): Probes => ({
  aws: aws(answers),
  trino: unused,
  machine: {
    nodeVersion: '24.0.0',
    memoryBytes: 8 * 2 ** 30,
    temporaryFolder: '/tmp',
    missingFolders: async () => [],
    removeFolders: async () => {},
    freeDisk: async () => 50 * 2 ** 30,
    duckDb,
  },
});

describe('the machine', () => {
  test('a Node.js of another major is too old or new enough', () => {
    expect(judgeNode('24.1.0', '>=24').status).toBe('ok');
    expect(judgeNode('26.0.0', '>=24').status).toBe('ok');
    expect(judgeNode('22.9.0', '>=24')).toMatchObject({ status: 'failed', advice: 'install Node.js 24 or newer' });
  });

  test.each([
    ['agrees', 900, 'ok', /S3 agrees/],
    ['a minute and more off', 90_000, 'warning', /this machine is 90 s behind S3/],
    ['so far off that signatures are refused', -400_000, 'failed', /this machine is 400 s ahead of S3/],
  ])('a clock that %s', (_, ms, status, found) => {
    expect(judgeClocks(new Map([['S3', ms]]))).toMatchObject({ status, found: expect.stringMatching(found) });
  });

  test('memory that the configuration would use up is told with the keys to lower', () => {
    const config = testConfig({ compact: { memoryBytes: 512 << 20, targetBytes: 64 << 20 } });
    expect(judgeMemory(config, 4 * 2 ** 30).status).toBe('ok');
    expect(judgeMemory(config, 950 << 20).status).toBe('warning');
    expect(judgeMemory(config, 512 << 20)).toMatchObject({
      status: 'failed',
      advice: expect.stringContaining('compact.memory'),
    });
  });
});

describe('the store', () => {
  /** Without what it leaves out, as some services are. */
  const lacking = (options: 'conditions' | 'listing'): ObjectStore => {
    const store = new MemoryStore();
    return storeWith(store, {
      put: (uri, body, given) => store.put(uri, body, options === 'conditions' ? {} : given),
      async head(uri) {
        const info = await store.head(uri);
        if (info === undefined && options === 'listing') throw new StoreError('access-denied', uri, 'HTTP 403');
        return info;
      },
    });
  };
  const check = async (store: ObjectStore, name: string) => {
    const checks = await diagnose(testRuntime({ store, sleep: () => new Promise(() => {}) }), probes());
    return checks.find((one) => one.name === name);
  };

  test('all is well, and nothing is left behind', async () => {
    const store = new MemoryStore();
    await store.put(`${input}/a.jsonl`, Buffer.from(decision()));
    const checks = await diagnose(testRuntime({ store, sleep: () => new Promise(() => {}) }), probes());
    expect(checks.filter(({ status }) => status !== 'ok')).toEqual([]);
    expect(checks.map(({ name }) => name)).toEqual(
      planChecks(testRuntime({ store }), probes()).map(({ name }) => name),
    );
    expect(await collect(store.list(warehouse))).toEqual([]);
  });

  test('what a doctor that was killed has left is removed by the next one, but not what one is writing now', async () => {
    let now = Date.parse('2024-01-01T00:00:00Z');
    const clock = () => now;
    const store = new MemoryStore({}, clock);
    const probe = (name: string) => `${warehouse}/_doctor/${name}`;
    await store.put(probe('killed'), Buffer.from('x'));
    await store.put(`${warehouse}/_doctorate/killed`, Buffer.from('x'));
    now += 3_600_000;
    await store.put(probe('running'), Buffer.from('x'));
    now += 1000;
    await diagnose(testRuntime({ store, clock, sleep: () => new Promise(() => {}) }), probes());
    const left = await collect(store.list(warehouse));
    expect(left.map(({ uri }) => uri)).toEqual([probe('running'), `${warehouse}/_doctorate/killed`]);
  });

  test('a store that ignores conditions is no place for a warehouse', async () => {
    const store = lacking('conditions');
    expect(await check(store, 'conditional-writes')).toMatchObject({
      status: 'failed',
      found: expect.stringMatching(/If-None-Match and If-Match/),
    });
    expect(await collect(store.list(warehouse))).toEqual([]);
  });

  test('the right to list is missed where a missing object looks forbidden', async () => {
    const store = lacking('listing');
    expect(await check(store, 'warehouse')).toMatchObject({
      status: 'failed',
      advice: expect.stringContaining('s3:ListBucket'),
    });
    // It would fail for the same reason.
    expect(await check(store, 'conditional-writes')).toBeUndefined();
  });

  test('a warehouse that is broken at any call fails, and leaves nothing that could be deleted', async () => {
    for (let call = 1; call < 20; call++) {
      let calls = 0;
      const disk = new MemoryStore();
      const store = disk.view({
        before: async () => {
          if (++calls === call) throw new StoreError('transient', warehouse, 'broken');
        },
      });
      const checks = await diagnose(testRuntime({ store, sleep: () => new Promise(() => {}) }), probes());
      expect(checks.length).toBeGreaterThan(4);
      const left = await collect(disk.list(warehouse));
      // Only where the deletion itself broke, and that is said.
      if (left.length > 0) expect(diagnosisOf(checks).ok).toBe(false);
    }
  });

  test('a store that lists in no order, or keys twice, is a warning that says so', async () => {
    const of = async (listing?: (objects: readonly ObjectInfo[]) => ObjectInfo[]) => {
      const memory = new MemoryStore(listing && { listing });
      for (let i = 0; i < 30; i++) await memory.put(`${input}/${i}.jsonl`, Buffer.from('{}'));
      return check(new RoutedStore({ memory }), 'listing:eopa');
    };
    expect(await of()).toMatchObject({ status: 'ok' });
    expect(await of(shuffled)).toMatchObject({ status: 'warning', found: `${input} is listed in no order` });
    expect(await of((objects) => objects.flatMap((object) => [object, object]))).toMatchObject({
      status: 'warning',
      found: `${input} is listed with some keys more than once`,
    });
  });

  test('an empty source is a warning; what does not answer has failed', async () => {
    expect(await check(new MemoryStore(), 'source:eopa')).toMatchObject({ status: 'warning' });
    const store = new MemoryStore({ before: () => new Promise(() => {}) });
    const checks = await diagnose(testRuntime({ store }), probes());
    expect(checks.find(({ name }) => name === 'warehouse')).toMatchObject({
      status: 'failed',
      found: 'no answer within 60 s',
    });
  });

  test('a library that cannot be loaded is a finding', async () => {
    const broken = probes({}, async () => {
      throw new Error('libstdc++.so.6: no such file');
    });
    const checks = await diagnose(testRuntime({ sleep: () => new Promise(() => {}) }), broken);
    expect(checks.find(({ name }) => name === 'duckdb')).toMatchObject({
      status: 'failed',
      found: expect.stringContaining('libstdc++'),
    });
  });
});

describe('AWS', () => {
  const now = Date.UTC(2026, 0, 1);
  const queue = 'https://sqs.eu-west-1.amazonaws.com/111122223333/events';

  test('without credentials the checks that need them are left out', async () => {
    const runtime = testRuntime({ sleep: () => new Promise(() => {}) });
    const config: Config = { ...runtime.config, catalog: { type: 'glue', database: 'audit' } };
    const names = async (answers: Partial<AwsProbes>) =>
      (await diagnose({ ...runtime, config }, probes(answers))).map(({ name }) => name);
    const none = async (): Promise<never> => {
      throw new Error('no credentials');
    };
    expect(await names({ credentials: none })).not.toContain('glue');
    expect(await names({})).toContain('glue');
  });

  test('credentials that have run out have failed', async () => {
    const expired = aws({ credentials: async () => ({ expiresAt: now - 1 }) });
    expect((await checkCredentials(expired, now)).status).toBe('failed');
  });

  test('credentials that STS refuses have failed; a network without a way to STS is no harm', async () => {
    const saying = (error: Error) =>
      aws({
        identity: async () => {
          throw error;
        },
      });
    const refused = Object.assign(new Error('expired'), { $metadata: { httpStatusCode: 403 } });
    await expect(checkCredentials(saying(refused), now)).rejects.toBe(refused);
    const unreachable = Object.assign(new Error('getaddrinfo ENOTFOUND'), { $metadata: { attempts: 2 } });
    expect((await checkCredentials(saying(unreachable), now)).status).toBe('warning');
  });

  test('rights that Glue does not grant are named', async () => {
    const { catalog } = testRuntime();
    const denied = { granted: false as const, reason: 'not authorized' };
    const allowed = { granted: true as const };
    const glue = aws({ glueDatabaseExists: async () => true, mayUpdateTables: async () => denied });
    expect(await checkGlue(glue, catalog, 'audit')).toMatchObject({
      status: 'failed',
      found: expect.stringContaining('glue:UpdateTable'),
    });
    const absent = aws({ glueDatabaseExists: async () => false });
    expect(await checkGlue(absent, catalog, 'audit')).toMatchObject({ status: 'warning' });
    const tables = { ...catalog, listTables: async () => ['a', 'ingested_objects'] };
    const asked: string[] = [];
    const create = aws({
      glueDatabaseExists: async () => true,
      mayUpdateTables: async () => allowed,
      mayCreateTables: async (name) => {
        asked.push(name);
        return denied;
      },
    });
    expect((await checkGlue(create, tables, 'audit')).found).toContain('glue:CreateTable');
    expect(asked).toEqual(['ingested_objects']);
  });

  test.each([
    ['no dead-letter queue', {}, /RedrivePolicy/],
    ['few receipts', { RedrivePolicy: '{"deadLetterTargetArn":"a:b:dead","maxReceiveCount":1}' }, /maxReceiveCount/],
    ['a short memory', { MessageRetentionPeriod: '3600' }, /MessageRetentionPeriod/],
    ['dead letters', { dead: '3' }, /redrive/],
  ])('a queue with %s is warned of', async (_, given, advice) => {
    const { dead = '0', ...attributes } = given as Record<string, string>;
    const good = {
      MessageRetentionPeriod: '1209600',
      ApproximateNumberOfMessages: '0',
      ...(advice.source === 'RedrivePolicy'
        ? {}
        : { RedrivePolicy: '{"deadLetterTargetArn":"a:b:dead","maxReceiveCount":5}' }),
      ...attributes,
    };
    const looked: string[] = [];
    const finding = await checkQueue(
      aws({
        queue: async (url): Promise<Record<string, string>> => {
          looked.push(url);
          return url === queue ? good : { ApproximateNumberOfMessages: dead };
        },
      }),
      queue,
    );
    expect(finding).toMatchObject({ status: 'warning', advice: expect.stringMatching(advice) });
    if (looked.length > 1) expect(looked[1]).toBe('https://sqs.eu-west-1.amazonaws.com/111122223333/dead');
  });

  test('Athena needs a place for results', async () => {
    const group = { name: 'audit', enabled: true, enforced: false, engineVersion: 'Athena engine version 3' };
    const of = (more: object, output?: string) =>
      checkAthena(aws({ workGroup: async () => ({ ...group, ...more }) }), {
        catalog: 'AwsDataCatalog',
        ...(output !== undefined && { output }),
      });
    expect((await of({})).status).toBe('failed');
    expect((await of({}, 's3://b/r/')).status).toBe('ok');
    expect((await of({ enforced: true, output: 's3://b/x/' }, 's3://b/r/')).status).toBe('warning');
    expect((await of({ enabled: false, output: 's3://b/x/' })).status).toBe('failed');
    expect((await of({ engineVersion: 'Athena engine version 2', output: 's3://b/x/' })).status).toBe('warning');
  });
});

/** A Glue whose clock is ahead and which refuses as AWS does; the rig's does neither. */
describe('a Glue that refuses', () => {
  let server: Server | undefined;
  const environment = { ...process.env };
  afterEach(() => {
    server?.close();
    process.env = environment;
  });

  const serve = async (answers: Record<string, string>, bodies: Record<string, object> = {}): Promise<AwsProbes> => {
    Object.assign(process.env, { AWS_ACCESS_KEY_ID: 'test', AWS_SECRET_ACCESS_KEY: 'test', AWS_REGION: 'us-east-1' });
    server = createServer((request, response) => {
      const operation = String(request.headers['x-amz-target']).split('.').at(-1)!;
      const code = answers[operation];
      request.resume();
      response.setHeader('date', new Date(Date.now() + 120_000).toUTCString());
      response.writeHead(code === undefined ? 200 : 400, { 'content-type': 'application/x-amz-json-1.1' });
      response.end(
        JSON.stringify(
          code === undefined ? (bodies[operation] ?? {}) : { __type: code, Message: `${code} for ${operation}` },
        ),
      );
    });
    await new Promise<void>((resolve) => server!.listen(0, '127.0.0.1', resolve));
    const endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    return awsProbes({ ...testConfig(), catalog: { type: 'glue', database: 'audit', region: 'us-east-1', endpoint } });
  };

  test('says who may do what by how it refuses', async () => {
    const denied = await serve({ UpdateTable: 'AccessDeniedException', CreateTable: 'AccessDeniedException' });
    expect(await denied.mayUpdateTables()).toEqual({ granted: false, reason: 'AccessDeniedException for UpdateTable' });
    expect(await denied.mayCreateTables('a')).toMatchObject({ granted: false });
    server!.close();
    const allowed = await serve({ UpdateTable: 'EntityNotFoundException', CreateTable: 'AlreadyExistsException' });
    expect(await allowed.mayUpdateTables()).toEqual({ granted: true });
    expect(await allowed.mayCreateTables('a')).toEqual({ granted: true });
  });

  test('says which optimizers a table has, and why they cannot be asked for', async () => {
    const identity = async () => ({ account: '111122223333', arn: '' });
    const none = Object.assign(await serve({ GetTableOptimizer: 'EntityNotFoundException' }), { identity });
    expect(await none.tableOptimizers('a')).toEqual({});
    server!.close();
    const denied = Object.assign(await serve({ GetTableOptimizer: 'AccessDeniedException' }), { identity });
    expect(await denied.tableOptimizers('a')).toMatch(/could not be asked for \(AccessDeniedException\)/);
    server!.close();
    const configuration = {
      enabled: true,
      retentionConfiguration: { icebergConfiguration: { snapshotRetentionPeriodInDays: 2 } },
    };
    const has = Object.assign(await serve({}, { GetTableOptimizer: { TableOptimizer: { configuration } } }), {
      identity,
    });
    expect(await has.tableOptimizers('a')).toEqual({ compaction: true, retentionDays: 2, orphanDays: 3 });
    expect(await (await serve({})).tableOptimizers('a')).toMatch(/no endpoint is of AWS/);
  });

  test('tells its time, also by a refusal', async () => {
    const probed = await serve({ GetDatabase: 'AccessDeniedException' });
    const ahead = (await probed.clocks()).get('Glue')!;
    expect(Math.abs(ahead - 120_000)).toBeLessThan(30_000);
  });
});

describe('maintenance by other engines', () => {
  const filled = async (properties: Record<string, string> = {}) => {
    const runtime = testRuntime({ store: new MemoryStore() });
    await runtime.store.put(`${input}/a.jsonl`, Buffer.from(decision({ id: 'a' })));
    await run(runtime);
    const base = (await runtime.catalog.loadTable('opa_decisions'))!;
    const next = { ...base.metadata, properties: { ...base.metadata.properties, ...properties } };
    await runtime.catalog.commitTable('opa_decisions', base, next);
    return runtime;
  };

  test.each([
    ['vacuum_max_snapshot_age_seconds', '432000', 'ok'],
    ['vacuum_max_snapshot_age_seconds', '3600', 'warning'],
    ['history.expire.max-snapshot-age-ms', '432000000', 'ok'],
    ['history.expire.max-snapshot-age-ms', '3600000', 'warning'],
    ['history.expire.max-snapshot-age-ms', 'soon', 'warning'],
  ])('by the property %s of %s is %s', async (property, value, status) => {
    const finding = await checkMaintenance(await filled({ [property]: value }), undefined);
    expect(finding.status).toBe(status);
    if (status === 'warning') expect(finding.found).toContain(`${property} of opa_decisions is ${value}`);
  });

  test.each([
    ['gc.enabled', 'false', /expire removes no snapshot/],
    ['write.data.path', 'memory://elsewhere/data', /nothing here deletes them, erase included/],
    ['write.data.path', 'memory://test/warehouse/other', undefined],
    ['write.object-storage.enabled', 'true', undefined],
    ['write.metadata.path', 'memory://test/warehouse/other', /not found by verify --repair/],
    ['write.format.default', 'ORC', /not read by DuckDB here/],
    ['write.delete.format.default', 'avro', undefined],
    ['write.delete.format.default', 'orc', /row-level deletes in ORC/],
    ['write.parquet.compression-codec', 'snappy', undefined],
    ['write.parquet.compression-codec', 'LZ4', /not read by DuckDB here until compact/],
    ['write.parquet.compression-codec', 'lz4_raw', undefined],
    ['write.merge.mode', 'merge-on-read', undefined],
    ['write.metadata.previous-versions-max', '1', undefined],
  ])('the property %s of %s is named where it matters, with the reason', async (property, value, reason) => {
    const finding = await checkMaintenance(await filled({ [property]: value }), undefined);
    if (reason === undefined) expect(finding.status).toBe('ok');
    else {
      expect(finding.found).toMatch(reason);
      expect(finding.found).toContain(`${property} of opa_decisions is ${value}`);
    }
  });

  test.each([
    [{ retentionDays: 5, orphanDays: 3 }, 'ok', /properties and optimizers of 4 tables/],
    [{ compaction: true }, 'warning', /compaction optimizer of opa_decisions is on/],
    [{ retentionDays: 0 }, 'warning', /retention optimizer of .* for 0 days/],
    [{ orphanDays: 0 }, 'warning', /orphan file optimizer of .* for 0 days/],
    ['table optimizers could not be asked for (X)', 'ok', /properties of 4 tables .*; table optimizers could not/],
  ] as const)('by optimizers that say %o is %s', async (optimizers, status, found) => {
    const probed = aws({ tableOptimizers: async () => optimizers });
    expect(await checkMaintenance(await filled(), probed)).toMatchObject({
      status,
      found: expect.stringMatching(found),
    });
  });
});

describe('policies', () => {
  test('name the places of the configuration, each bucket with its own prefixes, and nothing that it does not have', () => {
    const config: Config = {
      ...testConfig(),
      warehouse: 's3://acme-audit/lake',
      catalog: { type: 'glue', database: 'audit', region: 'us-gov-west-1' },
      sources: [
        {
          name: 'a',
          type: 'opa',
          location: 's3://acme-eopa/',
          columns: {},
          queue: 'https://sqs.us-gov-west-1.amazonaws.com/1/q',
        },
        { name: 'b', type: 'okera-audit', location: 's3://acme-okera/we*rd/', columns: {} },
      ],
    };
    const { Statement } = policyFor('worker', placesOf(config));
    expect(Statement).toContainEqual({
      Sid: 'ListSources1',
      Effect: 'Allow',
      Action: ['s3:ListBucket'],
      Resource: ['arn:aws-us-gov:s3:::acme-eopa'],
    });
    expect(Statement).toContainEqual({
      Sid: 'ListSources2',
      Effect: 'Allow',
      Action: ['s3:ListBucket'],
      Resource: ['arn:aws-us-gov:s3:::acme-okera'],
      Condition: { StringLike: { 's3:prefix': [`we\${*}rd/*`] } },
    });
    expect(Statement.flatMap(({ Resource }) => Resource)).toContain('arn:aws-us-gov:sqs:us-gov-west-1:1:q');
    expect(policyFor('query', placesOf(config)).Statement.map(({ Sid }) => Sid)).toEqual([
      'ListWarehouse',
      'ReadWarehouse',
      'Catalog',
    ]);
  });

  test('name the KMS key that is configured, to write with and to read with', () => {
    const policies = (key: string) => {
      const config: Config = {
        ...testConfig(),
        warehouse: 's3://acme-audit/lake',
        s3: { region: 'eu-west-1', forcePathStyle: false, encryption: { type: 'kms', key } },
      };
      return (['backfill', 'query'] as const).map((job) =>
        policyFor(job, placesOf(config)).Statement.filter(({ Action }) =>
          Action.some((name) => name.startsWith('kms:')),
        ),
      );
    };
    const arn = 'arn:aws:kms:eu-central-1:123456789012:key/1234abcd';
    expect(policies(arn)).toEqual([
      [{ Sid: 'EncryptWarehouse', Effect: 'Allow', Action: ['kms:GenerateDataKey', 'kms:Decrypt'], Resource: [arn] }],
      [{ Sid: 'DecryptWarehouse', Effect: 'Allow', Action: ['kms:Decrypt'], Resource: [arn] }],
    ]);
    const resource = (key: string) => policies(key)[0]![0]!.Resource[0];
    expect(resource('1234abcd')).toBe('arn:aws:kms:eu-west-1:ACCOUNT:key/1234abcd');
    expect(resource('alias/audit')).toBe('arn:aws:kms:eu-west-1:ACCOUNT:key/KEY');
    expect(resource('arn:aws:kms:eu-west-1:123456789012:alias/audit')).toBe(
      'arn:aws:kms:eu-west-1:123456789012:key/KEY',
    );
  });

  test('are empty where nothing of AWS is used', () => {
    for (const job of jobNames) expect(policyFor(job, placesOf(testConfig())).Statement).toEqual([]);
  });
});

describe('data files', () => {
  test('that are gone or of another size are named with the way out', async () => {
    const runtime = testRuntime({ store: new MemoryStore() });
    await runtime.store.put(`${input}/a.jsonl`, Buffer.from(decision({ id: 'a' })));
    await run(runtime);
    expect(await checkFiles(runtime)).toMatchObject({ status: 'ok' });
    const { metadata } = (await runtime.catalog.loadTable('opa_decisions'))!;
    const [file] = await collect(liveFiles(runtime.store, metadata));
    await runtime.store.put(file!.path, Buffer.from('PAR1'));
    expect(await checkFiles(runtime)).toMatchObject({
      status: 'failed',
      found: `${file!.path} of opa_decisions has 4 bytes, not ${file!.fileSize}`,
    });
    await runtime.store.delete(file!.path);
    expect(await checkFiles(runtime)).toMatchObject({
      status: 'failed',
      found: `${file!.path} of opa_decisions is gone`,
      advice: expect.stringContaining('verify --repair'),
    });
  });
});
