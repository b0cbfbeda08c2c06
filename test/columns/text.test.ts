import fc from 'fast-check';
import { expect, test } from 'vitest';
import { StringDictionary } from '../../src/columns/dictionary.ts';
import { copyText, isSame, slack, Text } from '../../src/columns/text.ts';

/** Few different bytes, so that ranges agree for some length and then do not. */
const bytes = fc.array(fc.constantFrom(0, 0x61, 0xff), { minLength: 1, maxLength: 300, size: 'max' });
const place = fc.nat({ max: 40 });

const textOf = (content: readonly number[], before: number): Text => {
  const text = new Text(new Uint8Array(before + content.length + slack).fill(0x7a));
  text.bytes.set(content, before);
  return text;
};

test('ranges of any length at any place are the same where all of their bytes are', () => {
  fc.assert(
    fc.property(bytes, bytes, place, place, fc.nat(), (a, b, i, j, cut) => {
      const length = Math.min(a.length, b.length, cut % 70);
      const expected = a.slice(0, length).every((byte, n) => byte === b[n]);
      expect(isSame(textOf(a, i).view, i, textOf(b, j).view, j, length)).toBe(expected);
      expect(isSame(textOf(a, i).view, i, textOf(a, j).view, j, length)).toBe(true);
    }),
  );
});

test('a copy has all bytes, and those in front of it stay', () => {
  fc.assert(
    fc.property(bytes, place, place, (content, from, at) => {
      const target = textOf(new Array(content.length).fill(0), at);
      copyText(textOf(content, from), from, from + content.length, target, at);
      expect([...target.bytes.subarray(0, at)]).toEqual(new Array(at).fill(0x7a));
      expect([...target.bytes.subarray(at, at + content.length)]).toEqual(content);
    }),
  );
});

test('a text grows and keeps what it has', () => {
  const text = textOf([1, 2, 3], 0);
  text.reserve(1000);
  expect(text.bytes.length).toBeGreaterThanOrEqual(1000 + slack);
  expect(text.view.byteLength).toBe(text.bytes.length);
  expect([...text.bytes.subarray(0, 3)]).toEqual([1, 2, 3]);
});

test('a dictionary gives a string one code, whether it comes as bytes or by whole words', () => {
  fc.assert(
    fc.property(fc.array(bytes, { maxLength: 60 }), place, (contents, before) => {
      const dictionary = new StringDictionary(2, 2);
      const codes = new Map<string, number>();
      for (const [n, content] of contents.entries()) {
        const text = textOf(content, before);
        const end = before + content.length;
        const code = n % 2 === 0 ? dictionary.code(text.bytes, before, end) : dictionary.codeOf(text, before, end);
        expect(code).toBe(codes.get(content.join()) ?? codes.size);
        codes.set(content.join(), code);
        expect([...dictionary.bytes.subarray(dictionary.offsets[code], dictionary.offsets[code + 1])]).toEqual(content);
      }
    }),
  );
});
