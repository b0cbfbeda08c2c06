/**
 * Sizes, durations and plain numbers as people write them in a config file, an environment variable or a flag.
 * Every function returns undefined for what it cannot read, so that the caller can name the key.
 */

const sizeUnits: Readonly<Record<string, number>> = {
  '': 1,
  b: 1,
  kib: 2 ** 10,
  mib: 2 ** 20,
  gib: 2 ** 30,
  tib: 2 ** 40,
  kb: 1e3,
  mb: 1e6,
  gb: 1e9,
  tb: 1e12,
};

/** Bytes from 1048576, "1048576", "256MiB", "1.5 GiB" or "10MB" (MiB is 2^20, MB is 10^6). */
export function parseSize(value: string | number): number | undefined {
  if (typeof value === 'number') return Number.isSafeInteger(value) && value >= 0 ? value : undefined;
  const match = /^\s*(\d+(?:\.\d+)?)\s*([a-z]*)\s*$/i.exec(value);
  const unit = match && sizeUnits[match[2]!.toLowerCase()];
  if (unit === undefined || unit === null) return undefined;
  const bytes = Math.round(Number(match![1]) * unit);
  return Number.isSafeInteger(bytes) ? bytes : undefined;
}

const durationUnits: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600, d: 86_400 };

/** Seconds from 600, "600", "90s", "10m", "1h30m" or "2d". */
export function parseDuration(value: string | number): number | undefined {
  if (typeof value === 'number') return Number.isFinite(value) && value >= 0 ? value : undefined;
  const text = value.trim();
  if (/^\d+(\.\d+)?$/.test(text)) return Number(text);
  if (!/^(\d+(\.\d+)?[smhd])+$/.test(text)) return undefined;
  let seconds = 0;
  for (const [, amount, unit] of text.matchAll(/(\d+(?:\.\d+)?)([smhd])/g)) {
    seconds += Number(amount) * durationUnits[unit!]!;
  }
  return seconds;
}

/** A whole number from 10000, "10000", "10,000" or "10_000". */
export function parseCount(value: string | number): number | undefined {
  if (typeof value === 'number') return Number.isSafeInteger(value) && value >= 0 ? value : undefined;
  if (!/^\d{1,3}([,_]\d{3})+$|^\d+$/.test(value.trim())) return undefined;
  const count = Number(value.replace(/[,_]/g, ''));
  return Number.isSafeInteger(count) ? count : undefined;
}

/** A share from 0.01, "0.01" or "1%". */
export function parseShare(value: string | number): number | undefined {
  if (typeof value === 'number') return value >= 0 ? value : undefined;
  const text = value.trim();
  if (!/^\d+(\.\d+)?\s*%?$/.test(text)) return undefined;
  return text.endsWith('%') ? Number(text.slice(0, -1)) / 100 : Number(text);
}

const truths = ['true', 'yes', 'on', '1'];
const falsehoods = ['false', 'no', 'off', '0'];

/** true and false as YAML and shells write them. */
export function parseBoolean(value: string | boolean): boolean | undefined {
  if (typeof value === 'boolean') return value;
  const text = value.trim().toLowerCase();
  if (truths.includes(text)) return true;
  if (falsehoods.includes(text)) return false;
  return undefined;
}

const anyCase = (word: string): string => word.replace(/[a-z]/g, (letter) => `[${letter.toUpperCase()}${letter}]`);
const oneOf = (words: readonly string[]): string => `(?:${words.map(anyCase).join('|')})`;

/** The texts that the functions above read, for the schema that editors check with. */
export const unitPatterns = {
  size: `^\\s*\\d+(?:\\.\\d+)?\\s*${oneOf(Object.keys(sizeUnits))}\\s*$`,
  duration: '^\\s*(?:\\d+(?:\\.\\d+)?|(?:\\d+(?:\\.\\d+)?[smhd])+)\\s*$',
  count: '^\\s*(?:\\d{1,3}(?:[,_]\\d{3})+|\\d+)\\s*$',
  share: '^\\s*(?:\\d+(?:\\.\\d+)?\\s*%?)\\s*$',
  boolean: `^\\s*${oneOf([...truths, ...falsehoods])}\\s*$`,
} as const;
