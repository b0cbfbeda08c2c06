/** How CSV is cut into records: every row at its place, one bad quote one row, and the same whatever the chunks are. */
import { parse } from 'csv-parse/sync';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type CsvFrame, csvFrames } from '../../src/sources/reference/csv-frames.ts';
import { inChunks } from '../support/fixture.ts';

async function framesOf(text: string | Buffer, recordBytes = 1000, chunkSize = Number.POSITIVE_INFINITY) {
  const frames: CsvFrame[] = [];
  for await (const group of csvFrames(inChunks(Buffer.from(text as string), chunkSize), { recordBytes })) {
    frames.push(...group);
  }
  return frames;
}

/** Offset and text; `!` in front of a malformed one, the full size of one over the cap behind it. */
const shown = (frames: readonly CsvFrame[]) =>
  frames.map(
    ({ bytes, offset, isMalformed, tooLarge }) =>
      `${offset}:${isMalformed ? '!' : ''}${Buffer.from(bytes)}${tooLarge ? ` of ${tooLarge.length}` : ''}`,
  );

const cases: [what: string, text: string, frames: string[]][] = [
  ['lines, with or without an end', 'a,b\n1,2', ['0:a,b', '4:1,2']],
  ['CR LF, and blank lines', 'a,b\r\n\r\n \t\r\n1,2\r\n', ['0:a,b', '11:1,2']],
  ['white space that belongs to fields', ' a , b \n', ['0: a , b ']],
  ['a byte order mark', '\ufeff"a",b\n1,2\n', ['3:"a",b', '9:1,2']],
  ['line ends inside of quotes', 'a\n"x\r\ny\n\nz",1\n2\n', ['0:a', '2:"x\r\ny\n\nz",1', '14:2']],
  ['quotes doubled inside of quotes', '"a""\n""",b\nc\n', ['0:"a""\n""",b', '11:c']],
  ['empty fields, quoted or not', ',"",\n""\n', ['0:,"",', '5:""']],
  ['a quote in a field without quotes', 'a,b\n1,5" pipe\n3,4\n', ['0:a,b', '4:!1,5" pipe', '14:3,4']],
  ['text behind a quoted field', 'a,b\n"1"x,2\n3,4\n', ['0:a,b', '4:!"1"x,2', '11:3,4']],
  ['a quote that never closes', 'a\n"1\n2\n3\n', ['0:a', '2:!"1', '5:2', '7:3']],
  ['a quote that closes in a later row', 'a\n"1\n"2"\n3\n', ['0:a', '2:!"1', '5:"2"', '9:3']],
  ['a CR that ends no line', 'a\rb\n"c"\rd\n', ['0:a\rb', '4:!"c"\rd']],
];

test.each(cases)('%s', async (_what, text, frames) => {
  for (const size of [Number.POSITIVE_INFINITY, 1, 2, 3, 7]) {
    expect(shown(await framesOf(text, 1000, size)), `in chunks of ${size}`).toEqual(frames);
  }
});

describe('a record over the cap', () => {
  test('of one line is kept by its head', async () => {
    for (const size of [Number.POSITIVE_INFINITY, 1, 5]) {
      const frames = await framesOf('a\n12345678901\r\n1234567890\r\n"12345678"\n', 10, size);
      expect(shown(frames)).toEqual(['0:a', '2:1234567890 of 11', '15:1234567890', '27:"12345678"']);
    }
  });

  test('of several lines is one bad quote, and the lines behind it are read', async () => {
    for (const size of [Number.POSITIVE_INFINITY, 1, 5]) {
      const frames = await framesOf('a\n"1234\n67890"\n5\n', 10, size);
      expect(shown(frames)).toEqual(['0:a', '2:!"1234', '8:!67890"', '15:5']);
    }
  });

  test('at the end of the object is counted to its end', async () => {
    for (const size of [Number.POSITIVE_INFINITY, 1, 5]) {
      expect(shown(await framesOf('a\n123456789012345', 10, size))).toEqual(['0:a', '2:1234567890 of 15']);
    }
  });
});

describe('whatever is read', () => {
  const hostile = fc.string({ unit: fc.constantFrom('a', '"', '"', ',', '\n', '\r', ' ', '""'), maxLength: 60 });

  test('chunks make no difference, and no byte but line ends and blank lines is lost', async () => {
    await fc.assert(
      fc.asyncProperty(
        hostile,
        fc.integer({ min: 1, max: 9 }),
        fc.integer({ min: 4, max: 30 }),
        async (text, size, cap) => {
          const whole = await framesOf(text, cap);
          expect(shown(await framesOf(text, cap, size))).toEqual(shown(whole));
          let at = 0;
          for (const { bytes, offset, tooLarge } of whole) {
            expect(text.slice(at, offset)).toMatch(/^[\r\n \t]*$/);
            expect(text.startsWith(Buffer.from(bytes).toString(), offset)).toBe(true);
            at = offset + (tooLarge?.length ?? bytes.length);
          }
          expect(text.slice(at)).toMatch(/^[\r\n \t]*$/);
        },
      ),
    );
  });

  test('a record that is not malformed is one to csv-parse, too', async () => {
    await fc.assert(
      fc.asyncProperty(hostile, async (text) => {
        for (const { bytes, isMalformed } of await framesOf(text)) {
          if (isMalformed) continue;

          expect(parse(Buffer.from(bytes), { record_delimiter: '\n', relax_column_count: true })).toHaveLength(1);
        }
      }),
    );
  });

  test('fields that a writer has quoted come back', async () => {
    const field = fc.string({ unit: fc.constantFrom('a', '"', ',', '\n', '\r', 'é', ' '), maxLength: 8 });
    const row = fc.array(field, { minLength: 2, maxLength: 3 });
    const quote = (text: string): string => `"${text.replaceAll('"', '""')}"`;
    await fc.assert(
      fc.asyncProperty(fc.array(row, { minLength: 1, maxLength: 5 }), async (rows) => {
        const frames = await framesOf(rows.map((fields) => fields.map(quote).join(',')).join('\r\n'));
        const read = frames.map(({ bytes }) => parse(Buffer.from(bytes), { record_delimiter: '\n' })[0]);
        expect(read).toEqual(rows);
      }),
    );
  });

  test('takes time in proportion to its size, however the quotes stand', async () => {
    // Each line opens a quote that only doubled ones follow; looked for to the end each time, this would be 10^10 steps.
    const text = `a\n${'""x\n'.repeat(100_000)}"y\n${'""x\n'.repeat(100_000)}`;
    expect(await framesOf(text, 1 << 24)).toHaveLength(200_002);
  });
});
