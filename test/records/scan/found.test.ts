/** Records that the two paths once read differently, each with what it was about. */
import { expect, test } from 'vitest';
import { createSource } from '../../../src/sources/index.ts';
import type { SourceType } from '../../../src/sources/registry.ts';
import type { PromotedColumn } from '../../../src/tables/promoted.ts';
import { BothPaths, type Verdict } from './both-paths.ts';
import { addresses, times } from './odd-values.ts';
import { limits } from './promotions.ts';

const column = (path: string, type: PromotedColumn['type'] = 'string'): PromotedColumn => ({
  path,
  type,
  strict: false,
});

function verdict(type: SourceType, columns: Record<string, PromotedColumn>, record: string, uri?: string): Verdict {
  const both = new BothPaths(createSource(type, columns, limits), uri);
  const verdict = both.take(record);
  both.compareRows();
  return verdict;
}

const decision = (more: string): string => `{"decision_id":"d","timestamp":"2023-07-11T17:01:42Z"${more}}`;

test('a field that only a promoted column knows is in extra all the same', () => {
  const columns = { tenant_id: column('tenant.id'), level: column('level'), made: column('constructor.name') };
  const more = ',"tenant":{"id":"t","plan":"free"},"level":"info","constructor":{"name":"n"}';
  expect(verdict('opa', columns, decision(more))).toBe('fast');
  const record = '{"request_id":"a:b","request_time":"2020-10-30 10:05:01","tenant":{"id":"t"}}';
  expect(verdict('okera-audit', { tenant_id: column('tenant.id') }, record)).toBe('fast');
});

test('several columns read one path', () => {
  const columns = {
    who: column('input.subject'),
    who_too: column('input.subject'),
    text: column('input'),
    granted: column('result', 'boolean'),
    id: column('decision_id'),
  };
  expect(verdict('opa', columns, decision(',"input":{"subject":"s"},"result":true'))).toBe('fast');
  expect(verdict('opa', columns, decision(',"input":"all of it","result":{"allowed":true}'))).toBe('fast');
});

test('an index into a list that is a column of its own', () => {
  const columns = { first_role: column('result.roles.0'), erased_first: column('erased.0') };
  verdict('opa', columns, decision(',"result":{"roles":["sales"]},"erased":["/input/x"]'));
});

test('a request id with escapes in it has its halves', () => {
  for (const id of ['a\\u003ab', '\\u0061:B', 'a:b\\n', 'a\\/:b', '\\"a:b']) {
    expect(verdict('okera-audit', {}, `{"request_id":"${id}","request_time":"2020-10-30 10:05:01"}`)).toBe('fast');
  }
});

test('seconds of an object key beyond 2^53 are exact', () => {
  const uri = 's3://b/eopa=e/first_ts=9007199254740993/last_ts=-9223372036854775808/batch_id=b.jsonl';
  expect(verdict('opa', {}, decision(''), uri)).toBe('fast');
});

test('white space in front of a record is left to the reference path, and no text inside of a record is taken for a prefix', () => {
  expect(verdict('opa', {}, `\n${decision(',"path":"Decision Log {"')}`)).toBe('slow');
});

test('a promoted time or int in every form', () => {
  const columns = { at: column('input.at', 'timestamp'), small: column('input.at', 'int') };
  const texts = [...times.plain, ...times.odd, ...addresses].map((text) => JSON.stringify(text));
  const numbers = [
    '0',
    '-0',
    '1',
    '2147483647',
    '2147483648',
    '-2147483648',
    '-2147483649',
    '4294967296',
    '1.0',
    '1e3',
  ];
  const both = new BothPaths(createSource('opa', columns, limits));
  for (const [n, at] of [...texts, ...numbers, '"2023\\u002d07-11T17:01:42Z"', 'true', '{}', '[]', 'null'].entries()) {
    both.take(`{"decision_id":"d-${n}","timestamp":"2023-07-11T17:01:42Z","input":{"at":${at}}}`);
  }
  both.compareRows();
  expect(both.counts.fast).toBeGreaterThan(30);
});

test('keys that are names of every JavaScript object', () => {
  const columns = {
    proto: column('input.__proto__'),
    named: column('labels.constructor'),
    below: column('__proto__.x'),
  };
  const members = '"__proto__":"p","constructor":"c","toString":"t","hasOwnProperty":"h"';
  const more = `,"input":{${members}},"labels":{${members}},"metrics":{"__proto__":1,"valueOf":2},${members}`;
  expect(verdict('opa', columns, decision(more))).toBe('fast');
});
