/** The fast path takes records in runs, and what is the same as in the record before it does not read again. */
import { expect, test } from 'vitest';
import { createSource } from '../../../src/sources/index.ts';
import { BothPaths, defaultUri, rowsOf } from './both-paths.ts';
import { limits, sources } from './promotions.ts';

const decision = (n: number, more: string): string =>
  `{"decision_id":"d-${n}","timestamp":"2023-07-11T17:01:${String(n % 60).padStart(2, '0')}Z"${more}}`;

const pieces = [
  ',"labels":{"id":"a","team":"x"},"result":{"allowed":true,"roles":["r","s"],"message":"m"}',
  ',"labels":{},"result":{"allowed":true,"roles":[],"message":"m"}',
  ',"labels":{"team":"y"},"result":{"allowed":false,"roles":["r"],"message":"m"}',
  ',"labels":{"team":"y","id":"a"},"result":{"roles":["r\\n"],"message":"\\u0041"},"input":{"subject":"s"}',
  ',"labels":null,"result":{"message":7},"input":{"subject":{"a":1}}',
  ',"result":true,"metrics":{"m":1,"n":2},"input":[1]',
  ',"metrics":{"m":3,"n":2},"query":"","path":"p"',
  ',"metrics":{"n":2},"path":"p"',
];

test.each([...sources.opa.keys()])('any two kinds of records one behind the other, promoted columns: %s', (name) => {
  const both = new BothPaths(sources.opa.get(name)!);
  let n = 0;
  for (const first of pieces)
    for (const second of pieces)
      for (const third of [first, second]) {
        for (const piece of [first, second, third]) both.take(decision(n++, piece));
      }
  both.clear();
});

test('more records than a run holds, repeated values among them', () => {
  const both = new BothPaths(createSource('opa', {}, limits));
  for (let n = 0; n < 500; n++) expect(both.take(decision(n, pieces[Math.trunc(n / 3) % 4]!))).toBe('fast');
  both.clear();
});

test('records of a run that the batch has already, or that share their id with another', () => {
  for (const [name, source] of sources.opa) {
    const both = new BothPaths(source);
    const more = ['', ',"odd":{"a":[1]},"other":"x"', ',"odd":2'];
    for (let n = 0; n < 900; n++) {
      // Runs of new ones, of old ones, and of both by turns; the same id may come with something else.
      const id = n % 5 === 4 ? n - 3 : n % 300 > 200 ? n - 100 : n;
      const about = n % 31 === 30 ? id + 1 : id;
      both.take(decision(id, `${pieces[about % pieces.length]!}${more[about % 3]!}`));
    }
    both.clear();
    expect(both.counts.duplicate, name).toBeGreaterThan(200);
    expect(both.counts.fast, name).toBeGreaterThan(400);
  }
});

test('the bytes may go once the records are taken', () => {
  const source = createSource('opa', {}, limits);
  const writer = source.writers.acquire(() => true);
  writer.open(defaultUri, source.describeObject(defaultUri).columns);
  const bytes = Buffer.alloc(1000);
  for (let n = 0; n < 5; n++) {
    const length = bytes.write(decision(n, pieces[n]!));
    expect(writer.takeRecord(bytes, 0, length, n)).toBe(true);
    bytes.fill(0x7a);
  }
  expect(rowsOf(writer.batch()).map((row) => row.decision_id)).toEqual(['d-0', 'd-1', 'd-2', 'd-3', 'd-4']);
});

test('two writers take turns', () => {
  const source = createSource('opa', {}, limits);
  const writers = [0, 1].map(() => source.writers.acquire(() => true));
  for (const writer of writers) writer.open(defaultUri, source.describeObject(defaultUri).columns);
  for (let n = 0; n < 20; n++) {
    const line = Buffer.from(`${decision(n, pieces[n % 6]!)}\n`);
    expect(writers[n % 2]!.takeLines(line, 0, line.length, n, 1000)).toBe(line.length);
    const doubted = Buffer.from('{"decision_id":"x","timestamp":"2023-07-11T17:01:42Z","path":"p"} ?\n');
    if (n % 3 === 0) expect(writers[n % 2]!.takeLines(doubted, 0, doubted.length, n, 1000)).toBe(0);
  }
  const ids = writers.map((writer) => rowsOf(writer.batch()).map((row) => row.decision_id));
  expect(ids).toEqual([0, 1].map((rest) => Array.from({ length: 10 }, (_, i) => `d-${i * 2 + rest}`)));
  expect(rowsOf(writers[0]!.batch())[1]).not.toHaveProperty('path');
});

test('a record that ends with its buffer, and one that begins with it', () => {
  const both = new BothPaths(createSource('opa', {}, limits));
  for (let spare = 0; spare < 10; spare++) {
    both.take(decision(spare, pieces[0]!), { around: ['', ' '.repeat(spare)], alone: true });
    both.take(decision(spare + 100, pieces[1]!), { around: ['x'.repeat(spare), ''], alone: true });
  }
  both.clear();
  expect(both.counts.fast).toBe(20);
});

test.each([
  ['the record', (key: string) => `,"${key}":1`],
  ['its labels', (key: string) => `,"labels":{"${key}":"x"}`],
])('records whose keys in %s are data cost those of later batches nothing', (_, member) => {
  const source = createSource('opa', {}, limits);
  const taken = (records: readonly string[]): number => {
    const writer = source.writers.acquire(() => true);
    writer.open(defaultUri, source.describeObject(defaultUri).columns);
    const bytes = records.map((record) => Buffer.from(record));
    const count = bytes.filter((record, n) => writer.takeRecord(record, 0, record.length, n)).length;
    expect(rowsOf(writer.batch())).toHaveLength(count);
    source.writers.release(writer);
    return count;
  };
  const odd = Array.from({ length: 1500 }, (_, n) => decision(n, member(`odd-${n}`)));
  expect(taken(odd)).toBeLessThan(1100);
  const later = Array.from({ length: 20 }, (_, n) => decision(n, member(`new-${n}`)));
  expect(taken(later)).toBe(20);
  expect(taken(later)).toBe(20);
  // A key that stands in a record twice is the reference path's, whether it was met before or not.
  const twice = decision(1, `${member('new-3')}${member('new-3')}`);
  expect(taken([twice, decision(2, `${member('odd-7')}${member('odd-7')}`)])).toBe(0);
});
