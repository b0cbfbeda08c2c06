/**
 * A source that is not there is a failure, and one without any object a warning, wherever the sources are looked at: on the
 * way out (exit code, stderr), in the JSON report, on /readyz, and by `doctor`. A typing error in a location must not
 * look like a quiet day.
 */
import { mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { S3Store } from '../../src/store/s3.ts';
import { configure, type Place } from '../support/binary.ts';
import { cli } from '../support/cli.ts';
import { describeWith, type RigS3, rig } from '../support/rig.ts';
import { killAll, until, worker } from './support/workers.ts';

const decision = JSON.stringify({ decision_id: 'd', timestamp: '2023-07-11T16:57:42Z', labels: {}, input: {} });
let root: string;
beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), 'aw-missing-'));
});
afterEach(killAll);
afterAll(() => rmSync(root, { recursive: true, force: true }));

const run = async ({ cwd, env }: Place, ...args: string[]) => {
  const { code, stdout, stderr } = await cli(args, { cwd, env });
  const json = (): Record<string, unknown> => JSON.parse(stdout) as Record<string, unknown>;
  return { code, stdout, stderr, json };
};
const listening = { listen: '127.0.0.1:0', poll_interval: 0.2, commit_interval: 0 };
let count = 0;
const folder = (config: object): Place =>
  configure(join(root, `place-${++count}`), {
    warehouse: './warehouse',
    sources: [{ name: 'opa', type: 'opa', location: './logs' }],
    worker: listening,
    ...config,
  });

async function readiness(port: unknown): Promise<{ status: number; body: Record<string, unknown> }> {
  const answer = await fetch(`http://127.0.0.1:${port}/readyz`);
  return { status: answer.status, body: (await answer.json()) as Record<string, unknown> };
}

describe('a folder that is not there', () => {
  const reference = {
    sources: [
      { name: 'side', type: 'reference', location: './side', table: 'countries', columns: { n: { type: 'string' } } },
    ],
  };
  const one = { sources: [{ name: 'opa', type: 'opa', location: './logs.jsonl/' }] };

  test.each([
    ['backfill', ['backfill'], {}],
    ['backfill --dry-run', ['backfill', '--dry-run'], {}],
    ['backfill of a side table', ['backfill'], reference],
    ['worker', ['worker'], {}],
    ['worker --once', ['worker', '--once'], {}],
    ['verify', ['verify'], {}],
    ['a file that should be a folder', ['backfill'], one],
  ])('%s exits 2, names the key, and writes nothing', async (_, args, config) => {
    const place = folder(config);
    writeFileSync(join(place.cwd, 'logs.jsonl'), decision);
    const { code, stdout, stderr } = await run(place, ...args, '--log-level', 'silent');
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toMatch(
      /^audit-warehouse: sources\[\]\.location of source (opa|side): there is no such folder: file:\/\/\/\S+/,
    );
    expect(readdirSync(place.cwd).sort()).toEqual(['audit-warehouse.yaml', 'logs.jsonl']);
  });

  test('does not stand in the way of other sources, nor of commands that read none', async () => {
    const place = folder({
      sources: [
        { name: 'gone', type: 'opa', location: './gone' },
        { name: 'opa', type: 'opa', location: './logs' },
      ],
    });
    mkdirSync(join(place.cwd, 'logs'));
    writeFileSync(join(place.cwd, 'logs/a.jsonl'), decision);
    expect(await run(place, 'backfill', '--source', 'opa', '--json')).toMatchObject({ code: 0 });
    for (const args of [['tables'], ['validate'], ['query', '--sql', 'select 1'], ['compact'], ['expire']])
      expect({ args, code: (await run(place, ...args)).code }).toEqual({ args, code: 0 });
  });

  test('is a failed check of the doctor', async () => {
    const { code, json } = await run(folder({}), 'doctor', '--json');
    expect(code).toBe(1);
    expect(json().checks).toContainEqual(
      expect.objectContaining({ name: 'source:opa', status: 'failed', found: expect.stringMatching(/no such folder/) }),
    );
  });

  test('while a worker runs is a source that is down, until it is back', async () => {
    const place = folder({});
    mkdirSync(join(place.cwd, 'logs'));
    writeFileSync(join(place.cwd, 'logs/a.jsonl'), decision);
    const { port } = await worker(place).seen('worker-started');
    await until('ready', async () => (await readiness(port)).status === 200);
    renameSync(join(place.cwd, 'logs'), join(place.cwd, 'unmounted'));
    await until('not ready', async () => (await readiness(port)).status === 503);
    expect((await readiness(port)).body.sources).toMatchObject([{ name: 'opa', ok: false, error: 'not-found' }]);
    const metrics = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
    expect(metrics).toContain('audit_warehouse_source_up{source="opa"} 0');
    renameSync(join(place.cwd, 'unmounted'), join(place.cwd, 'logs'));
    await until('ready again', async () => (await readiness(port)).status === 200);
  });
});

/** The same of a folder and of a bucket. */
function emptySources(open: () => { place: Place; fill: () => Promise<unknown> }): void {
  test('are named by the report, the log and the text of every job that lists them', async () => {
    const { place, fill } = open();
    const warning = { code: 'source-empty', source: 'opa', message: expect.stringMatching(/^no object at \S+/) };
    for (const args of [['backfill', '--dry-run'], ['backfill'], ['worker', '--once'], ['verify']]) {
      const { code, json, stderr } = await run(place, ...args, '--json');
      expect({ args, code, warnings: json().warnings }).toEqual({ args, code: 0, warnings: [warning] });
      expect(stderr).toMatch(/"level":"warn".*"event":"source-empty".*"source":"opa"/);
      expect((await run(place, ...args)).stdout).toMatch(/^warning:? +source opa: no object at /m);
    }
    await fill();
    for (const args of [['backfill'], ['worker', '--once'], ['verify']]) {
      const { code, json, stderr } = await run(place, ...args, '--json');
      const warnings = (json().warnings as { code: string }[]).filter((warning) => warning.code === 'source-empty');
      expect({ args, code, warnings }).toEqual({ args, code: 0, warnings: [] });
      expect(stderr).not.toContain('source-empty');
    }
    const narrowed = await run(place, 'backfill', '--json', '--prefix', 'nothing/');
    expect(narrowed.json().warnings).toMatchObject([{ code: 'source-empty', message: /prefix nothing\// }]);
  });

  test('are a warning of the doctor', async () => {
    const { code, json } = await run(open().place, 'doctor', '--json');
    expect(code).toBe(0);
    expect(json().checks).toContainEqual(expect.objectContaining({ name: 'source:opa', status: 'warning' }));
  });

  test('show on /readyz and in the metrics of a worker until there is an object', async () => {
    const { place, fill } = open();
    const { port } = await worker(place).seen('worker-started');
    await until('ready', async () => (await readiness(port)).status === 200);
    expect((await readiness(port)).body).toMatchObject({ warnings: [{ code: 'source-empty', source: 'opa' }] });
    const metrics = async () => (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
    expect(await metrics()).toContain('audit_warehouse_source_empty{source="opa"} 1');
    await fill();
    await until('no warning', async () => JSON.stringify((await readiness(port)).body.warnings) === '[]');
    expect(await metrics()).toContain('audit_warehouse_source_empty{source="opa"} 0');
  });
}

describe('folders without any object', () => {
  emptySources(() => {
    const place = folder({});
    mkdirSync(join(place.cwd, 'logs/nested'), { recursive: true });
    return { place, fill: async () => writeFileSync(join(place.cwd, 'logs/nested/a.jsonl'), decision) };
  });
});

describeWith(['s3'], 'buckets', () => {
  let s3: RigS3;
  let store: S3Store;
  beforeAll(async () => {
    s3 = await rig.s3();
    store = new S3Store({ endpoint: s3.endpoint, region: s3.region, forcePathStyle: true });
  });
  const bucket = (location: string): Place =>
    configure(
      join(root, `place-${++count}`),
      {
        warehouse: `s3://${s3.bucket}/warehouse-${count}`,
        s3: { endpoint: s3.endpoint, region: s3.region, forcePathStyle: true },
        sources: [{ name: 'opa', type: 'opa', location }],
        worker: listening,
      },
      s3.env,
    );

  describe('and prefixes without any object', () => {
    emptySources(() => {
      const location = `s3://${s3.bucket}/logs-${count}/`;
      return { place: bucket(location), fill: () => store.put(`${location}a.jsonl`, Buffer.from(decision)) };
    });
  });

  test('that are not there are an error that names them', async () => {
    const place = bucket('s3://no-such-bucket-of-ours/logs/');
    for (const args of [['backfill'], ['backfill', '--dry-run'], ['worker', '--once'], ['verify']]) {
      const { code, stdout, stderr } = await run(place, ...args, '--log-level', 'silent');
      expect({ args, code, stdout }).toEqual({ args, code: 1, stdout: '' });
      expect(stderr).toMatch(/there is no such bucket.*s3:\/\/no-such-bucket-of-ours\/logs\//);
    }
    const { port } = await worker(place).seen('worker-started');
    await until('looked at', async () => JSON.stringify((await readiness(port)).body.sources).includes('not-found'));
    expect((await readiness(port)).status).toBe(503);
    const checked = await run(place, 'doctor', '--json');
    expect(checked.code).toBe(1);
    expect(checked.json().checks).toContainEqual(expect.objectContaining({ name: 'source:opa', status: 'failed' }));
  });
});
