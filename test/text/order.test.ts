import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { compareText, textRange } from '../../src/text/order.ts';
import { anyCharacter } from '../support/any-character.ts';
import { propertyRuns } from '../support/thorough.ts';

const bytes = (a: string, b: string): number => Buffer.compare(Buffer.from(a), Buffer.from(b));
const unit = fc.constantFrom(
  'a',
  'b',
  '\x7f',
  'é',
  '\ud7ff',
  '\ue000',
  'ａ',
  '\uffff',
  '\u{10000}',
  '😀',
  '\u{10ffff}',
);
const text = fc.oneof(
  fc.array(unit, { maxLength: 5 }).map((units) => units.join('')),
  fc.string({ unit: anyCharacter }),
);

describe('the order of texts', () => {
  test('is that of their UTF-8 bytes', () => {
    expect(['😀.jsonl', 'ａ.jsonl'].sort(compareText)).toEqual(['ａ.jsonl', '😀.jsonl']);
    fc.assert(
      fc.property(text, text, (a, b) => {
        expect(Math.sign(compareText(a, b))).toBe(bytes(a, b));
      }),
      { numRuns: propertyRuns(5000) },
    );
  });

  test('gives a range that holds every text, however they came', () => {
    fc.assert(
      fc.property(fc.array(text, { minLength: 1, maxLength: 8 }), (texts) => {
        const sorted = [...texts].sort(bytes);
        expect(textRange(texts)).toEqual({ from: sorted[0], to: sorted.at(-1) });
      }),
    );
    expect(textRange([])).toBeUndefined();
  });
});

/** Ways to compare texts by UTF-16 code units. */
const otherOrders: Readonly<Record<string, RegExp>> = {
  'sort() without a comparator': /\.(?:sort|toSorted)\(\s*\)/,
  'a comparator by <': /<\s*[a-z][\w.]*\s*\?\s*-1\s*:/i,
  localeCompare: /\.localeCompare\(|Intl\.Collator/,
  'names compared by < or >': /\b(?:uri|path|key|name|prefix|location)\s(?:<|>)=?\s/i,
  'bytes made of texts to compare them': /Buffer\.compare\(Buffer\.from\(/,
};

/** Lines that look like one and compare numbers. */
const numbers = ['iceberg/avro.ts: a comparator by <', 'parquet/format/bounds.ts: a comparator by <'];

describe('in the sources', () => {
  const src = join(import.meta.dirname, '../../src');
  const files = globSync('**/*.ts', { cwd: src }).filter((file) => !file.startsWith('kernel/assembly/'));

  test('names, keys and paths are ordered in no other way', () => {
    const found = files.flatMap((file) =>
      readFileSync(join(src, file), 'utf8')
        .split('\n')
        .flatMap((line) =>
          /^\s*(?:\*|\/\*|\/\/)/.test(line)
            ? []
            : Object.entries(otherOrders)
                .filter(([, pattern]) => pattern.test(line))
                .map(([name]) => `${file}: ${name}`),
        ),
    );
    expect(found.sort()).toEqual(numbers);
  });

  test.each([
    ['uris.sort()', 'sort() without a comparator'],
    ['days.sort((a, b) => (a.day < b.day ? -1 : 1))', 'a comparator by <'],
    ['a.path < b.path', 'names compared by < or >'],
    ['key > uri', 'names compared by < or >'],
    ['a.localeCompare(b)', 'localeCompare'],
  ])('%s would be found', (line, name) => {
    expect(otherOrders[name]!.test(line)).toBe(true);
  });
});
