import { expect, test } from 'vitest';
import { compact } from '../../src/jobs/compact/compact.ts';
import { producers } from '../../src/jobs/producers/producers.ts';
import { verify } from '../../src/jobs/verify/verify.ts';
import { MemoryStore } from '../../src/store/memory.ts';
import { decision, input, opaSourceConfig, run, testRuntime } from '../support/warehouse.ts';

type World = ReturnType<typeof testRuntime>;
let ids = 0;

/** An object with decisions of these numbers, a second apart. */
async function put(runtime: World, name: string, day: string, instance: string, numbers: readonly number[]) {
  const lines = numbers.map((number) => {
    const time = new Date(Date.parse(`${day}T08:00:00Z`) + number * 1000).toISOString();
    return decision({ id: `d${++ids}`, time, instance, ...(number > 0 && { number }) });
  });
  await runtime.store.put(`${input}/${name}.jsonl`, Buffer.from(lines.join('\n')));
}

const range = (from: number, to: number, step = 1): number[] =>
  Array.from({ length: Math.floor((to - from) / step) + 1 }, (_, i) => from + i * step);

async function world(sequence?: { tolerate: number; ignore: ('health' | 'metrics')[] }): Promise<World> {
  const runtime = testRuntime({
    store: new MemoryStore(),
    sources: [{ ...opaSourceConfig, ...(sequence && { sequence }) }],
    batch: { objects: 1 },
  });
  await put(runtime, 'whole-1', '2023-07-11', 'whole', range(1, 300));
  await put(runtime, 'whole-2', '2023-07-12', 'whole', range(301, 400));
  await put(runtime, 'lossy-1', '2023-07-11', 'lossy', range(1, 100));
  // An object with 101 to 150 never came.
  await put(runtime, 'lossy-3', '2023-07-11', 'lossy', range(151, 200));
  await put(runtime, 'envoy', '2023-07-12', 'envoy', [0, -1]);
  return runtime;
}

test('says of each instance and day what is proved, what is missing, and what cannot be known', async () => {
  const runtime = await world();
  await run(runtime);
  const { days, totals, beyondTolerance } = await producers(runtime);
  expect(
    days.map(({ ymd, instance, grade, first, last, arrived, absent, estimated, isSeenAgain }) => [
      ymd,
      instance,
      grade,
      first,
      last,
      arrived,
      absent,
      estimated,
      isSeenAgain,
    ]),
  ).toEqual([
    ['2023-07-11', 'lossy', 'missing', 1, 200, 150, 50, 50, false],
    ['2023-07-12', 'envoy', 'uncounted', null, null, 0, 0, 0, false],
    ['2023-07-11', 'whole', 'dense', 1, 300, 300, 0, 0, true],
    ['2023-07-12', 'whole', 'dense', 301, 400, 100, 0, 0, false],
  ]);
  expect(totals).toEqual({
    instances: 3,
    days: { missing: 1, uncounted: 1, steady: 0, dense: 2 },
    arrived: 550,
    proved: 0,
    absent: 50,
    estimated: 50,
  });
  expect(beyondTolerance).toBe(1);
  // The same after compaction, and nothing once the late object is there.
  await compact(runtime);
  expect((await producers(runtime)).days).toEqual(days);
  await put(runtime, 'lossy-2', '2023-07-11', 'lossy', range(101, 150));
  await run(runtime);
  expect(await producers(runtime)).toMatchObject({ beyondTolerance: 0, totals: { days: { missing: 0, dense: 3 } } });
});

test('looks at days, sources and grades that are asked for, and judges them by all days', async () => {
  const runtime = await world();
  await run(runtime);
  const second = await producers(runtime, { from: '2023-07-12', grades: ['dense'] });
  expect(second.days.map(({ instance, grade, first }) => [instance, grade, first])).toEqual([['whole', 'dense', 301]]);
  expect(second.totals).toMatchObject({ instances: 2, days: { dense: 1, uncounted: 1 } });
  expect((await producers(runtime, { sources: ['other'] })).totals.instances).toBe(0);
});

test('verify --producers fails above what the source tolerates, and not below it', async () => {
  const strict = await world();
  await run(strict);
  expect((await verify(strict)).ok).toBe(true);
  expect(await verify(strict, { producers: true })).toMatchObject({ ok: false, differencesTotal: 0 });
  const lenient = await world({ tolerate: 0.3, ignore: ['health'] });
  await run(lenient);
  expect(await verify(lenient, { producers: true })).toMatchObject({
    ok: true,
    producers: { days: [{ grade: 'missing', instance: 'lossy' }, { grade: 'uncounted' }] },
  });
});

test('where nothing else uses numbers, every gap is missing', async () => {
  const steady = range(1, 4000).filter((number) => number % 100 !== 0);
  for (const [ignore, grade, estimated] of [
    [['health' as const], 'steady', 0],
    [[], 'missing', 39],
  ] as const) {
    const runtime = testRuntime({
      store: new MemoryStore(),
      sources: [{ ...opaSourceConfig, sequence: { tolerate: 0.01, ignore: [...ignore] } }],
    });
    await put(runtime, 'a', '2023-07-11', 'i', steady);
    await run(runtime);
    expect((await producers(runtime)).days).toMatchObject([{ grade, estimated, absent: 39 }]);
  }
});

test('a warehouse without the table has nothing to say', async () => {
  expect(await producers(testRuntime())).toMatchObject({ days: [], totals: { instances: 0 } });
});
