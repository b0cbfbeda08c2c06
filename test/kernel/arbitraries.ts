/** Values that encodings are tried with. */
import fc from 'fast-check';
import { anyCharacter } from '../support/any-character.ts';

const least = -(2n ** 63n);
const greatest = 2n ** 63n - 1n;

export const longs = fc.array(
  fc.oneof(
    fc.bigInt({ min: least, max: greatest }),
    fc.constantFrom(least, least + 1n, -1n, 0n, 1n, greatest - 1n, greatest),
    fc.bigInt({ min: 1_700_000_000_000_000n, max: 1_700_000_000_100_000n }),
  ),
  { maxLength: 600, size: 'max' },
);

/** Apart by less than 2^51, as the encoder wants them for deltas. */
export const nearLongs = fc
  .tuple(fc.bigInt({ min: least, max: greatest - 2n ** 51n }), fc.integer({ min: 0, max: 50 }))
  .chain(([base, bits]) =>
    fc.array(
      fc.bigInt({ min: 0n, max: 2n ** BigInt(bits) }).map((distance) => base + distance),
      { minLength: 1, maxLength: 600, size: 'max' },
    ),
  );

export const ints = fc.array(
  fc.oneof(fc.integer(), fc.integer({ min: 0, max: 9 }), fc.constantFrom(-(2 ** 31), 2 ** 31 - 1)),
  { maxLength: 600, size: 'max' },
);

export const doubles = fc.array(
  fc.oneof(fc.double(), fc.constantFrom(Number.NaN, -0, 0, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 5e-324)),
  { maxLength: 200, size: 'max' },
);

const shortText = fc.oneof(
  fc.string({ unit: anyCharacter, maxLength: 40 }),
  fc.string({ unit: fc.constantFrom('a', 'b', '\u0000', 'é', '💩'), maxLength: 24 }),
  fc.constantFrom('', 'a', 'ab'),
);

/** Neighbours that share prefixes of any length, and some text of up to 100 kB. */
export const texts = fc.array(
  fc.oneof(
    { weight: 20, arbitrary: shortText },
    { weight: 10, arbitrary: shortText.map((text) => `{"subject":"user-${text}`) },
    { weight: 1, arbitrary: fc.nat({ max: 100_000 }).map((length) => 'x'.repeat(length)) },
  ),
  { maxLength: 150, size: 'max' },
);

/** Numbers below 2^bits in runs of one to forty. */
export const runs = (bits: number): fc.Arbitrary<number[]> =>
  fc
    .array(fc.tuple(fc.nat({ max: 2 ** bits - 1 }), fc.integer({ min: 1, max: 40 })), { minLength: 1, maxLength: 60 })
    .map((all) => all.flatMap(([value, count]) => new Array<number>(count).fill(value)));
