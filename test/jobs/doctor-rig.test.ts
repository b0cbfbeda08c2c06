/** `doctor` through the binary, on S3, Glue, SQS, Trino and Athena that are well, and on some that are not. */
import { mkdirSync, mkdtempSync, readdirSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Diagnosis } from '../../src/jobs/doctor/doctor.ts';
import { S3Store } from '../../src/store/s3.ts';
import { type EventSite, eventSite } from '../e2e/support/event-site.ts';
import { decisionLogs } from '../e2e/support/logs.ts';
import { once } from '../e2e/support/workers.ts';
import { start } from '../support/binary.ts';
import { cli } from '../support/cli.ts';
import { collect } from '../support/collect.ts';
import { describeWith, rig } from '../support/rig.ts';

const parsed = (stdout: string): Diagnosis => JSON.parse(stdout) as Diagnosis;

describe('doctor', () => {
  const folder = mkdtempSync(join(tmpdir(), 'aw-doctor-'));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  test('without a configuration says what to do, and exits 1', async () => {
    const { code, stdout, stderr } = await cli(['doctor', '--json'], { cwd: folder });
    expect({ code, stderr }).toEqual({ code: 1, stderr: '' });
    expect(parsed(stdout)).toMatchObject({
      ok: false,
      checks: [
        { name: 'node', status: 'ok' },
        { name: 'configuration', status: 'failed', found: expect.stringContaining('audit-warehouse init') },
      ],
    });
  });

  test('on a folder warns of what is empty, and exits 0; for people it is a line each', async () => {
    writeFileSync(
      join(folder, 'audit-warehouse.yaml'),
      'warehouse: ./warehouse\nsources: [{ name: logs, type: opa, location: ./logs }]\n',
    );
    mkdirSync(join(folder, 'logs'));
    const { code, stdout, stderr } = await cli(['doctor'], { cwd: folder });
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toMatch(/^ok {7}node/m);
    expect(stdout).toMatch(/^warning {2}source:logs .*no object with content in it\n +-> /m);
    expect(stdout).toMatch(/\n\d+ ok, 1 warning\n$/);
  });

  test('leaves every folder as it was, also after one that was killed', async () => {
    const place = join(folder, 'untouched');
    mkdirSync(join(place, 'logs'), { recursive: true });
    writeFileSync(
      join(place, 'audit-warehouse.yaml'),
      JSON.stringify({
        warehouse: './data/deep/warehouse',
        sources: [{ name: 'logs', type: 'opa', location: './logs' }],
        batch: { spill: './data/spill/ingest' },
        compact: { spill: './data/spill/compact' },
      }),
    );
    const tree = (): string[] => readdirSync(place, { recursive: true, encoding: 'utf8' }).sort();
    const before = tree();
    expect((await cli(['doctor'], { cwd: place })).code).toBe(0);
    expect(tree()).toEqual(before);

    const probes = join(place, 'data/deep/warehouse/_doctor');
    mkdirSync(probes, { recursive: true });
    mkdirSync(join(place, 'data/spill'));
    const rest = tree().filter((name) => !name.endsWith('_doctor'));
    writeFileSync(join(probes, 'left'), 'x');
    utimesSync(join(probes, 'left'), 1e9, 1e9);
    expect((await cli(['doctor'], { cwd: place })).code).toBe(0);
    expect(tree()).toEqual(rest);
  });

  test('--policy prints one policy, or all, or what the jobs are called', async () => {
    const one = await cli(['doctor', '--policy', 'worker'], { cwd: folder });
    expect(JSON.parse(one.stdout)).toEqual({ Version: '2012-10-17', Statement: [] });
    const all = await cli(['doctor', '--policy'], { cwd: folder });
    expect(Object.keys(JSON.parse(all.stdout))).toContain('erase');
    const none = await cli(['doctor', '--policy', 'cook'], { cwd: folder });
    expect({ code: none.code, stdout: none.stdout }).toEqual({ code: 2, stdout: '' });
    expect(none.stderr).toContain('backfill, worker');
  });
});

describeWith(['s3', 'glue', 'trino'], 'doctor on a site', () => {
  let site: EventSite;
  let trino: string;
  beforeAll(async () => {
    const { env } = await rig.s3();
    trino = (await rig.trino()).url;
    const engines = {
      trino: { url: trino, catalog: 'awsdatacatalog' },
      athena: { output: 's3://results/', endpoint: env.AWS_ENDPOINT_URL_ATHENA },
    };
    site = await eventSite({ config: { engines } });
    await site.put(decisionLogs(2, 5));
    await once(site.place);
  });
  afterAll(() => site?.close());
  const doctor = async (...args: string[]) => {
    const { env, cwd } = site.place;
    // The identity is asked for where there is somebody to ask.
    const run = await start(['doctor', '--json', ...args], {
      cwd,
      env: { ...env, AWS_ENDPOINT_URL_STS: env.AWS_ENDPOINT_URL_S3! },
    }).done;
    return { code: run.code, ...parsed(run.stdout) };
  };
  const status = ({ checks }: Diagnosis, name: string) => checks.find((check) => check.name === name)?.status;

  test('all is well, and the bucket is as before', async () => {
    const { endpoint, region } = await rig.s3();
    const store = new S3Store({ endpoint, region, forcePathStyle: true });
    const objects = async () => (await collect(store.list(`s3://${site.bucket}/`))).map(({ uri }) => uri);
    const before = await objects();
    const { code, ok, checks } = await doctor();
    expect(checks.filter((check) => check.status === 'failed')).toEqual([]);
    expect({ code, ok }).toEqual({ code: 0, ok: true });
    const names = checks.map(({ name }) => name);
    for (const name of [
      'credentials',
      'clock',
      'source:eopa',
      'warehouse',
      'conditional-writes',
      'glue',
      'trino',
      'athena',
    ])
      expect(names).toContain(name);
    expect(names).toContain(`queue:${site.bucket}`);
    expect(checks.find(({ name }) => name === 'credentials')?.found).toMatch(/^arn:aws:/);
    expect(await objects()).toEqual(before);
    store.close();
  });

  test('a bucket, a database, a queue and a Trino that are not there are told from those that are', async () => {
    const report = await doctor(
      '--set',
      'warehouse=s3://no-such-bucket-here/w',
      '--set',
      'catalog.database=no_such_database',
      '--set',
      'engines.trino.url=http://127.0.0.1:9',
    );
    expect({ code: report.code, ok: report.ok }).toEqual({ code: 1, ok: false });
    expect(status(report, 'source:eopa')).toBe('ok');
    expect(status(report, 'warehouse')).toBe('failed');
    expect(status(report, 'glue')).toBe('warning');
    expect(status(report, 'trino')).toBe('failed');
    for (const check of report.checks) if (check.status !== 'ok') expect(check.advice).not.toBeNull();
  });
});
