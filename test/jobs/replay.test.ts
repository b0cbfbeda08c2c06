/** A quarantined record that is accepted now becomes exactly one row and leaves the quarantine, whatever happens on the way. */
import { beforeEach, describe, expect, test } from 'vitest';
import type { Config } from '../../src/config/config.ts';
import type { Runtime } from '../../src/ingest/runtime.ts';
import { describeQuarantine } from '../../src/jobs/quarantine/explain.ts';
import { replay } from '../../src/jobs/replay/replay.ts';
import { verify } from '../../src/jobs/verify/verify.ts';
import { MemoryStore } from '../../src/store/memory.ts';
import { deaths } from '../support/mortal.ts';
import {
  decision,
  input,
  objectUri,
  opaSourceConfig,
  owner,
  rowsOf,
  run,
  sortedRows,
  testRuntime,
} from '../support/warehouse.ts';

let store: MemoryStore;
let limits: Partial<Config['limits']>;
beforeEach(() => {
  store = new MemoryStore();
  limits = { recordBytes: 1024 };
});

const now = Date.UTC(2026, 0, 1);
const world = (on = store): Runtime =>
  testRuntime({
    store: on,
    limits,
    owner: owner('test'),
    clock: () => now,
    batch: { objects: 1 },
    sources: [{ ...opaSourceConfig, columns: { tenant: { path: 'input.tenant', type: 'string', strict: strict } } }],
  });
let strict = true;

const large = (id: string, bytes: number): string =>
  JSON.stringify({ ...JSON.parse(decision({ id })), query: 'q'.repeat(bytes) });
const tenant = (id: string, value: unknown): string => {
  const record = JSON.parse(decision({ id }));
  return JSON.stringify({ ...record, input: { ...record.input, tenant: value } });
};

/** Two good records, one too large (whole in quarantine), one far too large (cut there), one strict, two broken. */
async function ingest(): Promise<void> {
  strict = true;
  await store.put(
    objectUri('a'),
    Buffer.from([decision({ id: 'a' }), large('large', 2000), '{"broken":', tenant('t', 7)].join('\n')),
  );
  await store.put(objectUri('b'), Buffer.from([large('huge', 200_000), decision({ id: 'b' }), 'x'].join('\n')));
  await run(world());
}

const ids = async (): Promise<unknown[]> =>
  (await rowsOf(world(), 'opa_decisions')).map((row) => row.decision_id).sort();
const reasons = async (): Promise<unknown[]> => (await rowsOf(world(), 'quarantine')).map((row) => row.reason).sort();

describe('replay', () => {
  beforeEach(ingest);

  test('finds nothing to do where nothing has changed', async () => {
    const puts: string[] = [];
    const watched = store.view({ before: (call) => void (call.operation === 'put' && puts.push(call.uri)) });
    const report = await replay(world(watched));
    expect(report).toMatchObject({ examined: 5, replayed: 0, unchanged: 5, changed: 0 });
    expect(puts).toEqual([]);
  });

  test('makes rows of what a larger limit and a looser column accept, also of records that were cut', async () => {
    limits = { recordBytes: 1 << 20 };
    strict = false;
    const dry = await replay(world(), { dryRun: true });
    expect(dry).toMatchObject({ examined: 5, replayed: 3, unchanged: 2, tables: { opa_decisions: 3 } });
    expect(await ids()).toEqual(['a', 'b']);

    const report = await replay(world());
    expect(report).toMatchObject({ replayed: 3, unchanged: 2, reasons: { malformed_json: 2 } });
    expect(await ids()).toEqual(['a', 'b', 'huge', 'large', 't']);
    expect(await reasons()).toEqual(['malformed_json', 'malformed_json']);
    const huge = (await rowsOf(world(), 'opa_decisions')).find((row) => row.decision_id === 'huge');
    expect(huge?.input).toBe('{"subject":"dr_evil"}');
    expect(String(huge?.query)).toHaveLength(200_000);
    // The account holds: what the sources gave is in the tables, record by record.
    expect((await verify(world(), { deep: true })).differences).toEqual([]);
    expect(await replay(world())).toMatchObject({ examined: 2, replayed: 0, unchanged: 2 });
  });

  test('gives what ingesting with the new configuration would have given', async () => {
    limits = { recordBytes: 1 << 20 };
    strict = false;
    await replay(world());
    const replayed = await sortedRows(world(), 'opa_decisions', ['query']);
    const fresh = new MemoryStore();
    for await (const { uri: each } of store.list(input)) {
      const chunks: Uint8Array[] = [];
      for await (const chunk of (await store.get(each)).chunks) chunks.push(chunk);
      await fresh.put(each, chunks);
    }
    store = fresh;
    await run(world());
    expect(await sortedRows(world(), 'opa_decisions', ['query'])).toEqual(replayed);
  });

  test('takes only the reasons that were asked for', async () => {
    limits = { recordBytes: 1 << 20 };
    strict = false;
    const report = await replay(world(), { reasons: ['strict_column'] });
    expect(report).toMatchObject({ examined: 1, replayed: 1 });
    expect(await ids()).toEqual(['a', 'b', 't']);
  });

  test('notes the newer reason of a record that stays', async () => {
    limits = { recordBytes: 100_000 };
    await store.put(objectUri('c'), Buffer.from(`{"decision_id":"${'x'.repeat(5000)}"`));
    limits = { recordBytes: 1024 };
    await run(world());
    limits = { recordBytes: 100_000 };
    const report = await replay(world(), { reasons: ['record_too_large'] });
    expect(report).toMatchObject({ examined: 3, replayed: 1, changed: 2 });
    expect(await reasons()).toEqual([
      'malformed_json',
      'malformed_json',
      'malformed_json',
      'record_too_large',
      'strict_column',
    ]);
    expect((await verify(world())).differences).toEqual([]);
  });

  test('leaves pieces of a record that is not there as a whole, whatever they look like by themselves', async () => {
    const whole = JSON.stringify({
      ...JSON.parse(decision({ id: 'split' })),
      query: `${'q'.repeat(40)} listening on :8181`,
    });
    const line = (log: string) => JSON.stringify({ log, stream: 'stderr', time: 't' });
    // The first piece stands in an object that is gone; the second by itself is a line of any program.
    const [from, to] = [whole.indexOf('qqq') + 10, whole.indexOf('qqq') + 30];
    const pieces = [
      whole.slice(20, from),
      whole.slice(from, to),
      `${whole.slice(to)}\n`,
      `${decision({ id: 'whole' })}\n`,
    ];
    await store.put(objectUri('docker'), Buffer.from(pieces.map(line).join('\n')));
    await run(world());
    const before = await sortedRows(world(), 'quarantine');
    expect(before.filter((row) => row.includes('incomplete_record'))).toHaveLength(3);
    const report = await replay(world());
    expect(report).toMatchObject({ examined: 8, replayed: 0 });
    expect(report.skipped).toBeGreaterThan(0);
    expect(await sortedRows(world(), 'quarantine')).toEqual(before);
    expect(await ids()).toEqual(['a', 'b', 'whole']);
    expect((await verify(world(), { deep: true })).differences).toEqual([]);
  });

  test('of a list with a line of another program in it, keeps that line where it is, and makes rows of the rest', async () => {
    const events = [
      decision({ id: 'e1' }),
      JSON.stringify({ level: 'info', msg: 'Received request.' }),
      tenant('e2', 7),
    ];
    const list = JSON.stringify({ logEvents: events.map((message, id) => ({ id, message })), pad: 'x'.repeat(1024) });
    await store.put(objectUri('list'), Buffer.from(list));
    await run(world());
    const quarantined = async () =>
      (await rowsOf(world(), 'quarantine')).filter((row) => row.source_uri === objectUri('list'));
    expect((await quarantined()).map((row) => row.reason)).toEqual(['record_too_large']);
    limits = { recordBytes: 1 << 20 };
    await replay(world(), { reasons: ['record_too_large'] });
    expect(await ids()).toEqual(['a', 'b', 'e1', 'huge', 'large']);
    expect((await quarantined()).map((row) => [row.reason, String(row.payload).includes('Received')]).sort()).toEqual([
      ['record_too_large', true],
      ['strict_column', false],
    ]);
    expect((await verify(world(), { deep: true })).differences).toEqual([]);
    const before = await sortedRows(world(), 'quarantine');
    expect(await replay(world())).toMatchObject({ replayed: 0, skipped: 1 });
    expect(await sortedRows(world(), 'quarantine')).toEqual(before);
  });

  test('leaves what stands beside records in lists, and doubles none of them', async () => {
    limits = { recordBytes: 1 << 20 };
    const values = [decision({ id: 'l1' }), decision({ id: 'cut' }).slice(0, -20), decision({ id: 'l2' })];
    const lines = [
      JSON.stringify([['tag.opa', 1700000000, { message: decision({ id: 'l3' }) }]]),
      JSON.stringify({ streams: [{ values: values.map((line, i) => [String(i), line]) }] }),
      JSON.stringify({ of: [decision({ id: 'cut' }).slice(0, -20)] }),
    ];
    await store.put(objectUri('lists'), Buffer.from(lines.join('\n')));
    await run(world());
    const before = await sortedRows(world(), 'quarantine');
    expect(before.filter((row) => row.includes('lists.jsonl'))).toHaveLength(3);
    await replay(world(), { reasons: ['not_an_object', 'incomplete_record'] });
    expect(await ids()).toEqual(['a', 'b', 'l1', 'l2', 'l3']);
    expect(await sortedRows(world(), 'quarantine')).toEqual(before);
    expect((await verify(world(), { deep: true })).differences).toEqual([]);
  });

  test('keeps what looks like a line of another program now, and the account with it', async () => {
    strict = true;
    const line = JSON.stringify({ level: 'info', msg: 'Received request.' });
    // Too large then; by today's limit a line of OPA's own log.
    await store.put(
      objectUri('log'),
      Buffer.from(`${line.slice(0, -1)},"more":"${'x'.repeat(2000)}"}\n${tenant('t2', 7)}`),
    );
    await run(world());
    limits = { recordBytes: 1 << 20 };
    strict = false;
    const report = await replay(world());
    expect(report).toMatchObject({ skipped: 1, reasons: { record_too_large: 1, malformed_json: 2 } });
    expect(await ids()).toEqual(['a', 'b', 'huge', 'large', 't', 't2']);
    const kept = (await rowsOf(world(), 'quarantine')).filter((row) => row.source_uri === objectUri('log'));
    expect(kept.map((row) => row.reason)).toEqual(['record_too_large']);
    expect((await verify(world(), { deep: true })).differences).toEqual([]);
  });

  test('leaves a record that was cut where its object is gone', async () => {
    await store.delete(objectUri('b'));
    limits = { recordBytes: 1 << 20 };
    expect(await replay(world())).toMatchObject({ replayed: 1, unreadable: 1 });
    expect(await reasons()).toContain('record_too_large');
  });

  test.each([
    ['another record', large('evil', 200_000)],
    ['a longer one', large('huge', 200_001)],
  ])('leaves a record that was cut where %s stands in its place by now', async (_, other) => {
    await store.put(objectUri('b'), Buffer.from([other, decision({ id: 'b' }), 'x'].join('\n')));
    limits = { recordBytes: 1 << 20 };
    expect(await replay(world())).toMatchObject({ replayed: 1, unreadable: 1 });
    expect(await reasons()).toContain('record_too_large');
    expect(await ids()).toEqual(['a', 'b', 'large']);
  });

  test('killed at any of its calls doubles and loses nothing', async () => {
    limits = { recordBytes: 1024 };
    await ingest();
    const before = store;
    limits = { recordBytes: 1 << 20 };
    strict = false;
    const view = before.copy().view();
    await replay(world(view));
    expect(view.calls).toBeGreaterThan(30);
    for await (const death of deaths(before, view.calls, (on) => replay(world(on)), { mayEnd: true })) {
      ({ store } = death);
      await replay(world());
      expect(await ids(), death.at).toEqual(['a', 'b', 'huge', 'large', 't']);
      expect(await reasons(), death.at).toEqual(['malformed_json', 'malformed_json']);
      expect((await verify(world())).differences, death.at).toEqual([]);
    }
  });
});

describe('the list of the quarantine', () => {
  test('counts and explains, and shows nothing of the records unless it is asked to', async () => {
    await ingest();
    const options = { samples: 1, reveal: false };
    const report = await describeQuarantine(world(), options);
    expect(report.records).toBe(5);
    expect(report.reasons.map(({ reason, records, objects }) => [reason, records, objects])).toEqual(
      expect.arrayContaining([
        ['malformed_json', 2, 2],
        ['record_too_large', 2, 2],
        ['strict_column', 1, 1],
      ]),
    );
    const strictReason = report.reasons.find(({ reason }) => reason === 'strict_column')!;
    expect(strictReason.pointers).toEqual({ '/input/tenant': 1 });
    expect(strictReason.samples).toEqual([
      { uri: objectUri('a'), offset: expect.any(Number), pointer: '/input/tenant', bytes: expect.any(Number) },
    ]);
    expect(JSON.stringify(report)).not.toContain('dr_evil');
    const revealed = await describeQuarantine(world(), { ...options, reveal: true, reasons: ['strict_column'] });
    expect(revealed.reasons[0]!.samples[0]!.payload).toContain('dr_evil');
  });
});
