import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { dataFileFromJson, dataFileToJson } from '../../src/iceberg/data-file.ts';
import { newTableMetadata } from '../../src/iceberg/schema.ts';
import { decodeValue, encodeValue, manifestLowerBound, manifestUpperBound } from '../../src/iceberg/values.ts';
import { compareValues } from '../../src/parquet/format/bounds.ts';
import { anyCharacter } from '../support/any-character.ts';
import { propertyRuns } from '../support/thorough.ts';
import { events, madeUpFile } from './fixture.ts';

const bytes = (text: string) => Buffer.from(text);
const text = (value: Uint8Array | undefined) => (value === undefined ? undefined : Buffer.from(value).toString());
const order = (a: Uint8Array, b: Uint8Array) => Buffer.compare(a, b);

describe('bounds of strings', () => {
  test.each([
    ['short', 'short', 'short'],
    ['exactly 16 chars', 'exactly 16 chars', 'exactly 16 chars'],
    ['exactly 16 chars and more', 'exactly 16 chars', 'exactly 16 chart'],
    ['\u{1f600}'.repeat(20), '\u{1f600}'.repeat(16), `${'\u{1f600}'.repeat(15)}\u{1f601}`],
    [`${'a'.repeat(15)}\ud7ff…`, `${'a'.repeat(15)}\ud7ff`, `${'a'.repeat(15)}\ue000`],
    [`${'a'.repeat(15)}\u{10ffff}…`, `${'a'.repeat(15)}\u{10ffff}`, `${'a'.repeat(14)}b`],
    ['\u{10ffff}'.repeat(17), '\u{10ffff}'.repeat(16), undefined],
    [`${'a'.repeat(15)}\u007f…`, `${'a'.repeat(15)}\u007f`, `${'a'.repeat(15)}\u0080`],
    ['', '', ''],
  ])('of %j are %j and %j', (value, lower, upper) => {
    expect(text(manifestLowerBound('string', value, false))).toBe(lower);
    expect(text(manifestUpperBound('string', value, false))).toBe(upper);
    expect(text(manifestUpperBound('string', value, true))).toBe(value);
  });

  test('hold for any strings, and are never cut inside a character', () => {
    fc.assert(
      fc.property(fc.string({ unit: anyCharacter, maxLength: 40 }), (value) => {
        const lower = manifestLowerBound('string', bytes(value), false);
        const upper = manifestUpperBound('string', bytes(value), false);
        expect(order(lower, bytes(value))).toBeLessThanOrEqual(0);
        if (upper !== undefined) expect(order(upper, bytes(value))).toBeGreaterThanOrEqual(0);
        for (const bound of [lower, ...(upper ? [upper] : [])]) {
          const decoded = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bound);
          expect([...decoded].length).toBeLessThanOrEqual(16);
        }
      }),
      { numRuns: propertyRuns(2000) },
    );
  });

  test('of bytes that are not UTF-8 give no upper bound, rather than a wrong one', () => {
    const odd = Buffer.concat([Buffer.alloc(20, 0xff), bytes('x'.repeat(20))]);
    expect(manifestUpperBound('string', odd, false)).toBeUndefined();
    expect(order(manifestLowerBound('string', odd, false), odd)).toBeLessThanOrEqual(0);
  });
});

describe('single values', () => {
  test.each([
    ['boolean', true, '01'],
    ['int', -2, 'feffffff'],
    ['long', 1n, '0100000000000000'],
    ['timestamp', -1n, 'ffffffffffffffff'],
    ['double', 1.5, '000000000000f83f'],
  ] as const)('%s %s is %s', (type, value, hex) => {
    expect(Buffer.from(encodeValue(type, value)).toString('hex')).toBe(hex);
    expect(decodeValue(type, Buffer.from(hex, 'hex'))).toBe(value);
  });

  test('a zero bound covers both zeros', () => {
    expect(Object.is(decodeValue('double', manifestLowerBound('double', 0, false)), -0)).toBe(true);
    expect(Object.is(decodeValue('double', manifestUpperBound('double', -0, false)!), 0)).toBe(true);
  });

  test('bounds from before int became long are read', () => {
    expect(decodeValue('long', Buffer.from('feffffff', 'hex'))).toBe(-2n);
  });

  test('what cannot be read is no bound', () => {
    expect(decodeValue('long', Buffer.alloc(3))).toBeUndefined();
    expect(decodeValue('decimal(9, 2)', Buffer.alloc(4))).toBeUndefined();
  });

  test('strings compare by bytes, not by UTF-16 units', () => {
    expect(compareValues('\uffff', '\u{10000}')).toBeLessThan(0);
    expect(compareValues(bytes('b'), 'a')).toBeGreaterThan(0);
  });
});

test('a data file survives JSON', () => {
  const metadata = newTableMetadata({ uuid: 'u', location: 'memory://a/b', declaration: events, nowMs: 1 });
  const file = madeUpFile(metadata, 'x', {
    bounds: { subject: ['\u0000', 'é'.repeat(30)], duration: [-(2n ** 63n), 2n ** 63n - 1n], port: [1, 2] },
  });
  expect(dataFileFromJson(JSON.parse(JSON.stringify(dataFileToJson(file))))).toEqual(file);
  expect(text(file.upperBounds.get(4))).toBe(`${'é'.repeat(15)}ê`);
  expect(file.sortOrderId).toBe(1);
});
