/**
 * OPA's own lines as a second witness: what its console says of a number turns an estimate into proof, for no other instance
 * and no other counter, however often and in whatever order it is read.
 */
import { describe, expect, test } from 'vitest';
import { compact } from '../../src/jobs/compact/compact.ts';
import { erase } from '../../src/jobs/erase/erase.ts';
import { missingNumbersText } from '../../src/jobs/producers/missing-numbers.ts';
import { producers } from '../../src/jobs/producers/producers.ts';
import { replay } from '../../src/jobs/replay/replay.ts';
import { verify } from '../../src/jobs/verify/verify.ts';
import { useOf } from '../../src/sources/opa/evidence.ts';
import { MemoryStore } from '../../src/store/memory.ts';
import { decisionOf, numbersFrom, secondOf, sentResponse } from '../support/opa-lines.ts';
import { decision, opaSourceConfig, putLines, rowsOf, run, testRuntime } from '../support/warehouse.ts';

type World = ReturnType<typeof testRuntime>;

const [at, sent, made, range] = [secondOf, sentResponse, decisionOf, numbersFrom];
const health = (number: number, time?: string): string =>
  sent(number, { method: 'GET', path: '/health', ...(time !== undefined && { time }) });
const start = (diagnostics: readonly string[] = []): string =>
  JSON.stringify({ addrs: [':8181'], 'diagnostic-addrs': diagnostics, level: 'info', msg: 'Initializing server.' });
const status = (instance: string): string =>
  JSON.stringify({ labels: { id: instance }, level: 'info', msg: 'Status Log', type: 'openpolicyagent.org/status' });
/** The decision of a request, and the line that it was answered. */
const decided = (number: number, instance = 'i'): string[] => [made(number, instance), sent(number)];

type Options = { ignore?: ('health' | 'metrics')[]; batch?: object };
async function world(objects: Readonly<Record<string, readonly string[]>>, { ignore, batch }: Options = {}) {
  const runtime = testRuntime({
    store: new MemoryStore(),
    sources: [{ ...opaSourceConfig, ...(ignore && { sequence: { tolerate: 0.01, ignore } }) }],
    batch: { objects: 1, ...batch },
  });
  for (const [name, lines] of Object.entries(objects)) await putLines(runtime.store, `${name}.jsonl`, ...lines);
  await run(runtime);
  return runtime;
}

const found = async (runtime: World) =>
  (await producers(runtime)).days.map((day) => ({
    grade: day.grade,
    instance: day.instance,
    proved: day.proved,
    absent: day.absent,
    estimated: day.estimated,
  }));
const kinds = async (runtime: World) => new Set((await rowsOf(runtime, 'sequences')).map(({ kind }) => kind));

describe('a request that was answered with a decision', () => {
  const lost = [4, 11, 12];
  const lines = range(1, 20).flatMap((number) => (lost.includes(number) ? [sent(number)] : decided(number)));

  test('that never came is missing, by its number and time', async () => {
    const runtime = await world({ a: lines });
    const [day] = (await producers(runtime)).days;
    expect(day).toMatchObject({
      grade: 'missing',
      absent: 3,
      estimated: 3,
      longestGap: 0,
      proved: [
        [4, 4],
        [11, 12],
      ],
    });
    expect(missingNumbersText(day!)).toBe('4 at 08:00:04, 11 to 12 at 08:00:11 to 08:00:12');
    expect(await verify(runtime, { producers: true })).toMatchObject({ ok: false, differencesTotal: 0 });
  });

  test('is missing also behind the last decision, and where nothing of a day came', async () => {
    const next = range(21, 24).map((number) => sent(number, { time: '2023-07-12T10:00:00Z' }));
    const runtime = await world({ a: [...lines, ...next, status('i')] }, {});
    expect(await found(runtime)).toMatchObject([
      { grade: 'missing', proved: [[21, 24]], absent: 4 },
      {
        grade: 'missing',
        proved: [
          [4, 4],
          [11, 12],
        ],
      },
    ]);
  });

  test('is not once it comes, in whatever object and batch; reading again, erasing and compacting change nothing', async () => {
    const runtime = await world({ a: lines });
    const before = await found(runtime);
    await run(runtime, { again: true });
    expect(await found(runtime)).toEqual(before);
    await erase(runtime, 'dr_evil');
    await replay(runtime);
    expect(await found(runtime)).toEqual(before);
    await putLines(runtime.store, 'late.jsonl', made(11));
    await run(runtime);
    expect(await found(runtime)).toMatchObject([
      {
        grade: 'missing',
        proved: [
          [4, 4],
          [12, 12],
        ],
        absent: 2,
      },
    ]);
    await compact(runtime);
    expect(missingNumbersText((await producers(runtime)).days[0]!)).toMatch(/^4 at 08:00:04, 12 at /);
    await putLines(runtime.store, 'later.jsonl', made(4), made(12));
    await run(runtime);
    expect(await found(runtime)).toMatchObject([{ grade: 'dense', proved: [], absent: 0 }]);
  });

  test('of an object that grows is known once', async () => {
    const runtime = await world({ a: lines.slice(0, 20) });
    await putLines(runtime.store, 'a.jsonl', ...lines);
    await run(runtime);
    expect(await found(runtime)).toMatchObject([
      {
        grade: 'missing',
        proved: [
          [4, 4],
          [11, 12],
        ],
        absent: 3,
      },
    ]);
  });

  test('needs no row where its decision came with it', async () => {
    const runtime = await world({ a: range(1, 50).flatMap((number) => decided(number)) });
    expect(await kinds(runtime)).toEqual(new Set(['decision']));
    expect(await found(runtime)).toMatchObject([{ grade: 'dense' }]);
  });
});

describe('a request that decides nothing', () => {
  const lines = range(1, 30).flatMap((number) => (number % 5 === 0 ? [health(number)] : decided(number)));

  test('is excused by name: what was steady is proved complete', async () => {
    expect(await found(await world({ a: lines }))).toEqual([
      { grade: 'dense', instance: 'i', proved: [], absent: 0, estimated: 0 },
    ]);
  });

  test('is told from the one that is missing beside it', async () => {
    const without = lines.filter((line) => !line.includes('"req_id":7,'));
    expect(await found(await world({ a: [...without, sent(7)] }))).toMatchObject([
      { grade: 'missing', proved: [[7, 7]], absent: 1 },
    ]);
    // Neither its decision nor its line: a gap like any other.
    expect(await found(await world({ a: without }))).toMatchObject([{ grade: 'missing', proved: [], absent: 1 }]);
  });

  test('excuses nothing where the configuration says that it has a port of its own', async () => {
    expect(await found(await world({ a: lines }, { ignore: [] }))).toMatchObject([{ grade: 'missing', absent: 5 }]);
    expect(await found(await world({ a: lines }, { ignore: ['metrics'] }))).toMatchObject([{ absent: 5, proved: [] }]);
  });

  test.each([
    ['GET', '/health', 500, 'health'],
    ['GET', '/health/live', 200, 'health'],
    ['GET', '/healthz', 404, undefined],
    ['GET', '/metrics', 200, 'metrics'],
    ['POST', '/v1/data', 200, 'answered'],
    ['GET', '/v1/data/a/b', 200, 'answered'],
    ['POST', '/v1/data/a', 400, 'other'],
    ['POST', '/v1/data/a', 401, 'other'],
    ['POST', '/v1/data/a', 500, undefined],
    ['PUT', '/v1/data/a', 204, 'other'],
    ['POST', '/v1/database', 200, undefined],
    ['POST', '/v0/data/a', 200, 'answered'],
    ['POST', '/v0/data/a', 404, undefined],
    ['POST', '/', 200, 'answered'],
    ['GET', '/', 200, undefined],
    ['GET', '/v1/query', 200, 'answered'],
    ['POST', '/v1/compile', 200, undefined],
    ['PUT', '/v1/policies/p', 200, 'other'],
    ['GET', '/v1/config', 200, 'other'],
    ['GET', '/v1/nothing', 404, 'other'],
    ['GET', '/nothing', 404, undefined],
  ])('%s %s answered %i is %s', (method, path, code, use) => {
    expect(useOf(method, path, code)).toBe(use);
  });
});

describe('a listener for diagnostics counts for itself', () => {
  // Requests 3 and 4 of the main port have left nothing; the other port has the same numbers.
  const main = [1, 2, 5, 6].flatMap((number) => decided(number));

  test('and says so when it starts', async () => {
    const lines = [start([':8282']), health(3, at(3)), health(4, at(4)), ...main];
    expect(await found(await world({ a: lines }))).toMatchObject([{ grade: 'missing', absent: 2 }]);
    const one = [start(), health(3, at(3)), health(4, at(4)), ...main];
    expect(await found(await world({ a: one }))).toMatchObject([{ grade: 'dense', absent: 0 }]);
  });

  test('or is known by a number that a decision has too', async () => {
    const lines = [...[1, 2, 3, 4].map((number) => health(number, at(number))), ...main];
    expect(await found(await world({ a: lines }))).toMatchObject([{ grade: 'missing', absent: 2 }]);
  });

  test('and where it is ahead, what it counts opens no gap', async () => {
    const lines = [
      ...range(500, 520).map((number) => health(number, at(3))),
      ...range(1, 6).flatMap((n) => decided(n)),
    ];
    expect(await found(await world({ a: lines }))).toMatchObject([{ grade: 'dense', absent: 0 }]);
  });
});

describe('lines are of the instance whose decisions were made meanwhile', () => {
  test('so a restart within an object is told by its first line', async () => {
    const second = (number: number): string[] => [
      decision({ id: `j-${number}`, instance: 'j', number, time: at(1000 + number) }),
      sent(number, { time: at(1000 + number) }),
    ];
    const lines = [
      start(),
      ...range(1, 8).flatMap((number) => decided(number)),
      sent(9),
      start(),
      ...range(1, 5).flatMap((number) => (number === 3 ? [sent(3, { time: at(1003) })] : second(number))),
    ];
    expect(await found(await world({ a: lines }))).toMatchObject([
      { instance: 'i', proved: [[9, 9]] },
      { instance: 'j', proved: [[3, 3]] },
    ]);
  });

  test('or of the one that a status record names, where decisions go another way', async () => {
    const runtime = await world({
      console: [start(), status('i'), ...range(1, 10).map((number) => sent(number))],
      upload: range(1, 7).map((number) => made(number)),
    });
    expect(await found(runtime)).toMatchObject([{ instance: 'i', grade: 'missing', proved: [[8, 10]], absent: 3 }]);
  });

  test('and are evidence of nothing where several were at work, or none is known', async () => {
    const mixed = range(1, 5).flatMap((number) => [...decided(number), made(number, 'j'), health(100 + number, at(3))]);
    const runtime = await world({ a: [...mixed, sent(6), sent(7)], b: [sent(1), sent(2)] });
    expect(await kinds(runtime)).toEqual(new Set(['decision']));
    expect(await found(runtime)).toMatchObject([{ grade: 'dense' }, { grade: 'dense' }]);
  });

  test('nor where a number was answered twice: another process, which logs no decisions, writes into the same log', async () => {
    const other = range(3, 9).map((number) => sent(number, { time: at(4) }));
    const runtime = await world({ a: [...range(1, 5).flatMap((number) => decided(number)), ...other] });
    expect(await kinds(runtime)).toEqual(new Set(['decision']));
  });
});

describe('anyone who can write lines', () => {
  const plain = range(1, 5).flatMap((number) => decided(number));

  test('with members of any kind is not heard, and nothing fails', async () => {
    const odd = [0, -1, 1.5, 2 ** 53, 1e300, '6', null, [6], {}].map((id) =>
      JSON.stringify({ ...JSON.parse(sent(6)), req_id: id }),
    );
    const others = ['time', 'req_path', 'req_method', 'resp_status'].flatMap((name) =>
      [null, 7, 'x', {}, ['a'], '9999-99-99T00:00:00Z'].map((value) =>
        JSON.stringify({ ...JSON.parse(sent(6)), [name]: value }),
      ),
    );
    const runtime = await world({
      a: [...plain, ...odd, ...others.filter((line) => !line.includes('"req_path":"x"') || true)],
    });
    const [day] = await found(runtime);
    expect(day).toMatchObject({ instance: 'i' });
    expect((await verify(runtime)).differences).toEqual([]);
  });

  test('can have so many numbers and instances that a batch keeps nothing of them, but its decisions', async () => {
    const scattered = Array.from({ length: 30_000 }, (_, i) => sent(i * 2 + 10, { time: at(4) }));
    const starts = Array.from({ length: 300 }, () => [start(), sent(9, { time: at(2) })]).flat();
    const runtime = await world({ a: [...plain, ...scattered, ...starts] });
    const rows = await rowsOf(runtime, 'sequences');
    expect(rows.length).toBeLessThan(1000);
    expect(rows.filter(({ kind }) => kind === 'decision')).toHaveLength(1);
  });
});

test('an object that cannot be read to its end says nothing', async () => {
  const runtime = await world({ a: range(1, 4).flatMap((number) => decided(number)) });
  const { gzipSync } = await import('node:zlib');
  const cut = gzipSync([status('i'), ...range(5, 9).map((number) => sent(number))].join('\n')).subarray(0, -9);
  await runtime.store.put('memory://test/logs/b.jsonl.gz', cut);
  await run(runtime);
  expect(await kinds(runtime)).toEqual(new Set(['decision']));
});
