/** The fast path takes records in runs, and what is the same as in the record before it does not read again. */
import { expect, test } from 'vitest';
import { TableBuffer } from '../../../src/columns/table-buffer.ts';
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

test.each(['the size of the buffer', 'the mismatches'])('the bytes may go once somebody asked for %s', (asked) => {
  const source = createSource('opa', {}, limits);
  const buffer = new TableBuffer(source.table.columns);
  const writer = source.rowWriter(buffer);
  writer.open(defaultUri, source.describeObject(defaultUri).columns);
  const bytes = Buffer.alloc(1000);
  for (let n = 0; n < 5; n++) {
    const length = bytes.write(decision(n, pieces[n]!));
    expect(writer.accept(bytes, 0, length)).toBe(true);
    writer.write(n);
    expect(asked === 'the mismatches' ? writer.mismatches.size : buffer.bytes).toBeGreaterThanOrEqual(0);
    bytes.fill(0x7a);
  }
  expect(rowsOf(buffer.batch()).map((row) => row.decision_id)).toEqual(['d-0', 'd-1', 'd-2', 'd-3', 'd-4']);
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
