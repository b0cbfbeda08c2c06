/**
 * The records that the questions are asked about, as the raw JSON has them, in the forms that answers have; and what it
 * takes to compute answers from them: filters, groups and orders in plain code, no SQL.
 */
import { isIP, isIPv4 } from 'node:net';
import type { CellValue } from '../../../src/engines/engine.ts';
import { type Row, tables } from '../support/columns.ts';
import type { LogObject } from '../support/logs.ts';
import { auditRow, decisionRow, rawRecords } from '../support/truth.ts';

/** By column: integers as numbers, times as 2023-07-11T17:01:42.252749Z, maps as objects. */
export type Fact = Readonly<Record<string, CellValue>>;

export function toFact(types: Readonly<Record<string, string>>, row: Row): Fact {
  return Object.fromEntries(
    Object.entries(row).map(([name, value]): [string, CellValue] => {
      const type = types[name]!;
      if (value === null) return [name, null];
      if (type === 'bigint') return [name, safe(String(value))];
      if (type.startsWith('timestamp')) return [name, `${String(value).replace(' ', 'T')}Z`];
      if (!type.startsWith('map(')) return [name, value];
      const entries = (value as unknown as [string, string][]).map(([key, entry]) => [
        key,
        type.endsWith('bigint)') ? safe(entry) : entry,
      ]);
      return [name, Object.fromEntries(entries)];
    }),
  );
}

const safe = (text: string): CellValue => (Number.isSafeInteger(Number(text)) ? Number(text) : text);

/** Rows of the log objects below `prefix`. */
export function decisionFacts(logs: readonly LogObject[], prefix: string): Fact[] {
  return logs.flatMap(({ key, body }) => {
    const [, eopa, first_ts, last_ts] = /eopa=([^/]+)\/first_ts=(\d+)\/last_ts=(\d+)/.exec(key)!;
    const where = { uri: `${prefix}${key}`, columns: { eopa, first_ts, last_ts } };
    return rawRecords(body.toString()).map((record) => {
      const row = decisionRow(record, where);
      return toFact(tables.opa_decisions, { ...row, client_ip_key: addressKey(String(row.client_ip ?? '')) });
    });
  });
}

export function auditFacts(logs: readonly LogObject[], prefix: string): Fact[] {
  return logs.flatMap(({ key, body }) => {
    const service = /(planner|worker)-/.exec(key)![1];
    const where = { uri: `${prefix}${key}`, columns: { service } };
    return rawRecords(body.toString()).map((record) => toFact(tables.okera_audit_logs, auditRow(record, where)));
  });
}

/** 32 hex digits of the address as IPv6; null for what is none. */
function addressKey(text: string): string | null {
  if (!isIP(text)) return null;
  const part = (value: string, base: number, digits: number): string =>
    Number.parseInt(value, base).toString(16).padStart(digits, '0');
  if (isIPv4(text))
    return `${'ffff'.padStart(24, '0')}${text
      .split('.')
      .map((byte) => part(byte, 10, 2))
      .join('')}`;
  const [head = [], tail = []] = text.split('::').map((half) =>
    half
      .split(':')
      .filter(Boolean)
      .map((group) => part(group, 16, 4)),
  );
  return head.join('') + '0000'.repeat(8 - head.length - tail.length) + tail.join('');
}

type Key = string | readonly ['desc', string];

/** An order like ORDER BY: text by its bytes, null last in either direction. */
export function by(...keys: readonly Key[]): (a: Fact, b: Fact) => number {
  return (a, b) => {
    for (const key of keys) {
      const [name, sign] = typeof key === 'string' ? [key, 1] : [key[1], -1];
      const [x, y] = [a[name] ?? null, b[name] ?? null];
      if (x === null || y === null) {
        if (x !== y) return x === null ? 1 : -1;
        continue;
      }
      const order = compare(x, y);
      if (order !== 0) return sign * order;
    }
    return 0;
  };
}

const compare = (x: CellValue, y: CellValue): number =>
  typeof x === 'number' && typeof y === 'number'
    ? x - y
    : Buffer.compare(Buffer.from(String(x)), Buffer.from(String(y)));

/** Groups of facts that have the same values in these columns. */
export function groups(facts: readonly Fact[], columns: readonly string[]): Fact[][] {
  const found = new Map<string, Fact[]>();
  for (const fact of facts) {
    const key = JSON.stringify(columns.map((column) => fact[column] ?? null));
    found.set(key, [...(found.get(key) ?? []), fact]);
  }
  return [...found.values()];
}

export const only = (fact: Fact, columns: readonly string[]): Fact =>
  Object.fromEntries(columns.map((column) => [column, fact[column] ?? null]));

export const between = (fact: Fact, from: string, to: string): boolean =>
  String(fact.event_time) >= from && String(fact.event_time) <= to;

/** Counts of verdicts, and the first and the last time. */
export function verdicts(facts: readonly Fact[]): Fact {
  const times = facts.map((fact) => String(fact.event_time)).sort();
  const count = (verdict: CellValue): number => facts.filter((fact) => (fact.allowed ?? null) === verdict).length;
  return {
    decisions: facts.length,
    allowed: count(true),
    denied: count(false),
    undecided: count(null),
    first_time: times[0]!,
    last_time: times.at(-1)!,
  };
}

/** Microseconds of an answer's time. */
export const micros = (time: CellValue): bigint =>
  BigInt(Date.parse(`${String(time).slice(0, 19)}Z`)) * 1000n + BigInt(String(time).slice(20, 26));
