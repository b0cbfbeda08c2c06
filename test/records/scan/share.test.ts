/** The fast path takes what comes every day: if it only ever doubted, the other tests would hold as well. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import type { FastPath } from '../../../src/records/frame/framer.ts';
import { frameRecords } from '../../../src/records/frame/index.ts';
import { createSource } from '../../../src/sources/index.ts';
import { loadFixture } from '../../support/fixture.ts';
import { propertyRuns } from '../../support/thorough.ts';
import { framesOf } from '../frame/frames.ts';
import { BothPaths } from './both-paths.ts';
import { bothWays } from './objects.ts';
import { limits, sources } from './promotions.ts';

const root = join(import.meta.dirname, '../../..');
const folder = mkdtempSync(join(tmpdir(), 'generated-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test.each(['opa', 'okera-audit'] as const)('all generated records of %s', async (type) => {
  const target = join(folder, type);
  const records = propertyRuns(3000);
  const options = ['--records', `${records}`, '--days', '4', '--per-object', '100', '--source', type];
  execFileSync(process.execPath, [join(root, 'scripts/generate.ts'), target, ...options]);
  const files = readdirSync(target, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  const both = new BothPaths(sources[type].get('none')!);
  for (const { parentPath, name } of files) {
    const path = join(parentPath, name);
    both.open(`s3:/${path.slice(target.length)}`);
    for (const frame of await framesOf(readFileSync(path))) both.takeFrame(frame);
    both.clear();
  }
  expect(both.counts).toEqual({ fast: records, slow: 0, quarantine: 0, skip: 0, duplicate: 0 });
});

/** How many records there are in the first line, from which the form of all others is learned. */
const wrapped = [
  ['docker', 1],
  ['vector', 1],
  ['cri', 1],
  ['firehose', 1],
  ['cloudwatch', 64],
  ['array', 0],
  ['printed', 0],
] as const;

test.each(wrapped)('generated records in the envelopes of %s, all but the first %i', async (kind, learned) => {
  const target = join(folder, kind);
  const records = propertyRuns(1000);
  const options = ['--records', `${records}`, '--per-object', `${records}`, '--days', '1', '--wrap', kind];
  execFileSync(process.execPath, [join(root, 'scripts/generate.ts'), target, ...options]);
  const [file] = readdirSync(target, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  const bytes = readFileSync(join(file!.parentPath, file!.name));
  const { certain, rows } = await bothWays(createSource('opa', {}, limits), bytes, 1 << 16, limits);
  expect(rows.length).toBe(records);
  expect(certain).toBe(records - learned);
});

test.each(['array', 'printed'])('of generated records as %s few are cut out one by one', async (kind) => {
  const target = join(folder, `${kind}-cut`);
  const options = ['--records', '400', '--per-object', '400', '--days', '1', '--wrap', kind];
  execFileSync(process.execPath, [join(root, 'scripts/generate.ts'), target, ...options]);
  const [file] = readdirSync(target, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  const bytes = readFileSync(join(file!.parentPath, file!.name));
  const writer = createSource('opa', {}, limits).writers.acquire(() => true);
  writer.open('memory://logs/a', {});
  let cut = 0;
  const fastPath: FastPath = {
    takeLines: () => expect.unreachable(),
    takeValues: (...given) => writer.takeValues(...given),
    takeRecord: (...given) => {
      cut++;
      return writer.takeRecord(...given);
    },
    fallBack: () => expect.unreachable(),
  };
  async function* body(): AsyncGenerator<Buffer> {
    yield bytes;
  }
  for await (const _ of frameRecords(body(), limits, fastPath));
  expect(writer.rows).toBe(400);
  // The first one, and some where a piece ends.
  expect(cut).toBeLessThan(10);
});

/** Fixtures that hold what Enterprise OPA, OPA and Okera wrote, and how many of their records are left to the reference path. */
const real = [
  ['opa', 'eopa-lines', 1], // the doubly masked one, whose list has a list inside
  ['opa', 'eopa-array', 0],
  ['opa', 'eopa-unbatched', 0],
  ['opa', 'eopa-unbatched-error', 0],
  ['opa', 'eopa-unbatched-no-input', 0],
  ['opa', 'opa-console', 0],
  ['opa', 'seed-lines', 0],
  ['opa', 'seed-pretty-printed', 0],
  ['okera-audit', 'seed-record', 0],
  ['okera-audit', 'seed-excerpt', 0],
] as const;

test.each(real)('%s %s: all rows but %i', async (type, name, doubted) => {
  const path = join(root, 'fixtures', type, name);
  const input = readdirSync(path).find((file) => file.startsWith('input.'))!;
  const both = new BothPaths(sources[type].get('none')!);
  for (const frame of await framesOf(readFileSync(join(path, input)))) both.takeFrame(frame);
  both.compareRows();
  expect(both.counts.slow).toBe(doubted);
  expect(both.counts.fast).toBeGreaterThan(0);
});

const shaped = [
  ['shape-envoy', 0],
  ['shape-kubernetes-admission', 0],
  ['shape-authzen', 0],
  ['shape-http-api', 0],
  ['shape-own-fields', 1], // the list that a path goes into by number
] as const;

test.each(shaped)('%s: all rows but %i', async (name, doubted) => {
  const { columns, mapping, input, expectedRows } = loadFixture('opa', join(root, 'fixtures', 'opa', name));
  const both = new BothPaths(createSource('opa', columns, limits, mapping));
  for (const frame of await framesOf(input)) both.takeFrame(frame);
  both.compareRows();
  expect(both.counts).toMatchObject({ slow: doubted, fast: expectedRows.length - doubted });
});

test('promoted columns of every type', () => {
  const both = new BothPaths(sources.opa.get('every type, strict')!);
  const record = (n: number, input: string) =>
    `{"decision_id":"d-${n}","timestamp":"2023-07-11T17:01:42Z","input":${input},"result":{"flag":true}}`;
  both.take(record(1, '{"tenant":{"key":"t"},"n":-12,"ratio":3,"small":2147483647,"at":"2023-07-11T17:01:42+02:00"}'));
  both.take(record(2, '{"n":null,"small":-2147483648,"at":"2023-07-11 17:01:42z"}'));
  both.take(record(3, '{}'));
  both.compareRows();
  expect(both.counts).toMatchObject({ fast: 3, slow: 0 });
});

test('objects whose keys are data, with ever new ones', () => {
  const both = new BothPaths(createSource('opa', {}, limits));
  for (let n = 0; n < 3000; n++) {
    const data = `{"user-${n}":true,"${'k'.repeat(n)}":[],"allowed":false}`;
    both.take(`{"decision_id":"d-${n}","timestamp":"2023-07-11T17:01:42Z","input":${data},"result":${data}}`);
  }
  // Not remembering keys must not lead to taking one for unknown that is known, but spelt with an escape.
  both.take('{"decision_id":"e","timestamp":"2023-07-11T17:01:42Z","input":{"\\u0073ubject":"s","subject2":"t"}}');
  both.compareRows();
  expect(both.counts).toMatchObject({ fast: 3000, slow: 1 });
});
