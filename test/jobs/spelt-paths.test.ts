/**
 * Engines on Hadoop's file systems write `s3a://`, `s3n://` and `file:/` into the metadata of the tables that they change.
 * Those are the same places to every command; above all, no clean-up takes a live file under such a name for an orphan.
 */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { FileCatalog } from '../../src/catalog/file/catalog.ts';
import { createDuckDbEngine } from '../../src/engines/duckdb/engine.ts';
import { liveFiles } from '../../src/iceberg/scan.ts';
import { scanRows } from '../../src/iceberg/table-rows.ts';
import { ownTables } from '../../src/ingest/own-tables.ts';
import type { Runtime } from '../../src/ingest/runtime.ts';
import { compact } from '../../src/jobs/compact/compact.ts';
import { checkTables } from '../../src/jobs/doctor/store.ts';
import { erase } from '../../src/jobs/erase/erase.ts';
import { expire } from '../../src/jobs/expire/expire.ts';
import { relocate } from '../../src/jobs/relocate/relocate.ts';
import { replay } from '../../src/jobs/replay/replay.ts';
import { describeTables } from '../../src/jobs/tables/describe.ts';
import { accept } from '../../src/jobs/verify/accept.ts';
import { repair } from '../../src/jobs/verify/repair.ts';
import { verify } from '../../src/jobs/verify/verify.ts';
import { LocalStore } from '../../src/store/local.ts';
import { MemoryStore } from '../../src/store/memory.ts';
import type { GetOptions, ListOptions, ObjectInfo, ObjectStore, PutOptions } from '../../src/store/store.ts';
import { collect } from '../support/collect.ts';
import { addDeleteFiles, positionDeletes } from '../support/foreign-deletes.ts';
import { respell } from '../support/respell.ts';
import { decision, run, testRuntime } from '../support/warehouse.ts';

const table = 'opa_decisions';
const day = '2023-07-11';
const folder = mkdtempSync(join(tmpdir(), 'aw-spelt-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** A store in memory that is called S3, and takes no other name. */
class NamedS3 implements ObjectStore {
  readonly #store = new MemoryStore();
  readonly #in = (uri: string): string => {
    if (!uri.startsWith('s3://')) throw new Error(`asked for ${uri}`);
    return uri.replace('s3://', 'memory://');
  };
  readonly #out = <Info extends ObjectInfo>(info: Info): Info => ({
    ...info,
    uri: info.uri.replace('memory://', 's3://'),
  });
  async *list(prefix: string, options?: ListOptions) {
    for await (const info of this.#store.list(this.#in(prefix), options)) yield this.#out(info);
  }
  async *listFolders(prefix: string) {
    for await (const uri of this.#store.listFolders(this.#in(prefix))) yield uri.replace('memory://', 's3://');
  }
  async head(uri: string) {
    const info = await this.#store.head(this.#in(uri));
    return info && this.#out(info);
  }
  async get(uri: string, options?: GetOptions) {
    const body = await this.#store.get(this.#in(uri), options);
    return { ...body, info: this.#out(body.info) };
  }
  put(uri: string, body: Uint8Array | readonly Uint8Array[], options?: PutOptions) {
    return this.#store.put(this.#in(uri), body, options);
  }
  delete(uri: string) {
    return this.#store.delete(this.#in(uri));
  }
}

const spellings: [string, () => { store: ObjectStore; root: string }, (uri: string) => string][] = [
  ['s3a://', () => ({ store: new NamedS3(), root: 's3://test' }), (uri) => uri.replace('s3://', 's3a://')],
  ['file:/', () => local('one'), (uri) => uri.replace('file:///', 'file:/')],
];

function local(name: string): { store: ObjectStore; root: string } {
  mkdirSync(join(folder, name, 'logs'), { recursive: true });
  return { store: new LocalStore(), root: `file://${join(folder, name)}` };
}

describe.each(spellings)('tables with %s in every path', (_, make, spell) => {
  const { store, root } = make();
  const put = (name: string, lines: readonly string[]) =>
    store.put(`${root}/logs/${name}.jsonl`, Buffer.from(lines.join('\n')));
  const at = (clock = Date.now): Runtime => {
    const sources = [{ name: 'eopa', type: 'opa' as const, location: `${root}/logs/`, columns: {} }];
    const runtime = testRuntime({ store, sources, batch: { objects: 1 }, clock });
    const config = {
      ...runtime.config,
      warehouse: `${root}/warehouse`,
      expire: { snapshotsSeconds: 0, keepSnapshots: 1, graceSeconds: 0 },
      compact: { ...runtime.config.compact, spill: `${root}/spill`, smallFiles: 2 },
    };
    return { ...runtime, config, catalog: new FileCatalog(store, `${root}/warehouse`) };
  };
  const later = (): Runtime => at(() => Date.now() + 10 * 86_400_000);
  const ids = async (): Promise<unknown[]> => {
    const loaded = (await at().catalog.loadTable(table))!;
    const rows = await collect(scanRows(store, loaded, { columns: ['decision_id'] }));
    return rows
      .flat()
      .map((row) => row.decision_id)
      .sort();
  };
  const queried = async (): Promise<unknown[]> => {
    const engine = createDuckDbEngine({ store, catalog: at().catalog });
    try {
      const { chunks } = await engine.query({ sql: `SELECT decision_id FROM ${table} ORDER BY 1` });
      return (await collect(chunks)).flat().map(([id]) => id);
    } finally {
      await engine.close();
    }
  };
  const respellAll = async (): Promise<void> => {
    for (const name of ownTables(at().config))
      if ((await at().catalog.loadTable(name)) !== undefined) await respell(at(), name, spell);
  };
  const expectSound = async (expected: readonly string[]): Promise<void> => {
    expect(await ids()).toEqual(expected);
    expect(await queried()).toEqual(expected);
    expect(await verify(at(), { deep: true })).toMatchObject({ ok: true, differences: [] });
  };

  test('are read, added to, compacted, erased from, expired and verified', async () => {
    const decisions = (n: number) =>
      Array.from({ length: 5 }, (_, i) => decision({ id: `id-${n}${i}`, subject: `user-${i}` }));
    await put('a', decisions(0));
    await put('b', [...decisions(1), '{"broken":']);
    await run(at());
    const loaded = (await at().catalog.loadTable(table))!;
    const [file] = await collect(liveFiles(store, loaded.metadata));
    const gone = (await collect(scanRows(store, loaded, { columns: ['decision_id'] }))).flat()[2]!.decision_id;
    await addDeleteFiles(at(), table, day, [await positionDeletes(at(), loaded, [[file!.path, 2]])]);
    await accept(at(), { reason: 'a test', by: 'anna' });
    await respellAll();
    let expected = ['00', '01', '02', '03', '04', '10', '11', '12', '13', '14']
      .map((n) => `id-${n}`)
      .filter((id) => id !== gone);
    await expectSound(expected);
    expect(await relocate(at(), async (over) => new FileCatalog(over, `${root}/warehouse`))).toMatchObject({
      tables: {},
    });
    expect((await describeTables(at())).find(({ name }) => name === table)).toMatchObject({ rows: 9, files: 2 });
    expect(await checkTables(at())).toMatchObject({ status: 'ok' });

    // Everything is older than the grace period, and every snapshot but one has had its time.
    const before = (await expire(later())).tables[table]!;
    expect(before.files).toBeGreaterThan(0);
    await expectSound(expected);

    await put('c', decisions(2));
    await put('a', [...decisions(0), decision({ id: 'id-05' })]);
    expect((await run(at())).objects).toMatchObject({ committed: 2, failed: 0 });
    expected = [...expected, 'id-05', 'id-20', 'id-21', 'id-22', 'id-23', 'id-24'].sort();
    await expectSound(expected);
    await respellAll();
    await replay(at());
    expect(await erase(at(), 'user-3')).toMatchObject({
      tables: { [table]: { rows: gone === 'id-03' || gone === 'id-13' ? 2 : 3 } },
    });
    expected = expected.filter((id) => !id.endsWith('3'));
    await expectSound(expected);
    await respellAll();
    expect((await compact(at())).refused).toEqual([]);
    await expectSound(expected);
    await respellAll();
    const report = await verify(at());
    expect(await repair(at(), report.differences, undefined)).toEqual([]);
    await expire(later());
    await expire(later());
    await run(at());
    await expectSound(expected);
    const live = (await collect(liveFiles(store, (await at().catalog.loadTable(table))!.metadata))).map(
      ({ path }) => path,
    );
    const there = (await collect(store.list(`${root}/warehouse/${table}/data/`))).map(({ uri }) => uri);
    expect(there.sort()).toEqual(live.sort());
  });
});
