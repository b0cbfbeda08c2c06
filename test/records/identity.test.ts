import { expect, test } from 'vitest';
import type { Value } from '../../src/columns/types.ts';
import { rowIdentity } from '../../src/records/identity.ts';
import type { RowOutcome } from '../../src/records/outcome.ts';
import { type ReadRecord, readFrames } from '../../src/records/read-records.ts';
import { createSource } from '../../src/sources/index.ts';
import type { Source } from '../../src/sources/source.ts';

const limits = { recordBytes: 1 << 20, nestingDepth: 100 };

function rowOf(source: Source, text: string, uri = 's3://b/k', offset = 0): RowOutcome {
  const reader = source.openObject(uri, source.describeObject(uri));
  const [{ outcome }] = readFrames(reader, [{ bytes: Buffer.from(text), offset }]) as [ReadRecord];
  if (outcome.kind !== 'row') throw new Error(JSON.stringify(outcome));
  return outcome;
}

const okera = createSource('okera-audit', {}, limits);
const record =
  '{"request_id":"1:2","request_time":"2020-10-30 10:05:01","user":"zoë","bytes_scanned":9007199254740993}';
const decision =
  '{"decision_id":"d","timestamp":"2023-07-11T17:01:42Z","labels":{"a":"1"},"metrics":{"m":3},"erased":["/x"],"result":true,"new":1}';

test('an Okera record is itself wherever it stands, and no other', () => {
  const here = rowOf(okera, record);
  const key =
    's3://b/audit/tenant=t/ymd=2020-10-30/worker-10.1.10.181-0-3e80936e-30d0-4080-a519-f1676d6544bf_audit.log';
  expect(rowOf(okera, record, key, 77).identity).toEqual(here.identity);
  expect(here.identity?.id).toBeNull();
  for (const other of [
    record.replace('zoë', 'zoe'),
    record.replace('993', '992'),
    record.replace('"user"', '"status"'),
  ]) {
    expect(rowOf(okera, other).identity).not.toEqual(here.identity);
  }
});

const opa = createSource('opa', {}, limits);
const changed = (changes: object): string => JSON.stringify({ ...JSON.parse(decision), ...changes });
const identityOf = (source: Source, text: string): string => rowIdentity(source.table, rowOf(source, text).values);

test('a decision is itself wherever it stands, and another one under its id is not', () => {
  const here = rowOf(opa, decision);
  expect(here.identity?.id).toBe('d');
  const key = 's3://b/eopa=e/first_ts=1/last_ts=2/batch_id=x.jsonl';
  expect(rowOf(opa, decision, key, 77).identity).toEqual(here.identity);
  expect(rowIdentity(opa.table, rowOf(opa, decision, key, 77).values)).toBe(identityOf(opa, decision));
  const others = [
    ...[{ result: false }, { input: {} }, { labels: { a: '2' } }, { labels: { b: '1' } }, { metrics: { m: 4 } }],
    ...[{ erased: ['/y'] }, { erased: [] }, { new: 2 }, { newer: 1 }, { req_id: 1 }, { path: '' }],
    { timestamp: '2023-07-11T17:01:42.000Z' },
  ].map(changed);
  const all = [decision, ...others];
  expect(new Set(all.map((text) => Buffer.from(rowOf(opa, text).identity!.content).toString('hex'))).size).toBe(13);
  expect(new Set(all.map((text) => identityOf(opa, text))).size).toBe(13);
});

test('the order and the spacing of the members of a record make no difference', () => {
  const { result, new: more, ...rest } = JSON.parse(decision);
  const reordered = JSON.stringify({ result, ...rest, new: more }, null, 2);
  expect(rowOf(opa, reordered).identity).toEqual(rowOf(opa, decision).identity);
});

test('a decision is the same in whatever wrapper it comes, and a record cannot declare a part of itself a wrapper', () => {
  const wrapped = (more: object): string => JSON.stringify({ log: `${decision}\n`, ...more });
  const splunk = JSON.stringify({ event: JSON.parse(decision), time: 1 });
  const { identity } = rowOf(opa, decision);
  for (const text of [wrapped({ stream: 'stderr' }), wrapped({ time: '1', kubernetes: { pod: 'p' } }), splunk]) {
    const row = rowOf(opa, text);
    expect(row.identity).toEqual(identity);
    expect(rowIdentity(opa.table, row.values)).toBe(identityOf(opa, decision));
  }
  const posing = [{ $envelope: { a: 1 } }, { $envelope: { a: 2 } }, { $shadowed: { '/a': [1] } }].map(changed);
  const all = [...posing, decision];
  expect(new Set(all.map((text) => Buffer.from(rowOf(opa, text).identity!.content).toString('hex'))).size).toBe(4);
  expect(new Set(all.map((text) => identityOf(opa, text))).size).toBe(4);
});

test('an empty id is nobody: such a record is never a duplicate', () => {
  expect(rowOf(opa, decision.replace('"d"', '""')).identity).toBeNull();
});

test('a row read back from Parquet has the identity of the row that was written', () => {
  const { table } = opa;
  const { values } = rowOf(opa, decision);
  const readBack = values.map((value, i): unknown => {
    const type = table.columns[i]?.type;
    if (value === null) return undefined;
    if (typeof value === 'bigint') return Number(value);
    if (typeof value === 'string') return Buffer.from(value);
    if (value instanceof Uint8Array) return Buffer.from(value).toString();
    if (typeof type === 'object' && 'map' in type) {
      return (value as [string, Value][]).map(([key, entry]) => ({
        key,
        value: typeof entry === 'bigint' ? Number(entry) : entry,
      }));
    }
    return value;
  });
  expect(rowIdentity(table, readBack)).toBe(rowIdentity(table, values));
  const maps = values.map((value, i): unknown => {
    const type = table.columns[i]?.type;
    return value !== null && typeof type === 'object' && 'map' in type ? new Map(value as [string, Value][]) : value;
  });
  expect(rowIdentity(table, maps)).toBe(rowIdentity(table, values));
});

test('a column promoted later does not change who a row is', () => {
  const later = createSource('okera-audit', { who: { path: 'user', type: 'string', strict: false } }, limits);
  expect(rowOf(later, record).identity).toEqual(rowOf(okera, record).identity);
});
