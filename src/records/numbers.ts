/**
 * Integers of JSON texts, exact to 64 bits: JSON.parse rounds beyond 2^53, so there the digits are read again.
 */
const MIN_LONG = -(2n ** 63n);
const MAX_LONG = 2n ** 63n - 1n;

/** An integer of 64 bits, however its decimal number is written (12, +12, 12.0, 1.2e1); null for any other text. */
export function longOf(text: string): bigint | null {
  if (/^[-+]?\d+$/.test(text)) {
    // 20 characters hold every long; a longer text is none, and BigInt of a hostile one would be slow.
    return text.length > 20 ? null : inRange(BigInt(text));
  }
  const value = decimalOf(text);
  return value !== null && Number.isSafeInteger(value) ? BigInt(value) : null;
}

/** A decimal number as JSON and databases write it; null for any other text, of which Number takes some, such as 0x10. */
export function decimalOf(text: string): number | null {
  return /^[-+]?(\d+(\.\d*)?|\.\d+)(e[-+]?\d+)?$/i.test(text) ? Number(text) : null;
}

/** The same for a parsed number; `text` gives its digits where the parsed value is not exact. */
export function longOfNumber(value: number, text: () => string | null): bigint | null {
  if (Number.isSafeInteger(value)) return BigInt(value);
  if (!Number.isInteger(value)) return null;
  const digits = text();
  return digits === null ? null : longOf(digits);
}

const inRange = (value: bigint): bigint | null => (value >= MIN_LONG && value <= MAX_LONG ? value : null);

/** The digits of the number at a path below a JSON text, as they stand; null where there is no number. */
export function digitsAt(json: string, path: readonly string[]): string | null {
  // The third argument of a reviver: proposal-json-parse-with-source, in V8 since 11.4.
  const revive = (_key: string, value: unknown, context?: { source?: string }): unknown =>
    typeof value === 'number' && context?.source !== undefined ? new Digits(context.source) : value;
  let value: unknown = JSON.parse(json, revive as (this: unknown, key: string, value: unknown) => unknown);
  for (const segment of path) value = (value as Record<string, unknown> | null)?.[segment];
  return value instanceof Digits ? value.text : null;
}

class Digits {
  readonly text: string;
  constructor(text: string) {
    this.text = text;
  }
}
