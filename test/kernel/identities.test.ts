import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createSource } from '../../src/sources/index.ts';

const { writers } = createSource('opa', {}, { recordBytes: 1 << 20, nestingDepth: 100 });
const emptySet = () => writers.take(() => true);

const hex = fc.stringMatching(/^[0-9a-f]{32}$/);
const asUuid = (digits: string): string => digits.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
const near = fc.constantFrom('0', '1', '2', '80000000', 'ffffffff').map((word) => word.padStart(8, '0'));
/** Digits that differ in one word only, zeros among them. */
const similar = fc.tuple(near, near, near, near).map((words) => words.join(''));
const digits = fc.oneof(hex, similar);
const identity = fc.oneof(
  digits,
  digits.map(asUuid),
  digits.map((text) => asUuid(text).toUpperCase()),
  fc.string(),
);

test('says of each identity whether it is new, as a set does', () => {
  fc.assert(
    fc.property(fc.array(identity, { maxLength: 300, size: 'max' }), (identities) => {
      const set = emptySet();
      const model = new Set<string>();
      for (const text of identities) {
        expect(set.addIdentity(text)).toBe(!model.has(text));
        model.add(text);
      }
      writers.give(set);
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
  expect(ids.filter((id) => set.addIdentity(id)).length).toBe(different);
  expect(ids.filter((id) => set.addIdentity(id)).length).toBe(0);
  writers.give(set);
});

test('hex digits, the UUID of these digits, the same as text and as a record are four identities', () => {
  const digits = '0123456789abcdef0123456789abcdef';
  const set = emptySet();
  for (const identity of [digits, asUuid(digits), digits.toUpperCase(), Buffer.from(digits)]) {
    expect(set.addIdentity(identity)).toBe(true);
    expect(set.addIdentity(identity)).toBe(false);
  }
});

test('a record that is its own identity is known again, however much longer than all before it', () => {
  const source = createSource('okera-audit', {}, { recordBytes: 1 << 20, nestingDepth: 100 });
  const writer = source.writers.take(() => true);
  writer.open('', {});
  for (let n = 0; n < 12; n++) {
    const statement = 'x'.repeat(10 << n);
    const record = Buffer.from(
      `{"request_id":"a:b","request_time":"2020-10-30 10:05:01","statement":"${statement}"}\n`,
    );
    for (let time = 0; time < 2; time++) {
      expect(writer.takeLines(record, 0, record.length, 0, 1 << 20)).toBe(record.length);
    }
    expect(writer.taken).toMatchObject({ rows: n + 1, duplicates: n + 1 });
  }
  source.writers.give(writer);
});
