import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { IdentitySet } from '../../src/records/identity-set.ts';

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
      const set = new IdentitySet();
      const model = new Set<string>();
      for (const text of identities) {
        expect(set.add(text)).toBe(!model.has(text));
        model.add(text);
      }
      expect(set.size).toBe(model.size);
    }),
  );
});

test('keeps all of many that differ in a counter, wherever it stands', () => {
  const set = new IdentitySet();
  const ids: string[] = [];
  for (let n = 0; n < 20_000; n++) {
    const word = n.toString(16).padStart(8, '0');
    for (let at = 0; at < 4; at++) ids.push(asUuid(`${'0'.repeat(at * 8)}${word}${'0'.repeat(24 - at * 8)}`));
  }
  const different = new Set(ids).size;
  expect(ids.filter((id) => set.add(id)).length).toBe(different);
  expect(ids.filter((id) => set.add(id)).length).toBe(0);
  expect(set.size).toBe(different);
});

test('a digest is its hex digits, and neither the UUID of these digits nor the text that has this digest', () => {
  const digest = createHash('sha256').update('some text').digest();
  const digits = digest.toString('hex').slice(0, 32);
  const set = new IdentitySet();
  expect(set.addDigest(digest)).toBe(true);
  expect(set.add(digits)).toBe(false);
  expect(set.add(asUuid(digits))).toBe(true);
  expect(set.add('some text')).toBe(true);
  expect(set.size).toBe(3);
});
