import fc from 'fast-check';
import { expect, test } from 'vitest';
import { decimalOf, digitsAt, longOf, longOfNumber } from '../../src/records/numbers.ts';
import { show } from '../../src/records/parse.ts';

const long = fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n });

test('every integer of 64 bits is exact, and none beyond is taken', () => {
  fc.assert(
    fc.property(long, (value) => {
      expect(longOf(String(value))).toBe(value);
    }),
  );
  expect(longOf('9223372036854775808')).toBeNull();
  expect(longOf('-9223372036854775809')).toBeNull();
  expect(longOf('9'.repeat(100_000))).toBeNull();
});

test('an integer may be written with a fraction or an exponent', () => {
  expect(longOf('12.0')).toBe(12n);
  expect(longOf('1.2e1')).toBe(12n);
  expect(longOf('-0')).toBe(0n);
  expect(longOf('+12')).toBe(12n);
  for (const text of ['1.5', '1e-1', '1e400', '1e300']) expect(longOf(text)).toBeNull();
});

test('text that is not a decimal number is none, though Number takes it', () => {
  for (const text of ['', ' ', '0x10', '0b1', '0o7', 'Infinity', '.', '1_0', '1e']) {
    expect(longOf(text), text).toBeNull();
    expect(decimalOf(text), text).toBeNull();
  }
  for (const [text, value] of [
    ['1.', 1],
    ['.5', 0.5],
    ['-1E+2', -100],
    ['+0', 0],
  ] as const)
    expect(decimalOf(text), text).toBe(value);
});

test('a long text that only begins like a number is told in the time that it takes to read it', () => {
  const text = `${'1'.repeat(1 << 20)}x`;
  const started = performance.now();
  expect(decimalOf(text)).toBeNull();
  expect(performance.now() - started).toBeLessThan(1000);
});

test('digits are read again where the parsed number is not exact', () => {
  fc.assert(
    fc.property(long, (value) => {
      const json = `{"a":[0,{"b\\u0063":${value}}]}`;
      const number = Number(value);
      expect(longOfNumber(number, () => digitsAt(json, ['a', '1', 'bc']))).toBe(value);
    }),
  );
  expect(digitsAt('{"a":"1"}', ['a'])).toBeNull();
  expect(digitsAt('{"a":1}', ['b', 'c'])).toBeNull();
});

test('a message has numbers as they are read, those too large for a double too', () => {
  expect(['1e400', '-1e400', '1.50'].map((text) => show(JSON.parse(text)))).toEqual([
    'number Infinity',
    'number -Infinity',
    'number 1.5',
  ]);
});
