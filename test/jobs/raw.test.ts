/** A record as its producer wrote it, from the place that its row names. */
import { gzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { createDuckDbEngine } from '../../src/engines/duckdb/engine.ts';
import type { Runtime } from '../../src/ingest/runtime.ts';
import { parsePlace, placesOf, readRaw } from '../../src/jobs/raw/raw.ts';
import { decision, input, rowsOf, run, testRuntime } from '../support/warehouse.ts';

const lines = [
  '{"broken":',
  decision({ id: 'a' }),
  `  ${decision({ id: 'b', subject: 'zoë' })}  `,
  decision({ id: 'a' }),
];
const whole = `${lines.join('\n')}\n`;

async function filled(): Promise<Runtime> {
  const runtime = testRuntime();
  await runtime.store.put(`${input}/x.jsonl.gz`, gzipSync(whole));
  await runtime.store.put(`${input}/y.json`, Buffer.from(`[${decision({ id: 'c' })} , ${decision({ id: 'd' })}]`));
  await run(runtime);
  return runtime;
}

async function texts(runtime: Runtime, id: string): Promise<string[]> {
  const engine = createDuckDbEngine(runtime);
  try {
    const found = await readRaw(runtime, await placesOf(runtime, engine, id, {}));
    return found.map((one) => ('bytes' in one ? Buffer.from(one.bytes).toString() : one.problem));
  } finally {
    await engine.close();
  }
}

describe('a record', () => {
  test('is found by its id, whatever compression and framing', async () => {
    const runtime = await filled();
    expect(await texts(runtime, 'b')).toEqual([decision({ id: 'b', subject: 'zoë' })]);
    expect(await texts(runtime, 'd')).toEqual([decision({ id: 'd' })]);
    expect(await texts(runtime, "x' OR true --")).toEqual([]);
  });

  test('of the quarantine is found by its place', async () => {
    const runtime = await filled();
    const [row] = await rowsOf(runtime, 'quarantine');
    const place = parsePlace(`${row!.source_uri}#${row!.source_offset}`)!;
    const [found] = await readRaw(runtime, [place]);
    expect('bytes' in found! && Buffer.from(found.bytes).toString()).toBe('{"broken":');
  });

  test('that is not there any more is told of', async () => {
    const runtime = await filled();
    const uri = `${input}/y.json`;
    expect(await readRaw(runtime, [{ uri, offset: 5 }])).toEqual([
      { uri, offset: 5, problem: 'the object has no record at this offset any more' },
    ]);
    await runtime.store.delete(uri);
    expect(await texts(runtime, 'c')).toEqual(['the object is not there any more']);
  });

  test.each(['file:///etc/passwd', `${input}-of-others/x`, `${input}/../secret`, 'memory://test/warehouse/x'])(
    'in %s, which is in no source, is not read',
    async (uri) => {
      const [found] = await readRaw(await filled(), [{ uri, offset: 0 }]);
      expect(found).toEqual({ uri, offset: 0, problem: expect.stringMatching(/^no source of the configuration/) });
    },
  );
});

test('a place is an object and an offset', () => {
  expect(parsePlace('s3://b/k#a#12')).toEqual({ uri: 's3://b/k#a', offset: 12 });
  for (const text of ['s3://b/k', '#12', 'b/k#12', 's3://b/k#1.5', 'e49b9dc6af964db:60A7']) {
    expect(parsePlace(text)).toBeUndefined();
  }
});
