/** What is foreseen is what is in the metadata, and what pruning leaves is what an engine is given. */
import { expect, test } from 'vitest';
import { type LiveFile, liveFiles } from '../../src/iceberg/scan.ts';
import { estimate } from '../../src/queries/estimate.ts';
import { ask } from '../../src/queries/questions.ts';
import { putDecisions, run, testRuntime } from '../support/warehouse.ts';

test('files and bytes are those of the tables, and of the days that a question asks for', async () => {
  const runtime = testRuntime();
  await putDecisions(runtime.store, 4, 20);
  await run(runtime);
  const { metadata } = (await runtime.catalog.loadTable('opa_decisions'))!;
  const files: LiveFile[] = [];
  for await (const file of liveFiles(runtime.store, metadata)) files.push(file);
  const bytes = (some: typeof files): number => some.reduce((sum, { fileSize }) => sum + fileSize, 0);
  const ofDay = files.filter(({ ymd }) => ymd === '2023-07-11');
  expect([files.length > ofDay.length, ofDay.length > 0]).toEqual([true, true]);

  const day = new Map([
    ['from', '2023-07-11T00:00:00Z'],
    ['to', '2023-07-11T23:59:59Z'],
  ]);
  expect(await estimate(runtime, ask('decisions', day))).toEqual({
    held: { files: files.length, bytes: bytes(files) },
    opened: { files: ofDay.length, bytes: bytes(ofDay) },
  });
  const none = new Map([...day, ['subject', 'zzz'] as const]);
  expect((await estimate(runtime, ask('decisions', none))).opened).toEqual({ files: 0, bytes: 0 });
});

test('SQL holds what it can mean, through views too, and nothing else', async () => {
  const runtime = testRuntime();
  await putDecisions(runtime.store, 3, 20);
  await run(runtime);
  const heldBy = async (sql: string) => (await estimate(runtime, { sql })).held.files;
  const decisions = await heldBy('select 1 from opa_decisions');
  expect(decisions).toBeGreaterThan(0);
  expect(await heldBy('select count(*) from audit_events')).toBe(decisions);
  expect(await heldBy('select 1 from opa_decisions, quarantine')).toBeGreaterThan(decisions);
  expect(await heldBy("select 'opa_decisions'")).toBe(0);
});
