/** Commands that are shown to be copied, given to the shells that they are for. */
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { queryCommand, shellWord } from '../../src/queries/command.ts';
import { anyCharacter } from '../support/any-character.ts';

/** What a shell makes of words, without their NULs, which no argument can have. */
const wordsOf = (shell: string, line: string): string[] =>
  execFileSync(shell, ['-c', `printf '%s\\0' ${line}`], { env: { LC_ALL: 'C.UTF-8', PATH: process.env.PATH } })
    .toString('utf8')
    .split('\0')
    .slice(0, -1);

const shells = ['/bin/bash', '/bin/zsh', '/usr/bin/zsh'].filter((shell) => existsSync(shell));

describe.each(shells)('a word in %s', (shell) => {
  test('is what was meant, whatever it has in it', () => {
    const texts = [
      '',
      "it's",
      '$HOME `id` "x" \\ !!',
      'a\nb\tc\u0007',
      '\u202elive\u202c',
      '漢字 😀 عمر',
      'no\u00a0break\u{e0041}',
      "both \u200b and ' and \\n",
      '--from',
      '~/x',
      '{a,b}',
    ];
    expect(wordsOf(shell, texts.map(shellWord).join(' '))).toEqual(texts);
  });

  test('of any kind is one word', () => {
    const text = fc
      .string({ unit: anyCharacter, maxLength: 30 })
      .filter((some) => some.isWellFormed() && !some.includes('\0'));
    fc.assert(
      fc.property(fc.array(text, { minLength: 50, maxLength: 100 }), (texts) => {
        expect(wordsOf(shell, texts.map(shellWord).join(' '))).toEqual(texts);
      }),
      { numRuns: 4 },
    );
  });
});

test('a word shows nothing that hides or turns around what stands beside it', () => {
  fc.assert(
    fc.property(fc.string({ unit: anyCharacter, maxLength: 30 }), (text) => {
      expect(shellWord(text)).not.toMatch(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Co}\p{Cs}]/u);
    }),
  );
});

test('a command names the question, its values, and the engine where it is not the usual one', () => {
  const given = new Map([
    ['from', '2023-07-11T00:00:00Z'],
    ['subject', "o'brien"],
  ]);
  expect(queryCommand('decisions', given)).toBe(
    `audit-warehouse query decisions from=2023-07-11T00:00:00Z 'subject=o'\\''brien'`,
  );
  expect(queryCommand('decisions', new Map(), 'trino')).toBe('audit-warehouse query decisions --engine trino');
});

test.each(['\ufe0f', '\u034f', '\u115f', '\u2800', '\u00ad', '\u{e0100}', '\u3164'])(
  'a mark or letter that is not drawn (%j) is written by its number',
  (character) => {
    expect(shellWord(`a${character}b`)).toMatch(/^\$'a(?:\\u[0-9a-f]{4}|\\U[0-9a-f]{8})b'$/);
  },
);
