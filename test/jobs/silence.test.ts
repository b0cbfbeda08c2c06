import { describe, expect, test } from 'vitest';
import { selectSources } from '../../src/ingest/select-sources.ts';
import { checkExpected, checkSample } from '../../src/jobs/doctor/arrivals.ts';
import type { SourceConfig } from '../../src/sources/config.ts';
import { MemoryStore } from '../../src/store/memory.ts';
import { decision, opaSourceConfig, putLines, run, testRuntime } from '../support/warehouse.ts';

const now = Date.UTC(2026, 0, 1, 12);
const storeAt = (time: number) => new MemoryStore({}, () => time);
const ownLine = JSON.stringify({ level: 'info', msg: 'Received request.', req_id: 1, req_path: '/v1/data' });

const warningOf = async (store: MemoryStore, sources: readonly SourceConfig[] = [opaSourceConfig]) =>
  (await run(testRuntime({ store, sources }))).warnings.map(({ code, message }) => ({ code, message }));

describe('a run in which records were read and none became a row says why', () => {
  const cases: readonly [what: string, lines: readonly string[], says: RegExp][] = [
    [
      'a source of another type',
      ['{"request_time":"2020-10-30 10:05:01.4","request_id":"a:b","user":"u"}'],
      /okera-audit/,
    ],
    ['only other programs', ['{"log":"GET / 200\\n"}', '{"log":"GET /x 404\\n"}'], /other programs/],
    ['OPA without its decision log', [ownLine, ownLine], /decision_logs\.console=true/],
    ['the text format', ['time="2026-01-01T00:00:00Z" level=info msg="Decision Log" decision_id=1'], /log-format=json/],
    ['records of nobody', ['{"a":1}', '{"a":2}'], /missing_field/],
    [
      'records that are renamed inside of a known member',
      ['{"message":{"opa.decision_id":"1","opa.path":"x"}}'],
      /`message\.opa\.decision_id` holds what looks like a record: this looks like Vector/,
    ],
  ];
  test.each(cases)('%s', async (_, lines, says) => {
    const store = new MemoryStore();
    await putLines(store, 'a.jsonl', ...lines);
    const warnings = await warningOf(store);
    expect(warnings.map(({ code }) => code)).toEqual(['no-rows']);
    expect(warnings[0]?.message).toMatch(says);
  });

  test('and one whose rows are there already says nothing', async () => {
    const store = new MemoryStore();
    await putLines(store, 'a.jsonl', decision());
    await run(testRuntime({ store }));
    await putLines(store, 'a.jsonl', decision(), '');
    expect(await warningOf(store)).toEqual([]);
  });
});

test('columns that are null in every row are named, with what the records have instead', async () => {
  const store = new MemoryStore();
  const record = { ...JSON.parse(decision()), input: { user: 'alice', method: 'GET' }, result: true };
  await putLines(store, 'a.jsonl', JSON.stringify(record), JSON.stringify({ ...record, decision_id: 'd-2' }));
  const [warning] = await warningOf(store);
  expect(warning?.code).toBe('columns-null');
  expect(warning?.message).toMatch(
    /subject, action, resource.* null in every one of 2 rows; .*input\.user, input\.method/,
  );
  expect(warning?.message).not.toContain('allowed,');
});

describe('a source that expects something', () => {
  const expecting: SourceConfig = { ...opaSourceConfig, expectSeconds: 3600 };
  const worldAt = (store: MemoryStore, time: number) => testRuntime({ store, sources: [expecting], clock: () => time });
  const hours = (count: number): string => new Date(now - count * 3_600_000).toISOString();

  test('is told of where nothing is as new', async () => {
    const store = storeAt(now);
    await putLines(store, 'a.jsonl', decision({ time: hours(2) }));
    const { warnings } = await run(worldAt(store, now));
    expect(warnings.find(({ code }) => code === 'source-stale')?.message).toMatch(/no event of the last 1 h/);
  });

  test('is told of where there is no object at all', async () => {
    const { warnings } = await run(worldAt(storeAt(now), now));
    expect(warnings.map(({ code }) => code)).toEqual(['source-empty', 'source-stale']);
  });

  test('is content with an event as new, and no more when that has become old', async () => {
    const store = storeAt(now);
    await putLines(store, 'a.jsonl', decision({ time: hours(0.5) }), decision({ id: 'old', time: hours(30) }));
    const stale = ({ code }: { code: string }) => code === 'source-stale';
    expect((await run(worldAt(store, now))).warnings.some(stale)).toBe(false);
    expect((await run(worldAt(store, now + 3_600_000))).warnings.some(stale)).toBe(true);
  });

  test('is not fooled by a time in the future', async () => {
    const store = storeAt(now - 7_200_000);
    await putLines(store, 'a.jsonl', decision({ time: '9998-01-01T00:00:00Z' }));
    const { warnings } = await run(worldAt(store, now));
    expect(warnings.some(({ code }) => code === 'source-stale')).toBe(true);
  });

  test('is not asked about by a run for a part of it, or for the past', async () => {
    const store = storeAt(now);
    await putLines(store, 'a.jsonl', decision({ time: hours(2) }));
    for (const options of [{ prefix: 'a' }, { to: '2025-12-30' }]) {
      const { warnings } = await run(worldAt(store, now), options);
      expect(warnings.some(({ code }) => code === 'source-stale')).toBe(false);
    }
  });

  test('fails the doctor until something new is there', async () => {
    const store = storeAt(now);
    const runtime = worldAt(store, now);
    const [source] = selectSources(runtime, undefined);
    expect(await checkExpected(runtime, source!)).toMatchObject({ status: 'failed' });
    await putLines(store, 'a.jsonl', decision({ time: hours(0.5) }));
    await run(runtime);
    expect(await checkExpected(runtime, source!)).toMatchObject({
      status: 'ok',
      found: 'the newest event is 30 min old',
    });
  });
});

describe('the doctor looks at an object of each source', () => {
  const checkOf = async (...lines: string[]) => {
    const store = new MemoryStore();
    await putLines(store, 'a.jsonl', ...lines);
    const runtime = testRuntime({ store });
    return checkSample(runtime, selectSources(runtime, undefined)[0]!);
  };

  test('and says how many of its records would become rows', async () => {
    const finding = await checkOf(decision(), ownLine, '{"broken');
    expect(finding).toMatchObject({ status: 'ok' });
    expect(finding.found).toMatch(/^1 of 3 records of .*a\.jsonl would become rows/);
  });

  test('and warns where none would, with the reason', async () => {
    expect(await checkOf(ownLine)).toMatchObject({
      status: 'warning',
      advice: expect.stringContaining('decision_logs.console=true'),
    });
  });
});
