import fc from 'fast-check';
import { expect, test } from 'vitest';
import { keysInOrder, keyText, scanMembers, shadowedKeys } from '../../src/records/members.ts';
import { anyCharacter } from '../support/any-character.ts';

const json = fc.jsonValue({ maxDepth: 4, stringUnit: anyCharacter });
const object = fc.dictionary(fc.string({ unit: anyCharacter }), json);

function membersOf(bytes: Buffer): [string, unknown][] {
  const { ranges } = scanMembers(bytes);
  const members: [string, unknown][] = [];
  for (let m = 0; m < ranges.length; m += 4) {
    const [keyStart, keyEnd, start, end] = ranges.slice(m, m + 4) as [number, number, number, number];
    members.push([keyText(bytes, keyStart, keyEnd), JSON.parse(bytes.toString('utf8', start, end))]);
  }
  return members;
}

const depthOf = (value: unknown): number =>
  typeof value === 'object' && value !== null ? 1 + Math.max(0, ...Object.values(value).map(depthOf)) : 0;

test('the slices of the members parse to the values that JSON.parse gives, however the text is laid out', () => {
  fc.assert(
    fc.property(object, fc.constantFrom(undefined, 1, '\t\r\n '), (value, indent) => {
      const text = JSON.stringify(value, null, indent).replaceAll(':', indent === undefined ? ':' : ' :');
      const parsed = JSON.parse(text.replaceAll(' :', ':'));
      if (JSON.stringify(parsed) !== JSON.stringify(JSON.parse(JSON.stringify(value)))) return;
      expect(new Map(membersOf(Buffer.from(JSON.stringify(value, null, indent))))).toEqual(
        new Map(Object.entries(JSON.parse(JSON.stringify(value)))),
      );
    }),
  );
});

test('the depth is that of the value', () => {
  fc.assert(
    fc.property(json, (value) => {
      expect(scanMembers(Buffer.from(JSON.stringify(value))).depth).toBe(depthOf(JSON.parse(JSON.stringify(value))));
    }),
  );
});

test('any bytes are scanned without an error', () => {
  fc.assert(
    fc.property(fc.array(fc.constantFrom(...'{}[]":,\\a1 \n'), { maxLength: 60 }), (characters) => {
      const bytes = Buffer.from(characters.join(''));
      for (const offset of scanMembers(bytes).ranges) expect(offset).toBeLessThanOrEqual(bytes.length);
    }),
  );
});

test('of repeated keys all are found in the order of the text, and all but the last are shadowed', () => {
  const key = fc.constantFrom('a', 'b', '1', '0', '__proto__', 'é');
  fc.assert(
    fc.property(fc.array(fc.tuple(key, fc.integer())), (members) => {
      const bytes = Buffer.from(`{${members.map(([name, value]) => `${JSON.stringify(name)}:${value}`).join(',')}}`);
      const parsed = JSON.parse(bytes.toString());
      const { ranges } = scanMembers(bytes);
      const keys = keysInOrder(bytes, ranges, parsed);
      expect(keys).toEqual(members.map(([name]) => name));
      const shadowed = shadowedKeys(keys, parsed) ?? new Set();
      const kept = members.filter((_, i) => !shadowed.has(i));
      expect(new Map(kept)).toEqual(new Map(Object.entries(parsed)));
      expect(kept.length).toBe(Object.keys(parsed).length);
    }),
  );
});
