import { expect, test } from 'vitest';
import { FileCatalog } from '../../src/catalog/file/catalog.ts';
import type { LoadedTable } from '../../src/iceberg/catalog.ts';
import { compact } from '../../src/jobs/compact/compact.ts';
import { repair } from '../../src/jobs/verify/repair.ts';
import { verify } from '../../src/jobs/verify/verify.ts';
import { MemoryStore } from '../../src/store/memory.ts';
import { putDecisions, rowsOf, run, testRuntime, warehouse } from '../support/warehouse.ts';

/** Where another engine has dropped the table and left its files, as it can from Glue. */
class LosingCatalog extends FileCatalog {
  lost = true;
  override async loadTable(name: string): Promise<LoadedTable | undefined> {
    return this.lost && name === 'opa_decisions' ? undefined : super.loadTable(name);
  }
  override async createTable(name: string): Promise<LoadedTable> {
    this.lost = false;
    return (await super.loadTable(name))!;
  }
}

test('a compacted table that the catalog has lost is back with its rows, each once', async () => {
  const store = new MemoryStore();
  const runtime = testRuntime({ store, batch: { objects: 1 }, compact: { smallFiles: 2 } });
  await putDecisions(store, 3, 4);
  await run(runtime);
  expect((await compact(runtime)).days.length).toBeGreaterThan(0);
  const catalog = new LosingCatalog(store, warehouse);
  const lost = { ...runtime, catalog };
  const { differences } = await verify(lost);
  expect(new Set(differences.map(({ kind }) => kind))).toEqual(new Set(['rows-missing', 'table-unregistered']));
  await repair(lost, differences, undefined);
  expect(await rowsOf(lost, 'opa_decisions')).toHaveLength(12);
  expect((await verify(lost)).differences).toEqual([]);
});
