/** DuckDB values as cells that JSON can carry without loss. */
import {
  DuckDBArrayValue,
  DuckDBDateValue,
  DuckDBListValue,
  DuckDBMapValue,
  DuckDBStructValue,
  DuckDBTimestampMillisecondsValue,
  DuckDBTimestampNanosecondsValue,
  DuckDBTimestampSecondsValue,
  DuckDBTimestampTZValue,
  DuckDBTimestampValue,
  type DuckDBValue,
} from '@duckdb/node-api';
import type { CellValue } from '../engine.ts';

/**
 * Integers up to 2^53 are numbers, larger ones strings, and so are NaN and the infinities; timestamps are
 * `2023-07-11T17:01:42.252749Z`, always UTC with six digits, dates `2023-07-11`; lists are arrays, maps and structs
 * objects; decimals, intervals, blobs and the like are the text that DuckDB prints.
 */
export function toCell(value: DuckDBValue): CellValue {
  if (value === null || value === undefined) return null;
  if (typeof value === 'string' || typeof value === 'boolean') return value;
  if (typeof value === 'number') return Number.isFinite(value) ? value : String(value);
  if (typeof value === 'bigint') return isSafe(value) ? Number(value) : String(value);
  if (value instanceof DuckDBListValue || value instanceof DuckDBArrayValue) return value.items.map(toCell);
  if (value instanceof DuckDBMapValue) {
    return Object.fromEntries(value.entries.map((entry) => [keyText(entry.key), toCell(entry.value)]));
  }
  if (value instanceof DuckDBStructValue) {
    return Object.fromEntries(Object.entries(value.entries).map(([name, entry]) => [name, toCell(entry)]));
  }
  if (value instanceof DuckDBDateValue) return value.toString();
  if (value instanceof DuckDBTimestampValue) return timestamp(value);
  if (value instanceof DuckDBTimestampTZValue) return timestamp(new DuckDBTimestampValue(value.micros));
  if (
    value instanceof DuckDBTimestampSecondsValue ||
    value instanceof DuckDBTimestampMillisecondsValue ||
    value instanceof DuckDBTimestampNanosecondsValue
  ) {
    return value.toString().replace(' ', 'T').concat('Z');
  }
  return String(value);
}

const isSafe = (value: bigint): boolean =>
  value >= BigInt(Number.MIN_SAFE_INTEGER) && value <= BigInt(Number.MAX_SAFE_INTEGER);

const keyText = (value: DuckDBValue): string => {
  const cell = toCell(value);
  return typeof cell === 'string' ? cell : JSON.stringify(cell);
};

function timestamp(value: DuckDBTimestampValue): string {
  const text = value.toString();
  // The infinities, and years before 1, which no ISO text has, stay as DuckDB writes them.
  const [, day, seconds, fraction = ''] = /^(\d+-\d\d-\d\d) ([\d:]+)(?:\.(\d+))?$/.exec(text) ?? [];
  return day === undefined ? text : `${day}T${seconds}.${fraction.padEnd(6, '0')}Z`;
}
