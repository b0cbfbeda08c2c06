/** What log shippers really wrote (real/README.md): every decision that is whole in it is a row, once, and nothing is lost. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { zstdDecompressSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { MemoryStore } from '../../src/store/memory.ts';
import { input, rowsOf, run, testRuntime } from '../support/warehouse.ts';

interface Truth {
  readonly subjects: Readonly<Record<string, string>>;
  readonly lines_of_opa_in_input: number;
}

interface Output {
  readonly truth: Truth;
  readonly objects: ReadonlyMap<string, Buffer>;
}

/** Decisions whose pieces lie in two rotated files: each piece is kept in quarantine, and none becomes a row. */
const overFiles: Readonly<Record<string, number>> = { 'docker-json-file-labels-rotated': 2 };
const archive = join(import.meta.dirname, 'real/shippers.tar.zst');
const outputs = readOutputs();

test('there are fourteen of them', () => {
  expect(outputs.size).toBe(14);
});

test.each([...outputs])('%s', async (name, { truth, objects }) => {
  const store = new MemoryStore();
  for (const [path, bytes] of objects) await store.put(`${input}/${path}`, bytes);
  // As the configuration has it: a batch of log events is one record until it is taken apart.
  const runtime = testRuntime({ store, limits: { recordBytes: 16 << 20 } });
  const report = await run(runtime);
  expect(report.failures).toEqual([]);
  const rows = (await rowsOf(runtime, 'opa_decisions')).map((row) => String(row.decision_id));
  const whole = Object.keys(truth.subjects);
  expect(new Set(rows).size).toBe(rows.length);
  expect(whole).toEqual(expect.arrayContaining(rows));
  expect(rows.length).toBe(whole.length - (overFiles[name] ?? 0));
  const { quarantined, skipped } = report.records;
  if (name in overFiles) expect(quarantined).toBeGreaterThan(0);
  else expect(quarantined).toBe(0);
  expect(skipped).toBe(truth.lines_of_opa_in_input);
});

function readOutputs(): Map<string, Output> {
  const found = new Map<string, { truth?: Truth; objects: Map<string, Buffer> }>();
  for (const [path, bytes] of entriesOf(zstdDecompressSync(readFileSync(archive)))) {
    const [, folder, rest] = /^([^/]+)\/(.+)$/.exec(path)!;
    const output = found.get(folder!) ?? { objects: new Map<string, Buffer>() };
    found.set(folder!, output);
    if (rest === 'truth.json') output.truth = JSON.parse(bytes.toString()) as Truth;
    else output.objects.set(rest!.slice('data/'.length), bytes);
  }
  return found as Map<string, Output>;
}

/** Files of a tar archive (POSIX ustar: blocks of 512 bytes, name, size in octal, type). */
function* entriesOf(tar: Buffer): Generator<[path: string, bytes: Buffer]> {
  const text = (at: number, length: number): string => tar.toString('utf8', at, at + length).replace(/\0.*$/s, '');
  for (let at = 0; at < tar.length && tar[at] !== 0; ) {
    const size = Number.parseInt(text(at + 124, 12), 8);
    const prefix = text(at + 345, 155);
    const name = text(at, 100);
    const start = at + 512;
    if (tar[at + 156] === 0x30) yield [prefix === '' ? name : `${prefix}/${name}`, tar.subarray(start, start + size)];
    at = start + Math.ceil(size / 512) * 512;
  }
}
