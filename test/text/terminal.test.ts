/** What is shown on a terminal fits it, whatever the text. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Output } from '../../src/commands/shared/context.ts';
import { createOutput } from '../../src/commands/shared/output.ts';
import { markdownHead, markdownRow } from '../../src/text/markdown.ts';
import { columnsOf } from '../../src/text/printable.ts';
import { recordsText } from '../../src/text/records.ts';
import { renderStyles, styled, withoutStyles } from '../../src/text/styles.ts';
import { textTable } from '../../src/text/text-table.ts';
import { wrapLines } from '../../src/text/wrap.ts';
import { anyCharacter } from '../support/any-character.ts';

const linesOf = (text: string): string[] => withoutStyles(text).split('\n').slice(0, -1);
const cell = fc.oneof(
  fc.string({ maxLength: 80 }),
  fc.string({ unit: anyCharacter, maxLength: 40 }),
  fc.stringMatching(/^[漢字かな😀🇩a]{0,40}$/u),
  fc.constant('2023-07-11T16:55:37.920149Z'),
);

describe('a table', () => {
  const columns = [
    { title: 'event_time' },
    { title: 'decision_id', rank: 1 },
    { title: 'subject' },
    { title: 'rows', align: 'right' as const },
    { title: 'allowed' },
  ];
  const row = [
    '2023-07-11T16:55:37.920149Z',
    '893bf949-7bbb-4d79-a72a-a348812c18ba',
    'dr_evil@example.com',
    '12',
    'true',
  ];

  test('that fits is shown whole', () => {
    expect(textTable(columns, [row], { width: 200 })).toBe(textTable(columns, [row]));
  });

  test('that does not has its text cut, and then columns left out by their rank, with a note', () => {
    expect(linesOf(textTable(columns, [row], { width: 72 }))[2]).toBe(
      '2023-07-11T16:55:37…  893bf949-7bbb-4d…  dr_evil@example…    12  true',
    );
    const narrow = linesOf(textTable(columns, [row], { width: 55, advice: 'ask for fewer' }));
    expect(narrow[0]).toBe('event_time            subject             rows  allowed');
    expect(narrow.at(-1)).toBe('not shown: decision_id (ask for fewer)');
  });

  test('is never wider than the terminal, but for its first column and the note', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 20, max: 120 }),
        fc.array(fc.array(cell, { minLength: 5, maxLength: 5 }), { minLength: 1, maxLength: 5 }),
        (width, rows) => {
          const texts = columns.map(({ title }) => ({ title }));
          for (const line of linesOf(textTable(texts, rows, { width }))) {
            if (!line.startsWith('not shown: ')) expect(columnsOf(line)).toBeLessThanOrEqual(width);
          }
        },
      ),
    );
  });
});

test('rows one below the other fit too, and nothing of a value is lost', () => {
  fc.assert(
    fc.property(fc.integer({ min: 40, max: 120 }), fc.stringMatching(/^[a-z漢0-9]{0,300}$/u), (width, value) => {
      const lines = linesOf(recordsText(['name', 'other_name'], [['a', value]], { width }));
      expect(Math.max(...lines.map(columnsOf))).toBeLessThanOrEqual(width);
      const at = lines.findIndex((line) => line.startsWith('other_name'));
      expect(
        lines
          .slice(at)
          .map((line) => line.slice(12))
          .join(''),
      ).toBe(value);
    }),
  );
});

describe('columns of text', () => {
  test.each([
    ['ascii', 5],
    ['漢字', 4],
    ['ｱｲｳ', 3],
    ['한국', 4],
    ['각', 2],
    ['😀', 2],
    ['🇩🇪', 2],
    ['é', 1],
    ['a·b', 3],
    ['ａ', 2],
  ])('%s takes %i', (text, columns) => {
    expect(columnsOf(text)).toBe(columns);
  });
});

describe('lines', () => {
  test('are broken at spaces, below the text after their labels', () => {
    const text = 'ok       node  one two three four five six seven\nshort\n';
    expect(wrapLines(text, 30)).toBe(
      'ok       node  one two three\n               four five six\n               seven\nshort\n',
    );
    expect(wrapLines(text, undefined)).toBe(text);
  });

  test('keep words whole that are longer than the terminal', () => {
    expect(wrapLines('see s3://a-bucket/with/a/long/key now', 16)).toBe('see\ns3://a-bucket/with/a/long/key\nnow');
  });
});

describe('what a command writes', () => {
  const written = async (write: (output: Output) => Promise<void>, isTTY = true): Promise<string> => {
    let text = '';
    const stream = {
      isTTY,
      columns: 30,
      write(piece: string, done: () => void) {
        text += piece;
        done();
      },
    };
    await write(createOutput(stream, () => {}));
    return text;
  };
  const line = 'one two three four five six seven eight\n';

  test('for people is broken at the width of their terminal, whichever command it is', async () => {
    expect(await written((output) => output.write(line))).toBe('one two three four five six\nseven eight\n');
    expect(await written((output) => output.write(line), false)).toBe(line);
  });

  test('for programs never is', async () => {
    expect(await written((output) => output.writeData(line))).toBe(line);
    const json = `{"text":"${line.trim()}"}\n`;
    expect(await written((output) => output.writeJson(json))).toBe(json);
  });
});

describe('emphasis', () => {
  const harmless = (text: string): string => text.replaceAll('\u001b', '^');

  test('becomes escape sequences or nothing, and nothing else does', () => {
    const text = `${styled('bold', 'head\u001b')} rest\u001b`;
    expect(renderStyles(text, true, harmless)).toBe('\u001b[1mhead^\u001b[0m rest^');
    expect(renderStyles(text, false, harmless)).toBe('head^ rest^');
  });

  test('cannot be forged by a cell', () => {
    const forged = textTable([{ title: 'a' }], [['\u{f8a3}green\u{f8af}']]);
    expect(renderStyles(forged, true, harmless)).not.toContain('\u001b[32m');
  });
});

test('a cell of Markdown is text, whatever it has in it', () => {
  expect(markdownHead(['a', 'n'], [false, true])).toBe('| a | n |\n| --- | ---: |\n');
  // Behind a mark of emphasis, escaped or not, it would be a link too.
  expect(markdownRow(['_www.evil', 'www.evil WWW.evil'])).toBe('| \\_www\\.evil | www\\.evil WWW\\.evil |\n');
  expect(markdownRow(['a|b', '[x](http://evil) `c` <img> @me #1\nnext'])).toBe(
    '| a\\|b | \\[x\\](http\\://evil) \\`c\\` \\<img\\> \\@me \\#1\\\\u\\{a\\}next |\n',
  );
});
