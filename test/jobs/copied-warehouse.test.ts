/** A warehouse that was copied as a folder names the files of its original: it is read, and nothing is written to it. */
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pino from 'pino';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { FileCatalog } from '../../src/catalog/file/catalog.ts';
import { warnElsewhere } from '../../src/catalog/warn-elsewhere.ts';
import { OutsideWarehouse } from '../../src/iceberg/home.ts';
import { ownTables } from '../../src/ingest/own-tables.ts';
import type { Runtime } from '../../src/ingest/runtime.ts';
import { compact } from '../../src/jobs/compact/compact.ts';
import { checkTables } from '../../src/jobs/doctor/store.ts';
import { erase } from '../../src/jobs/erase/erase.ts';
import { expire } from '../../src/jobs/expire/expire.ts';
import { replay } from '../../src/jobs/replay/replay.ts';
import { describeTables } from '../../src/jobs/tables/describe.ts';
import { repair } from '../../src/jobs/verify/repair.ts';
import { verify } from '../../src/jobs/verify/verify.ts';
import { LocalStore } from '../../src/store/local.ts';
import { Worker } from '../../src/worker/worker.ts';
import { countries, putExport } from '../support/side-tables.ts';
import { decision, rowsOf, run, testRuntime } from '../support/warehouse.ts';

let folder: string;
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'aw-copied-'));
  mkdirSync(join(folder, 'logs'));
  put('a', 'b');
  await run(at('original'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function put(...ids: string[]): void {
  for (const id of ids) writeFileSync(join(folder, `logs/${id}.jsonl`), `${decision({ id })}\n{"broken":\n`);
}

function at(place: string): Runtime {
  const store = new LocalStore();
  const warehouse = `file://${folder}/${place}`;
  const sources = [{ name: 'eopa', type: 'opa' as const, location: `file://${folder}/logs/`, columns: {} }];
  const runtime = testRuntime({ store, sources });
  const days = 86_400;
  const config = {
    ...runtime.config,
    warehouse,
    expire: { ...runtime.config.expire, snapshotsSeconds: 0, graceSeconds: 0 },
  };
  return { ...runtime, config, catalog: new FileCatalog(store, warehouse), clock: () => Date.now() + days * 1000 };
}

/** Every file below a folder, with its content. */
const contentOf = (place: string): Record<string, string> =>
  Object.fromEntries(
    (readdirSync(join(folder, place), { recursive: true }) as string[])
      .filter((name) => statSync(join(folder, place, name)).isFile())
      .sort()
      .map((name) => [name, readFileSync(join(folder, place, name), 'latin1')]),
  );

const writing: Readonly<Record<string, (runtime: Runtime) => Promise<unknown>>> = {
  backfill: (runtime) => run(runtime),
  'backfill --dry-run': (runtime) => run(runtime, { dryRun: true }),
  'worker --once': (runtime) => new Worker(runtime, { openQueue: () => undefined as never }, { once: true }).run(),
  worker: (runtime) => new Worker(runtime, { openQueue: () => undefined as never }).run(),
  compact: (runtime) => compact(runtime, {}),
  expire: (runtime) => expire(runtime),
  erase: (runtime) => erase(runtime, 'dr_evil'),
  replay: (runtime) => replay(runtime),
  'verify --repair': async (runtime) => repair(runtime, (await verify(runtime)).differences, undefined),
  'loading side tables': async (runtime) => {
    await putExport(
      runtime.store,
      { ...countries, location: `file://${folder}/countries/` },
      'a.csv',
      'subject,country\nx,NL\n',
    );
    const sideSources = [{ ...countries, location: `file://${folder}/countries/` }];
    return run({ ...runtime, config: { ...runtime.config, sources: [], sideSources } });
  },
};

describe('a copy', () => {
  test.each(Object.entries(writing))(
    'is refused by %s, naming both places, and neither is changed',
    async (_, command) => {
      cpSync(join(folder, 'original'), join(folder, 'copy'), { recursive: true });
      const [original, copy] = [contentOf('original'), contentOf('copy')];
      put('c');
      const failure = await command(at('copy')).catch((error: unknown) => error);
      expect(failure).toBeInstanceOf(OutsideWarehouse);
      expect((failure as Error).message).toContain(`of the warehouse file://${folder}/copy points outside`);
      expect((failure as Error).message).toContain(`to file://${folder}/original/`);
      expect(contentOf('original')).toEqual(original);
      expect(contentOf('copy')).toEqual(copy);
    },
  );

  test('is read all the same, with a warning; verify and doctor say what it is', async () => {
    cpSync(join(folder, 'original'), join(folder, 'copy'), { recursive: true });
    const runtime = at('copy');
    const lines: Record<string, unknown>[] = [];
    const log = pino({ level: 'warn' }, { write: (line) => void lines.push(JSON.parse(line)) });
    const catalog = warnElsewhere(runtime.catalog, ownTables(runtime.config), log);
    expect(await rowsOf({ ...runtime, catalog }, 'opa_decisions')).toHaveLength(2);
    await rowsOf({ ...runtime, catalog }, 'opa_decisions');
    expect(lines).toMatchObject([
      {
        event: 'table-elsewhere',
        table: 'opa_decisions',
        warehouse: `file://${folder}/copy`,
        outside: expect.stringContaining('/original/'),
      },
    ]);
    expect((await describeTables(runtime)).map(({ name }) => name)).toContain('opa_decisions');
    const kinds = (await verify(runtime)).differences.map(({ kind, table }) => [kind, table]);
    expect(kinds).toContainEqual(['table-elsewhere', 'opa_decisions']);
    expect(await checkTables(runtime)).toMatchObject({
      status: 'failed',
      found: expect.stringContaining('/original/'),
    });
    expect(await checkTables(at('original'))).toMatchObject({ status: 'ok' });
  });

  test('whose metadata alone was rewritten is refused for its manifests and data files', async () => {
    cpSync(join(folder, 'original'), join(folder, 'copy'), { recursive: true });
    for (const table of readdirSync(join(folder, 'copy')).filter((name) => !name.startsWith('_'))) {
      const metadata = join(folder, 'copy', table, 'metadata');
      for (const name of readdirSync(metadata).filter((file) => file.endsWith('.json'))) {
        const path = join(metadata, name);
        writeFileSync(path, readFileSync(path, 'utf8').replaceAll(`${folder}/original`, `${folder}/copy`));
      }
    }
    await expect(run(at('copy'))).rejects.toThrow(/points outside of it, to file:\/\/.*\/original\/.*\.(avro|parquet)/);
  });
});

test('a warehouse that was moved is not written to', async () => {
  renameSync(join(folder, 'original'), join(folder, 'moved'));
  await expect(run(at('moved'))).rejects.toThrow(OutsideWarehouse);
});

test('a warehouse known by a symbolic link is the same, whichever way its tables were made', async () => {
  symlinkSync(join(folder, 'original'), join(folder, 'link'));
  put('c');
  expect((await run(at('link'))).objects).toMatchObject({ committed: 1, skipped: 2 });
  expect((await expire(at('link'))).tables.opa_decisions).toBeDefined();
  await run(at('link'));
  expect(await rowsOf(at('original'), 'opa_decisions')).toHaveLength(3);
  expect(await verify(at('original'))).toMatchObject({ ok: true });
});

test('a table of somebody else in the same catalog is left alone by expire', async () => {
  const runtime = at('original');
  const foreign = (await runtime.catalog.loadTable('opa_decisions'))!;
  const elsewhere = { ...foreign.metadata, location: `file://${folder}/elsewhere/theirs` };
  await runtime.catalog.createTable('theirs', elsewhere);
  const report = await expire(runtime);
  expect(Object.keys(report.tables)).not.toContain('theirs');
  expect((await runtime.catalog.loadTable('theirs'))!.metadata.snapshots).toHaveLength(
    foreign.metadata.snapshots.length,
  );
});
