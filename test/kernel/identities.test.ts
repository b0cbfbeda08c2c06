import fc from 'fast-check';
import { expect, test } from 'vitest';
import { kernel } from '../../src/kernel/kernel.ts';
import type { Compared } from '../../src/records/scan/row-writer.ts';
import { createSource } from '../../src/sources/index.ts';

const { writers } = createSource('opa', {}, { recordBytes: 1 << 20, nestingDepth: 100 });
const emptySet = () => writers.acquire(() => true);

const hex = fc.stringMatching(/^[0-9a-f]{32}$/);
const asUuid = (digits: string): string => digits.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
const near = fc.constantFrom('0', '1', '2', '80000000', 'ffffffff').map((word) => word.padStart(8, '0'));
/** Digits that differ in one word only, zeros among them. */
const similar = fc.tuple(near, near, near, near).map((words) => words.join(''));
const digits = fc.oneof(hex, similar);
const id = fc.oneof(
  digits,
  digits.map(asUuid),
  digits.map((text) => asUuid(text).toUpperCase()),
  fc.string({ minLength: 1 }),
);

const record = (id: string | null, content: string) => ({ id, content: Buffer.from(content) });

test('says of each record whether it is the same, new, or another of its id, as sets do', () => {
  const content = fc.oneof(fc.constantFrom('', 'a', 'b', 'x'.repeat(1024)), fc.string());
  fc.assert(
    fc.property(fc.array(fc.tuple(id, content), { maxLength: 300, size: 'max' }), (records) => {
      const set = emptySet();
      const model = new Map<string, Set<string>>();
      for (const [text, about] of records) {
        const contents = model.get(text) ?? new Set<string>();
        model.set(text, contents);
        const expected = contents.has(about) ? 'duplicate' : contents.size > 0 ? 'conflict' : 'new';
        expect(set.compare(record(text, about))).toBe(expected);
        contents.add(about);
      }
      writers.release(set);
    }),
  );
});

test('keeps all of many that differ in a counter, wherever it stands', () => {
  const set = emptySet();
  const ids: string[] = [];
  for (let n = 0; n < 20_000; n++) {
    const word = n.toString(16).padStart(8, '0');
    for (let at = 0; at < 4; at++) ids.push(asUuid(`${'0'.repeat(at * 8)}${word}${'0'.repeat(24 - at * 8)}`));
  }
  const different = new Set(ids).size;
  const count = (content: string, compared: Compared): number =>
    ids.filter((text) => set.compare(record(text, content)) === compared).length;
  expect(count('a', 'new')).toBe(different);
  expect(count('a', 'duplicate')).toBe(ids.length);
  expect(count('b', 'conflict')).toBe(different);
  writers.release(set);
});

test('hex digits, the UUID of these digits, the same as text and no id at all are four ids', () => {
  const digits = '0123456789abcdef0123456789abcdef';
  const set = emptySet();
  for (const text of [digits, asUuid(digits), digits.toUpperCase(), null]) {
    expect(set.compare(record(text, 'a'))).toBe('new');
    expect(set.compare(record(text, 'a'))).toBe('duplicate');
  }
});

test('contents that differ in one byte are different, wherever it stands and however long they are', () => {
  const set = emptySet();
  for (const length of [1, 31, 32, 33, 1023, 1024, 1025, 5000]) {
    const content = Buffer.alloc(length);
    expect(set.compare({ id: null, content })).toBe('new');
    for (let at = 0; at < length; at += length > 100 ? 13 : 1) {
      content[at] = 1;
      expect(set.compare({ id: null, content }), `byte ${at} of ${length}`).toBe('new');
      expect(set.compare({ id: null, content }), `byte ${at} of ${length}`).toBe('duplicate');
      content[at] = 0;
    }
  }
  writers.release(set);
});

test('a record without an id is known again, however much longer than all before it', () => {
  const source = createSource('okera-audit', {}, { recordBytes: 1 << 20, nestingDepth: 100 });
  const writer = source.writers.acquire(() => true);
  writer.open('', {});
  for (let n = 0; n < 12; n++) {
    const statement = 'x'.repeat(10 << n);
    const record = Buffer.from(
      `{"request_id":"a:b","request_time":"2020-10-30 10:05:01","statement":"${statement}"}\n`,
    );
    for (let time = 0; time < 2; time++) {
      expect(writer.takeLines(record, 0, record.length, 0, 1 << 20)).toBe(record.length);
    }
    writer.settle();
    expect(writer.taken).toMatchObject({ rows: n + 1, duplicates: n + 1 });
  }
  source.writers.release(writer);
});

test('memory is bounded: records are compared with the last so many, those further apart are new again', () => {
  const { call } = kernel();
  const set = writers.acquire(() => true, 1 << 20);
  const compared = (n: number): Compared => set.compare(record(`id ${n}`, 'a'));
  const records = 150_000;
  const apart = 10_000;
  let found = 0;
  let top = 0;
  for (let n = 0; n < records; n++) {
    if (compared(n) === 'new' && (n < apart || compared(n - apart) === 'duplicate')) found++;
    if (n === records / 2) top = call.memoryTop();
  }
  expect(found).toBe(records);
  expect(call.memoryTop()).toBe(top);
  expect(compared(0)).toBe('new');
  writers.release(set);

  const unbounded = emptySet();
  for (let n = 0; n < records; n++) unbounded.compare(record(`id ${n}`, 'a'));
  expect(unbounded.compare(record('id 0', 'a'))).toBe('duplicate');
  expect(unbounded.compare(record('id 0', 'b'))).toBe('conflict');
  writers.release(unbounded);
});
