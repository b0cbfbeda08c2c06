/**
 * The automaton against another implementation of the same grammar: stream-json's verifier, fed the whole text, must
 * break at the same byte and say the same. JSON.parse must agree about what is a text at all.
 */
import fc from 'fast-check';
import { jsonVerifier } from 'stream-json/core/utils/verifier.js';
import { describe, expect, test } from 'vitest';
import { Grammar, type GrammarError, grammarErrorText } from '../../src/records/grammar.ts';
import { anyCharacter } from '../support/any-character.ts';
import { propertyRuns } from '../support/thorough.ts';

const token = fc.constantFrom(
  ...['{', '}', '[', ']', ',', ':', '"', '"a"', '"a":', '\\', '\\n', '\\u', '\\u00e9', '\\ud800', '\\x', '\0', '\x1f'],
  ...[
    'true',
    'false',
    'null',
    'tru',
    'nul',
    'x',
    '0',
    '1',
    '12',
    '-',
    '-0',
    '01',
    '.',
    '.5',
    'e',
    'E+',
    '1e5',
    '1.5e-3',
  ],
  ...[' ', '\n', '\r\n', '\t', 'é', '\u{1f600}', '_', '/', '"\\"', '[1,2]', '{"a":{"b":[]}}'],
);
const soup = fc.array(token, { maxLength: 14 }).map((tokens) => tokens.join(''));
const printed = fc
  .tuple(fc.jsonValue({ stringUnit: anyCharacter }), fc.constantFrom(0, 2))
  .map(([value, indent]) => JSON.stringify(value, null, indent));
const damaged = fc
  .tuple(printed, fc.nat(), token)
  .map(([text, at, junk]) => text.slice(0, at % (text.length + 1)) + junk + text.slice(at % (text.length + 1)));
const text = fc.oneof(
  soup,
  printed,
  damaged,
  fc.array(printed).map((values) => values.join('\n')),
);
const cuts = fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 5 });

/** What the other implementation says of the text with white space behind it. */
function byStreamJson(bytes: Buffer, many: boolean): GrammarError | null {
  const verify = jsonVerifier({ jsonStreaming: many }) as (text: string) => unknown;
  try {
    verify(`${bytes.toString('latin1')}${'\n'.repeat(32)}`);
    return null;
  } catch (error) {
    const { offset, message } = error as Error & { offset: number };
    const plain = message.replace(/^ERROR at [^:]*: /, '').replace(/^Verifier (?:cannot parse input: |has )/, '');
    return { offset, message: plain === 'escaped characters' ? 'no valid character or escape of a string' : plain };
  }
}

function inPieces(bytes: Buffer, sizes: readonly number[], many: boolean): GrammarError | null {
  const grammar = new Grammar(0, { many });
  for (let at = 0, turn = 0; at < bytes.length; turn++) {
    const end = Math.min(bytes.length, at + (sizes[turn % sizes.length] as number));
    const error = grammar.feed(bytes, at, end);
    if (error !== null) return error;
    at = end;
  }
  return grammar.finish();
}

describe('the grammar', () => {
  test('breaks at the byte, and for the reason, that another implementation gives, wherever the pieces end', () => {
    fc.assert(
      fc.property(text, cuts, fc.boolean(), (input, sizes, many) => {
        const bytes = Buffer.from(input);
        expect(inPieces(bytes, sizes, many)).toEqual(byStreamJson(bytes, many));
      }),
      { numRuns: propertyRuns(5000) },
    );
  });

  test('finds nothing wrong with exactly the texts that JSON.parse takes', () => {
    fc.assert(
      fc.property(text, (input) => {
        let isJson = true;
        try {
          JSON.parse(input);
        } catch {
          isJson = false;
        }
        expect(grammarErrorText(Buffer.from(input)) === null).toBe(isJson);
      }),
      { numRuns: propertyRuns(5000) },
    );
  });

  test('begins behind an element of an array where it is told so', () => {
    const behind = (input: string): GrammarError | null =>
      new Grammar(100, { inArray: true }).feed(Buffer.from(input), 0, input.length);
    expect(behind(',{"a":1}]{}')).toBeNull();
    expect(behind('x')).toEqual({ offset: 100, message: "expected ','" });
    expect(behind(' }')).toEqual({ offset: 101, message: "expected ']'" });
  });
});
