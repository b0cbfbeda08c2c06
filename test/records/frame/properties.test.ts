import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Frame } from '../../../src/records/frame/frame.ts';
import { anyCharacter } from '../../support/any-character.ts';
import { propertyRuns } from '../../support/thorough.ts';
import { framesOf, limits, texts } from './frames.ts';

const value = fc.jsonValue({ maxDepth: 3, stringUnit: anyCharacter });
const object = fc.dictionary(fc.string({ unit: anyCharacter, maxLength: 8 }), value, { maxKeys: 5 });
const space = fc.constantFrom('', ' ', '\n', '\r\n', '\t \n');
const printed = fc
  .tuple(object, fc.constantFrom(0, 1, 2, '\t'))
  .map(([json, indent]) => JSON.stringify(json, null, indent));
const sizes = fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 6 });

/** Whole documents of every framing, and the same with bytes changed, left out or put in. */
const junk = fc.constantFrom(
  '...',
  '{',
  '}',
  '[',
  ']',
  ',',
  '"',
  '\\',
  'tru',
  '12',
  '-',
  '\n{',
  '{"a":1,\n',
  '\0',
  'é',
  '1 2',
  '\\u12',
);
const document = fc.oneof(
  fc.array(fc.tuple(printed, space), { maxLength: 5 }).map((parts) => parts.flat().join('')),
  fc.array(fc.tuple(printed, fc.constant('\n')), { maxLength: 5 }).map((parts) => parts.flat().join('')),
  fc
    .array(
      fc.oneof(
        printed,
        value.map((json) => JSON.stringify(json)),
      ),
      { maxLength: 5 },
    )
    .map((parts) => `[${parts.join(',\n')}]`),
  fc.array(fc.oneof(printed, junk, space), { maxLength: 8 }).map((parts) => parts.join('')),
  fc
    .tuple(printed, fc.array(fc.oneof(printed, junk, space), { maxLength: 8 }))
    .map(([first, parts]) => `${first}\n${parts.join('')}`),
  fc.array(fc.oneof(printed, junk, space), { maxLength: 8 }).map((parts) => `[{"a":1},${parts.join(',')}]`),
  fc.array(fc.oneof(printed, junk, space), { maxLength: 8 }).map((parts) => `{\n"a":1}${parts.join('')}`),
);

const seen = (frames: readonly Frame[]): unknown[] =>
  frames.map(({ bytes, offset, tooLarge }) => [offset, Buffer.from(bytes).toString('latin1'), tooLarge?.length]);

test('where chunks end makes no difference to the frames', async () => {
  await fc.assert(
    fc.asyncProperty(
      document,
      sizes,
      fc.constantFrom(1 << 20, 30),
      fc.constantFrom(100, 2),
      async (text, chunks, recordBytes, nestingDepth) => {
        const caps = { recordBytes, nestingDepth };
        expect(seen(await framesOf(text, chunks, caps))).toEqual(seen(await framesOf(text, undefined, caps)));
      },
    ),
    { numRuns: propertyRuns(1500) },
  );
});

test('an array that is cut anywhere gives its elements in front of that, however it is printed', async () => {
  const between = fc.constantFrom(',', ', ', ',\n', '\n,', ',\r\n\r\n');
  await fc.assert(
    fc.asyncProperty(
      fc.array(printed, { minLength: 1, maxLength: 4 }),
      between,
      fc.constantFrom('[', '[ ', '[\n', '[\r\n  '),
      fc.nat(),
      async (elements, separator, open, at) => {
        const whole = `${open}${elements.join(separator)}\n]\n`;
        expect(texts(await framesOf(whole))).toEqual(elements);
        const cut = texts(await framesOf(whole.slice(0, at % whole.length)));
        expect(cut.slice(0, -1)).toEqual(elements.slice(0, Math.max(0, cut.length - 1)));
      },
    ),
    { numRuns: propertyRuns(1500) },
  );
});

test('a frame is the slice of the object at its offset, frames follow one another, and no byte of evidence is in none', async () => {
  await fc.assert(
    fc.asyncProperty(document, sizes, async (text, chunks) => {
      const input = Buffer.from(text);
      let rest = '';
      let end = 0;
      for (const { bytes, offset } of await framesOf(text, chunks)) {
        expect(offset).toBeGreaterThanOrEqual(end);
        rest += input.toString('latin1', end, offset);
        end = offset + bytes.length;
        expect(Buffer.from(bytes).equals(input.subarray(offset, end))).toBe(true);
      }
      rest += input.toString('latin1', end);
      expect(rest.replace(/^\xef\xbb\xbf/, '')).toMatch(/^[\s\0\uFEFF,[\]]*$/);
    }),
    { numRuns: propertyRuns(1500) },
  );
});

test('the elements of an array are its frames', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(value), fc.constantFrom(0, 2), sizes, async (elements, indent, chunks) => {
      const frames = await framesOf(JSON.stringify([{}, ...elements], null, indent), chunks);
      expect(texts(frames).map((text) => JSON.parse(text))).toEqual(JSON.parse(JSON.stringify([{}, ...elements])));
    }),
  );
});

test('objects one behind the other are its frames, pretty-printed or not', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(printed, { minLength: 1 }), sizes, async (objects, chunks) => {
      const frames = await framesOf(`{\n}\n${objects.join('\n')}`, chunks);
      expect(texts(frames)).toEqual(['{\n}', ...objects]);
    }),
  );
});

test('lines of objects are its frames', async () => {
  const line = object.map((json) => JSON.stringify(json));
  await fc.assert(
    fc.asyncProperty(fc.array(line), fc.constantFrom('\n', '\r\n', '\n\n'), sizes, async (lines, end, chunks) => {
      expect(texts(await framesOf(lines.join(end), chunks, limits))).toEqual(lines);
    }),
  );
});
