import { DuckDBInstance } from '@duckdb/node-api';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { literal, quote } from '../../src/sql/literals.ts';
import { type ParameterValue, QueryError } from '../../src/sql/parameter.ts';
import { anyCharacter } from '../support/any-character.ts';
import { describeWith, rig } from '../support/rig.ts';
import { propertyRuns } from '../support/thorough.ts';

/** Characters that mean something to one lexer or another, and whole code points of every kind. */
const pieces = fc.oneof(
  fc.constantFrom(
    "'",
    "''",
    '"',
    '\\',
    '\\0041',
    '\\+01F600',
    '\0',
    '\n',
    '\r\n',
    '\t',
    '\u0085',
    '\u2028',
    '--',
    '/*',
  ),
  fc.constantFrom('*/', ';', '?', '$x', '$$', "U&'", "E'", '`', '%', '_', '😀', '\ufeff', '\ufffd', 'e\u0301'),
  fc.string({ unit: anyCharacter, maxLength: 4 }),
);
const hostileText = fc.array(pieces, { maxLength: 12 }).map((parts) => parts.join(''));
/** What a backslash-escape, a line end or the end of a string in C cannot tell apart. */
const known = [
  '',
  "'",
  "''",
  "\\'",
  '\\',
  '\\\\',
  '\0',
  'a\0b',
  '\r',
  '\r\n',
  ' ',
  "' OR '1'='1",
  '\u{10ffff}',
  '\ud7ff\ue000',
];

const bigint = fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n });
/** 0001-01-01 to 9999-12-31. */
const micros = fc.bigInt({ min: -62_135_596_800_000_000n, max: 253_402_300_799_999_999n });

const isoOf = (value: bigint): string => {
  const fraction = ((value % 1_000_000n) + 1_000_000n) % 1_000_000n;
  const seconds = new Date(Number((value - fraction) / 1000n)).toISOString().slice(0, 19).replace('T', ' ');
  return `${seconds}.${String(fraction).padStart(6, '0')}`;
};

describeWith(['trino'], 'a literal is read by Trino as the value that it was', () => {
  /** Through CASTs to text and bytes that Trino makes of them, so that nothing of ours is on the way back. */
  const read = async (expressions: readonly string[]): Promise<unknown[]> => {
    const { rows } = await (await rig.trino()).query(`SELECT ${expressions.join(', ')}`);
    return [...rows[0]!];
  };

  it('text of any characters', async () => {
    const check = async (texts: readonly string[]): Promise<void> => {
      const bytes = await read(texts.map((text) => `to_hex(to_utf8(${literal(text)}))`));
      expect(bytes).toEqual(texts.map((text) => Buffer.from(text).toString('hex').toUpperCase()));
    };
    await check(known);
    await fc.assert(fc.asyncProperty(fc.array(hostileText, { minLength: 20, maxLength: 40 }), check), {
      numRuns: propertyRuns(25),
    });
  });

  it('as a bound value just the same', async () => {
    const texts = [...known, ...fc.sample(hostileText, 100)];
    const client = await rig.trino();
    const places = texts.map(() => 'to_hex(to_utf8(?))').join(', ');
    const { rows } = await client.query(`EXECUTE IMMEDIATE 'SELECT ${places}' USING ${texts.map(literal).join(', ')}`);
    expect(rows[0]).toEqual(texts.map((text) => Buffer.from(text).toString('hex').toUpperCase()));
  });

  it('integers and timestamps of the whole range, and truth', async () => {
    const numbers = [0n, -1n, 2n ** 63n - 1n, -(2n ** 63n), ...fc.sample(bigint, 50)];
    expect(await read(numbers.map((value) => `CAST(1 * ${literal(value)} AS varchar)`))).toEqual(numbers.map(String));
    const times = [0n, -1n, -62_135_596_800_000_000n, 253_402_300_799_999_999n, ...fc.sample(micros, 50)];
    expect(await read(times.map((value) => `CAST(${literal({ micros: value })} AS varchar)`))).toEqual(
      times.map(isoOf),
    );
    expect(await read([literal(true), literal(false)])).toEqual([true, false]);
  });
});

describe('the same literals in DuckDB', () => {
  it('text without control characters, integers, timestamps and truth', async () => {
    const connection = await (await DuckDBInstance.create(':memory:')).connect();
    const plain = hostileText.filter((text) => !/\p{Cc}/u.test(text));
    const check = async (texts: readonly string[], numbers: readonly bigint[], times: readonly bigint[]) => {
      const expressions = [
        ...texts.map((text) => `hex(encode(${literal(text)}))`),
        ...texts.map((text) => `hex(encode(${quote(text)}))`),
        ...numbers.map((value) => `CAST(1 * ${literal(value)} AS VARCHAR)`),
        ...times.map((value) => `strftime(${literal({ micros: value })}, '%Y-%m-%d %H:%M:%S.%f')`),
      ];
      const result = await connection.runAndReadAll(`SELECT ${literal(true)}, ${expressions.join(', ')}`);
      const hex = texts.map((text) => Buffer.from(text).toString('hex').toUpperCase());
      expect(result.getRows()[0]).toEqual([true, ...hex, ...hex, ...numbers.map(String), ...times.map(isoOf)]);
    };
    const lists = [plain, bigint, micros].map((one) => fc.array<unknown>(one, { minLength: 1, maxLength: 20 }));
    const property = fc.asyncProperty(
      ...(lists as [fc.Arbitrary<string[]>, fc.Arbitrary<bigint[]>, fc.Arbitrary<bigint[]>]),
      check,
    );
    await fc.assert(property, { numRuns: propertyRuns(50) });
    connection.closeSync();
  });
});

describe('what has no literal is refused', () => {
  it.each<[what: string, value: ParameterValue]>([
    ['half of a surrogate pair', 'a\ud83d'],
    ['the other half', '\ude00b'],
    ['an integer past bigint', 2n ** 63n],
    ['an integer below it', -(2n ** 63n) - 1n],
    ['a time past year 9999', { micros: 253_402_300_800_000_000n }],
    ['a time before year 1', { micros: -62_135_596_800_000_001n }],
    ['a time that no Date can hold', { micros: 2n ** 100n }],
  ])('%s', (_what, value) => {
    expect(() => literal(value)).toThrow(QueryError);
  });
});
