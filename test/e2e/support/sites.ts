/**
 * The two places that a warehouse lives in, for tests that hold in both: a folder with the file catalog, and S3 with
 * Glue. Both give fresh warehouses over the same log objects, and say what they hold.
 */
import { createHash } from 'node:crypto';
import { lstatSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { loadConfig } from '../../../src/config/load.ts';
import { S3Store } from '../../../src/store/s3.ts';
import { createRuntime } from '../../../src/wire.ts';
import { configure, type Place } from '../../support/binary.ts';
import { rig } from '../../support/rig.ts';
import { rowsOf, sortedRows, textOf } from '../../support/warehouse.ts';
import type { LogObject } from './logs.ts';
import { S3Proxy } from './s3-proxy.ts';

export interface Site {
  /** A new, empty warehouse over the logs; `config` is laid over its configuration. */
  warehouse(config: object): Promise<Place>;
  /** Runs `action`, and gives what it wrote and which bodies of logs it read, as far as the place can tell. */
  touched(place: Place, action: () => Promise<unknown>): Promise<string[]>;
  close(): Promise<void>;
}

export async function localSite(logs: readonly LogObject[]): Promise<Site> {
  const root = mkdtempSync(join(tmpdir(), 'aw-e2e-'));
  for (const { key, body } of logs) {
    const path = join(root, 'logs', key);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, body);
  }
  let count = 0;
  const files = (folder: string): string[] =>
    readdirSync(folder, { recursive: true, encoding: 'utf8' })
      .sort()
      .map((name) => {
        // A killed run may leave a lock, which is a symbolic link to nothing.
        const { size, mtimeNs, ctimeNs, ino } = lstatSync(join(folder, name), { bigint: true });
        return `${name} ${size} ${mtimeNs} ${ctimeNs} ${ino}`;
      });
  return {
    warehouse: async (config) =>
      configure(join(root, `run-${++count}`), {
        warehouse: './warehouse',
        sources: [{ name: 'eopa', type: 'opa', location: '../logs' }],
        ...config,
      }),
    async touched({ cwd }, action) {
      const before = new Set(files(cwd));
      await action();
      const after = new Set(files(cwd));
      return [...[...after].filter((file) => !before.has(file)), ...[...before].filter((file) => !after.has(file))];
    },
    close: async () => rmSync(root, { recursive: true, force: true }),
  };
}

export async function s3Site(logs: readonly LogObject[]): Promise<Site> {
  const root = mkdtempSync(join(tmpdir(), 'aw-e2e-'));
  const { endpoint, region, bucket, env } = await rig.s3();
  const store = new S3Store({ endpoint, region, forcePathStyle: true });
  for (const { key, body } of logs) await store.put(`s3://${bucket}/logs/${key}`, body);
  const proxy = new S3Proxy(endpoint);
  const address = await proxy.start();
  let count = 0;
  return {
    async warehouse(config) {
      const { database } = await rig.glue();
      const name = `run-${++count}`;
      return configure(
        join(root, name),
        {
          warehouse: `s3://${bucket}/${name}`,
          catalog: { type: 'glue', database, endpoint: address, region },
          s3: { endpoint: address, region, forcePathStyle: true },
          sources: [{ name: 'eopa', type: 'opa', location: `s3://${bucket}/logs/` }],
          ...config,
        },
        env,
      );
    },
    async touched(_, action) {
      proxy.requests.length = 0;
      await action();
      return [...proxy.writes, ...proxy.reads.filter((path) => path.startsWith(`${bucket}/logs/`))];
    },
    async close() {
      await proxy.stop();
      rmSync(root, { recursive: true, force: true });
    },
  };
}

const openRuntime = async ({ cwd }: Place) =>
  createRuntime(
    loadConfig({ file: 'audit-warehouse.yaml', settings: [], env: {}, cwd, reserved: () => new Set() }).config,
  );

/** What does not depend on when and by whom the work was done. */
export interface Contents {
  readonly decisions: readonly string[];
  readonly quarantine: readonly string[];
  readonly ledger: readonly string[];
}

const ofTheRun = ['ymd', 'batch', 'owner', 'claimed_at', 'claimed_until', 'committed_at'];

/** Everything in the tables of a warehouse, each list in an order of its own. */
export async function contents(place: Place): Promise<Contents> {
  const runtime = await openRuntime(place);
  return {
    decisions: await sortedRows(runtime, 'opa_decisions'),
    quarantine: await sortedRows(runtime, 'quarantine'),
    ledger: await sortedRows(runtime, 'ingested_objects', ofTheRun),
  };
}

/** By table and object: a digest of its rows. */
export async function digests(place: Place): Promise<Map<string, string>> {
  const runtime = await openRuntime(place);
  const rows = new Map<string, string[]>();
  for (const table of ['opa_decisions', 'quarantine']) {
    for (const row of await rowsOf(runtime, table)) {
      const key = `${table} ${row.source_uri}`;
      rows.set(key, [...(rows.get(key) ?? []), textOf(row)]);
    }
  }
  return new Map(
    [...rows].map(([key, texts]) => [key, createHash('sha256').update(texts.sort().join('\n')).digest('hex')]),
  );
}
