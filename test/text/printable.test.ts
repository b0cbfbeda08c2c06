import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { columnsOf, printable, printableJson, printableLines } from '../../src/text/printable.ts';
import { withoutStyles } from '../../src/text/styles.ts';
import { textTable } from '../../src/text/text-table.ts';
import { anyCharacter } from '../support/any-character.ts';
import { propertyRuns } from '../support/thorough.ts';

/** One or more of each kind that a terminal, a page or a reader could be misled by. */
const acting = [
  ...['\u0000', '\u0007', '\b', '\t', '\r', '\u001b', '\u007f', '\u0085', '\u009b', '\u009f'],
  ...['\u061c', '\u200e', '\u200f', '\u202a', '\u202b', '\u202c', '\u202d', '\u202e', '\u2066', '\u2067', '\u2068', '\u2069'],
  ...['\u2028', '\u2029', '\u200b', '\u200c', '\u200d', '\u2060', '\u2064', '\ufeff', '\u00ad', '\u034f', '\u115f', '\u3164'],
  ...['\u00a0', '\u2003', '\u3000', '\u2800', '\ufe0f', '\u{e0100}', '\u{e0041}', '\u{e007f}', '\ufff9', '\ud800', '\udfff'],
  ...['\ue000', '\u{10ffff}', '\ufdd0', '\u{1d173}'],
]; // biome-ignore format: by kind

/** Nothing but line feeds may act; which characters do is said here without the tables of the code. */
const unsafe = new RegExp(
  `(?!\\n)[${[
    ...['\\p{C}', '\\p{Zl}', '\\p{Zp}', '\\u034f', '\\u115f\\u1160', '\\u17b4\\u17b5', '\\u180b-\\u180f', '\\u3164', '\\ufe00-\\ufe0f'],
    ...['\\uffa0', '\\u{e0000}-\\u{e0fff}', '\\u00a0', '\\u1680', '\\u2000-\\u200a', '\\u202f', '\\u205f', '\\u3000', '\\u2800'],
  ].join('')}]`,
  'u',
); // biome-ignore format: by kind

describe('printable text', () => {
  test.each(acting)('shows %j by its code point', (character) => {
    const shown = `\\u{${character.codePointAt(0)!.toString(16)}}`;
    expect(printable(`a${character}b`)).toBe(`a${shown}b`);
    expect(printableLines(`a${character}\nb`)).toBe(`a${shown}\nb`);
  });

  test.each([
    ['plain', 'plain'],
    ['a\u202eb\u2066c', 'a\\u{202e}b\\u{2066}c'],
    ['nul \u0000, bell \u0007, line\nend', 'nul \\u{0}, bell \\u{7}, line\\u{a}end'],
    ['no\u00a0break\u200bzero', 'no\\u{a0}break\\u{200b}zero'],
    ['half \ud800', 'half \\u{d800}'],
    ['private \ue0000\ue001', 'private \\u{e000}0\\u{e001}'],
    ['tag \u{e0041}', 'tag \\u{e0041}'],
    ['عمر', 'عمر'],
    ['e\u0301', 'e\u0301'],
    ['C:\\users\\u1', 'C:\\users\\u1'],
    ['a \\u{202e} that is written', 'a \\u{5c}u{202e} that is written'],
  ])('of %j is %j', (text, shown) => {
    expect(printable(text, 80)).toBe(shown);
    expect(printable(text)).toBe(shown);
  });

  test('is cut to the columns that there are, with an ellipsis', () => {
    expect(printable('abcdef', 6)).toBe('abcdef');
    expect(printable('abcdefg', 6)).toBe('abcde…');
    expect(printable('漢字漢字', 6)).toBe('漢字…');
    expect(printable(`${'a'.repeat(5)}\u202e`, 6)).toBe('aaaaa…');
    expect(printable('x'.repeat(1_000_000), 20)).toHaveLength(20);
  });

  test('does not pile marks up, and hides none', () => {
    expect(printable(`a${'\u0301'.repeat(4)}b`)).toBe(`a${'\u0301'.repeat(3)}\\u{301}b`);
    expect(printable(`a${'\u0301'.repeat(1000)}b`, 10)).toBe(`a${'\u0301'.repeat(3)}\\u{301}…`);
  });

  const anyText = fc.string({ unit: anyCharacter, maxLength: 200 });

  test('of any kind is well-formed, free of what cannot be seen, and no wider than asked for', () => {
    fc.assert(
      fc.property(anyText, fc.integer({ min: 1, max: 40 }), (text, most) => {
        const shown = printable(text, most);
        expect(shown.isWellFormed()).toBe(true);
        expect(shown).not.toMatch(unsafe);
        expect(columnsOf(shown)).toBeLessThanOrEqual(most);
      }),
    );
  });

  test('differs where the texts differ', () => {
    const tricky = fc.string({
      unit: fc.constantFrom('\\', 'u', '{', '}', '5', 'c', '2', '0', 'e', '\u202e', '\n', 'a'),
    });
    fc.assert(
      fc.property(fc.oneof(anyText, tricky), fc.oneof(anyText, tricky), (one, other) => {
        fc.pre(one !== other);
        expect(printable(one)).not.toBe(printable(other));
      }),
      { numRuns: propertyRuns(2000) },
    );
  });

  test('in lines keeps the lines', () => {
    fc.assert(
      fc.property(anyText, (text) => {
        const shown = printableLines(text);
        expect(shown).not.toMatch(unsafe);
        expect(shown.split('\n')).toHaveLength(text.split('\n').length);
        expect(printableLines(shown)).toBe(shown);
      }),
    );
  });
});

describe('JSON for a terminal', () => {
  test.each(acting)('has %j as an escape of JSON', (character) => {
    const shown = printableJson(JSON.stringify({ [character]: character }));
    expect(shown).not.toMatch(unsafe);
    expect(JSON.parse(shown)).toEqual({ [character]: character });
  });

  test('has the same value, whatever the value is', () => {
    fc.assert(
      fc.property(fc.jsonValue({ stringUnit: anyCharacter }), (value) => {
        const shown = printableJson(JSON.stringify(value, null, 1));
        expect(shown).not.toMatch(unsafe);
        expect(JSON.parse(shown)).toEqual(JSON.parse(JSON.stringify(value)));
      }),
    );
  });
});

describe('a table', () => {
  test('has a line for each row whatever is in the cells, and columns under each other', () => {
    const cells = ['a', 'line\nfeed', '漢字', 'e\u0301', '\u202eb', '\u001b[31m'];
    const lines = withoutStyles(
      textTable(
        [{ title: 'na\u202eme' }, { title: 'n', align: 'right' }],
        cells.map((cell, i) => [cell, String(i)]),
      ),
    ).split('\n');
    expect(lines.pop()).toBe('');
    expect(lines).toHaveLength(cells.length + 2);
    expect(new Set(lines.map(columnsOf)).size).toBe(1);
    expect(lines.join('')).not.toMatch(unsafe);
  });
});
