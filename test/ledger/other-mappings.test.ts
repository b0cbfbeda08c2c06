/** After a change of `shape` or `fields` everything that looks at the warehouse says which rows still have the values of before. */
import { expect, test } from 'vitest';
import { renderBackfill } from '../../src/commands/shared/render-backfill.ts';
import { createLedger } from '../../src/ingest/claimed-batch.ts';
import { findOtherMappings } from '../../src/ingest/other-mappings.ts';
import { selectSources } from '../../src/ingest/select-sources.ts';
import { checkMappings } from '../../src/jobs/doctor/mappings.ts';
import { erase } from '../../src/jobs/erase/erase.ts';
import { verify } from '../../src/jobs/verify/verify.ts';
import type { SourceConfig } from '../../src/sources/config.ts';
import { mappingOf } from '../../src/sources/opa/shapes.ts';
import { MemoryStore } from '../../src/store/memory.ts';
import { decision, input, rowsOf, run, testRuntime } from '../support/warehouse.ts';

const mesh: SourceConfig = { name: 'mesh', type: 'opa', location: `${input}/mesh/`, columns: {} };
const web: SourceConfig = {
  name: 'web-with-a-name-longer-than-bounds',
  type: 'opa',
  location: `${input}/web/`,
  columns: {},
};
const okera: SourceConfig = { name: 'okera', type: 'okera-audit', location: `${input}/okera/`, columns: {} };
const envoy = mappingOf(['envoy']);
const byHeader = mappingOf(['envoy'], { subject: ['input.user'] });

async function world() {
  const store = new MemoryStore();
  await store.put(`${mesh.location}a.jsonl`, Buffer.from([decision({ id: 'a' }), decision({ id: 'b' })].join('\n')));
  await store.put(`${mesh.location}b.jsonl`, Buffer.from('not a record'));
  await store.put(`${web.location}c.jsonl`, Buffer.from(decision({ id: 'c' })));
  await store.put(`${okera.location}ymd=2020-10-30/planner-1-0-u_audit.log`, Buffer.from(audit));
  return store;
}
const audit = '{"request_id":"a:b","request_time":"2020-10-30 10:05:01.437238000"}';

test('nothing is said while shape and fields stay as they are, and no row of the ledger is read for it', async () => {
  const store = await world();
  const sources = [{ ...mesh, mapping: envoy }, web, okera];
  expect((await run(testRuntime({ store, sources }))).otherMappings).toEqual([]);
  expect((await run(testRuntime({ store, sources }))).otherMappings).toEqual([]);

  const read: string[] = [];
  const seen = store.view({ before: ({ operation, uri }) => void (operation === 'get' && read.push(uri)) });
  const runtime = testRuntime({ store: seen, sources });
  expect(await findOtherMappings(createLedger(runtime), selectSources(runtime, undefined))).toEqual([]);
  expect(read.some((uri) => uri.endsWith('.avro'))).toBe(true);
  expect(read.filter((uri) => uri.endsWith('.parquet'))).toEqual([]);
});

test('a change is told with the source, its rows and what to do, by every run, doctor and verify, and dry runs', async () => {
  const store = await world();
  await run(testRuntime({ store, sources: [{ ...mesh, mapping: envoy }, web, okera] }));
  const runtime = testRuntime({ store, sources: [{ ...mesh, mapping: byHeader }, web, okera] });
  const other = [{ source: 'mesh', objects: 1, rows: 2 }];
  const report = await run(runtime);
  expect(report.otherMappings).toEqual(other);
  expect(renderBackfill(report)).toContain('2 rows of source mesh were written with another shape or other fields');
  expect(renderBackfill(report)).toContain('audit-warehouse backfill --again --source mesh');
  expect((await run(runtime, { dryRun: true })).otherMappings).toEqual(other);
  expect((await run(runtime, { sources: [web.name] })).otherMappings).toEqual([]);
  expect(await checkMappings(runtime)).toMatchObject({
    status: 'warning',
    found: expect.stringContaining('2 rows of source mesh'),
    advice: expect.stringContaining('backfill --again --source mesh'),
  });
  // What is said of a subject may stand in rows whose column does not have it.
  expect(await erase(runtime, 'nobody', { dryRun: true })).toMatchObject({ tables: {}, otherMappings: other });
  const verified = await verify(runtime, { deep: true });
  expect(verified).toMatchObject({ ok: true, otherMappings: other });

  const back = testRuntime({ store, sources: [{ ...mesh, mapping: envoy }, web, okera] });
  expect(await checkMappings(back)).toMatchObject({ status: 'ok' });
});

test('rows that are written after a change are not among them', async () => {
  const store = await world();
  await run(testRuntime({ store, sources: [mesh, web] }));
  await store.put(`${mesh.location}d.jsonl`, Buffer.from(decision({ id: 'd' })));
  const runtime = testRuntime({ store, sources: [{ ...mesh, mapping: byHeader }, web] });
  expect((await run(runtime)).otherMappings).toEqual([{ source: 'mesh', objects: 1, rows: 2 }]);
  const mappings = (await rowsOf(runtime, 'ingested_objects')).map((row) => [String(row.uri).slice(-7), row.mapping]);
  const of = (name: string) => mappings.find(([uri]) => uri === name)![1];
  expect(of('a.jsonl')).toBe(of('c.jsonl'));
  expect(of('d.jsonl')).not.toBe(of('a.jsonl'));
});

test('an object that has grown since the change has rows of both, and verify takes neither for forged', async () => {
  const store = await world();
  await run(testRuntime({ store, sources: [mesh] }));
  const grown = [decision({ id: 'a' }), decision({ id: 'b' }), decision({ id: 'e' })].join('\n');
  await store.put(`${mesh.location}a.jsonl`, Buffer.from(grown));
  const runtime = testRuntime({ store, sources: [{ ...mesh, mapping: byHeader }] });
  const report = await run(runtime);
  expect(report.records).toMatchObject({ rows: 1, duplicates: 2 });
  expect(report.otherMappings).toEqual([{ source: 'mesh', objects: 1, rows: 2 }]);
  expect(await verify(runtime, { deep: true })).toMatchObject({ ok: true });
});
