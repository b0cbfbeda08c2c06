/**
 * What never arrived of a real OPA is what its driver knows never to have arrived, whatever lost it: an object that is
 * gone, a policy that drops, a rate limit, a full buffer, a kill.
 */
import { afterEach, expect, test } from 'vitest';
import { producers } from '../../src/jobs/producers/producers.ts';
import { verify } from '../../src/jobs/verify/verify.ts';
import { MemoryStore } from '../../src/store/memory.ts';
import { describeWith } from '../support/rig.ts';
import { opaSourceConfig, putLines, run, testRuntime } from '../support/warehouse.ts';
import { DrivenOpa, type OpaOptions, UploadServer } from './support/opa.ts';

type Runtime = ReturnType<typeof testRuntime>;
type Numbers = readonly number[];

const console = { decision_logs: { console: true } };
const running: { end(): Promise<void> }[] = [];
afterEach(async () => {
  for (const one of running.splice(0)) await one.end();
});

async function start(options: OpaOptions): Promise<DrivenOpa> {
  const opa = await DrivenOpa.start(options);
  running.push(opa);
  return opa;
}

/** Decisions by upload, and the console without them: there a status record names the instance. */
async function startUploading(reporting: Readonly<Record<string, unknown>>): Promise<[DrivenOpa, UploadServer]> {
  const server = await UploadServer.start();
  running.push(server);
  const opa = await start({
    config: {
      services: { sink: { url: server.url } },
      decision_logs: { service: 'sink', reporting: { min_delay_seconds: 600, max_delay_seconds: 600, ...reporting } },
      status: { console: true },
    },
  });
  return [opa, server];
}

const world = (): Runtime =>
  testRuntime({ store: new MemoryStore(), sources: [opaSourceConfig], batch: { objects: 1 } });

/** The lines as objects of so many. */
async function putLog(runtime: Runtime, name: string, lines: readonly string[], perObject = 200): Promise<string[]> {
  const names: string[] = [];
  for (let at = 0; at < lines.length; at += perObject) {
    names.push(`${name}-${String(at).padStart(6, '0')}.log`);
    await putLines(runtime.store, names.at(-1)!, ...lines.slice(at, at + perObject));
  }
  return names;
}

/** What is said of each instance, over all its days. */
async function said(runtime: Runtime) {
  const { days } = await producers(runtime);
  return Object.values(Object.groupBy(days, ({ instance }) => instance ?? '')).map((ofInstance) => ({
    grades: [...new Set(ofInstance!.map(({ grade }) => grade))].sort(),
    arrived: ofInstance!.reduce((sum, { arrived }) => sum + arrived, 0),
    proved: numbersOf(ofInstance!.flatMap(({ proved }) => proved)),
    absent: ofInstance!.reduce((sum, { absent }) => sum + absent, 0),
    estimated: ofInstance!.reduce((sum, { estimated }) => sum + estimated, 0),
  }));
}

const numbersOf = (ranges: readonly (readonly [number, number])[]): number[] =>
  ranges
    .flatMap(([first, last]) => Array.from({ length: last - first + 1 }, (_, i) => first + i))
    .sort((a, b) => a - b);
const without = (all: Numbers, some: ReadonlySet<number>): number[] => all.filter((number) => !some.has(number));
const uploaded = ({ uploads }: UploadServer): Set<number> =>
  new Set(uploads.flatMap((text) => (JSON.parse(text) as { req_id: number }[]).map(({ req_id: id }) => id)));

describeWith(['opa'], 'of a real OPA', () => {
  test('nothing is missing where nothing was lost, with everything else that uses numbers of its port', async () => {
    const opa = await start({ config: console });
    for (let n = 0; n < 10; n++) {
      await opa.decide(30);
      await opa.other('GET', '/health');
      await opa.other('GET', '/metrics');
      await opa.other('PUT', '/v1/data/some', '{"a": 1}');
      await opa.other('POST', '/v1/data/authz/allow', '{"input": ');
      await opa.other('PUT', `/v1/policies/p${n}`, 'package p');
      await opa.decide(2, 'authz/undefined');
    }
    await opa.end();
    const runtime = world();
    await putLog(runtime, 'console', opa.lines);
    await run(runtime);
    expect(await said(runtime)).toEqual([
      { grades: ['dense'], arrived: opa.decisions.length, proved: [], absent: 0, estimated: 0 },
    ]);
    expect(await verify(runtime, { producers: true })).toMatchObject({ ok: true });
  });

  test('an object that is deleted leaves the numbers that only it had, and they are gone when it comes late', async () => {
    const opa = await start({ config: console });
    for (let n = 0; n < 8; n++) {
      await opa.decide(40);
      await opa.other('GET', '/health');
    }
    await opa.end();
    const runtime = world();
    const names = await putLog(runtime, 'console', opa.lines, 150);
    const lost = opa.lines.slice(300, 450);
    await runtime.store.delete(`${opaSourceConfig.location}/${names[2]}`);
    await run(runtime);
    const rest = opa.lines.filter((line) => !lost.includes(line)).map((line) => JSON.parse(line));
    const arrived = new Set(rest.filter(({ decision_id: id }) => id !== undefined).map(({ req_id: id }) => id));
    const answered = new Set(rest.filter(({ msg }) => msg === 'Sent response.').map(({ req_id: id }) => id));
    const missing = without(opa.decisions, arrived);
    const [found] = await said(runtime);
    expect(found).toMatchObject({ grades: ['missing'], proved: missing.filter((number) => answered.has(number)) });
    expect(found!.absent).toBe(missing.length + opa.others.filter((number) => !answered.has(number)).length);
    expect(missing.length).toBeGreaterThan(40);

    await putLines(runtime.store, names[2]!, ...lost);
    await run(runtime);
    expect(await said(runtime)).toMatchObject([{ grades: ['dense'], absent: 0 }]);
  });

  test('what a policy drops is missing by number', async () => {
    const opa = await start({ config: console, drop: 'input.path == "authz/secret"' });
    const dropped: number[] = [];
    for (let n = 0; n < 12; n++) {
      await opa.decide(9);
      await opa.decide(n % 3, 'authz/secret');
      dropped.push(...opa.decisions.slice(opa.decisions.length - (n % 3), opa.decisions.length));
      await opa.other('GET', '/health');
    }
    await opa.end();
    const runtime = world();
    await putLog(runtime, 'console', opa.lines);
    await run(runtime);
    expect(await said(runtime)).toMatchObject([
      { grades: ['missing'], proved: dropped, absent: dropped.length, estimated: dropped.length },
    ]);
  });

  test.each([
    ['a rate limit', { max_decisions_per_second: 20, min_delay_seconds: 1, max_delay_seconds: 1 }],
    ['a buffer that is full', { buffer_size_limit_bytes: 6000, upload_size_limit_bytes: 1000 }],
  ])('what %s loses is missing by number', async (_, reporting) => {
    const [opa, server] = await startUploading(reporting);
    await opa.decide(300);
    await opa.end();
    const missing = without(opa.decisions, uploaded(server));
    expect(missing.length).toBeGreaterThan(0);
    expect(missing.length).toBeLessThan(300);
    const runtime = world();
    await putLog(runtime, 'console', opa.lines, 10_000);
    for (const [i, upload] of server.uploads.entries()) await putLines(runtime.store, `upload-${i}.json`, upload);
    await run(runtime);
    expect(await said(runtime)).toMatchObject([
      { grades: ['missing'], arrived: 300 - missing.length, proved: missing, absent: missing.length },
    ]);
  });

  test('what a kill takes along is missing by number, and what comes late is not', async () => {
    const [opa, server] = await startUploading({});
    await opa.decide(50);
    await opa.end('SIGKILL');
    expect(uploaded(server).size).toBe(0);
    const [next, late] = await startUploading({});
    await next.decide(40);
    await next.end();
    const runtime = world();
    await putLog(runtime, 'killed', opa.lines, 10_000);
    await putLog(runtime, 'next', next.lines, 10_000);
    await run(runtime);
    expect((await said(runtime)).map(({ proved }) => proved.length).sort()).toEqual([40, 50]);
    for (const [i, upload] of late.uploads.entries()) await putLines(runtime.store, `late-${i}.json`, upload);
    await run(runtime);
    expect(await said(runtime)).toMatchObject([
      { grades: ['missing'], proved: opa.decisions },
      { grades: ['dense'], arrived: 40, absent: 0 },
    ]);
  });

  test('a restart in one log, and two with the same pod name, are told apart', async () => {
    const config = { ...console, labels: { pod: 'opa-0' } };
    const [first, second] = [await start({ config }), await start({ config, drop: 'input.path == "authz/secret"' })];
    await first.decide(20);
    await first.end('SIGKILL');
    await second.decide(5);
    await second.decide(2, 'authz/secret');
    await second.decide(5);
    await second.end();
    for (const objects of [[[...first.lines, ...second.lines]], [first.lines, second.lines]]) {
      const runtime = world();
      for (const [i, lines] of objects.entries()) await putLog(runtime, `console-${i}`, lines, 10_000);
      await run(runtime);
      expect(await said(runtime)).toMatchObject([
        { grades: ['missing'], arrived: 10, proved: [6, 7] },
        { grades: ['dense'], arrived: 20, absent: 0 },
      ]);
    }
  });

  test('a port for diagnostics, which has the same numbers, excuses nothing', async () => {
    const opa = await start({ config: console, diagnostics: true, drop: 'input.path == "authz/secret"' });
    const dropped: number[] = [];
    for (let n = 0; n < 10; n++) {
      await opa.decide(3);
      await opa.askDiagnostics(n % 2 ? '/health' : '/metrics');
      await opa.decide(1, 'authz/secret');
      dropped.push(opa.decisions.at(-1)!);
    }
    await opa.end();
    for (const perObject of [10_000, 20]) {
      const runtime = world();
      await putLog(runtime, 'console', opa.lines, perObject);
      await run(runtime);
      expect(await said(runtime), `${perObject}`).toMatchObject([{ grades: ['missing'], absent: 10, proved: dropped }]);
    }
  });
});
