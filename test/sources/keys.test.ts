import { describe, expect, test } from 'vitest';
import { describeOkeraObject } from '../../src/sources/okera-audit/key.ts';
import { describeOpaObject } from '../../src/sources/opa/key.ts';

describe('keys of Enterprise OPA', () => {
  const none = { eopa: null, first_ts: null, last_ts: null };

  test('batches, below any prefix', () => {
    for (const prefix of ['s3://b/', 's3://b/prod/teapot/', 'file:///data/a=b/']) {
      expect(describeOpaObject(`${prefix}eopa=e1/first_ts=1689094900/last_ts=1689094902/batch_id=u.jsonl.gz`)).toEqual({
        relevant: true,
        range: [1_689_094_900_000, 1_689_094_902_999],
        columns: { eopa: 'e1', first_ts: 1_689_094_900n, last_ts: 1_689_094_902n },
      });
    }
  });

  test('first_ts behind last_ts is an interval all the same', () => {
    expect(describeOpaObject('s3://b/eopa=e/first_ts=20/last_ts=10/batch_id=u.jsonl').range).toEqual([10_000, 20_999]);
  });

  test('single decisions', () => {
    expect(describeOpaObject('s3://b/eopa=e/ts=1795318166/decision_id=d.json')).toEqual({
      relevant: true,
      range: [1_795_318_166_000, 1_795_318_166_999],
      columns: { eopa: 'e', first_ts: 1_795_318_166n, last_ts: 1_795_318_166n },
    });
  });

  test('null says nothing, and one null leaves the interval open', () => {
    expect(describeOpaObject('s3://b/eopa=null/first_ts=null/last_ts=null/batch_id=u.jsonl')).toEqual({
      relevant: true,
      columns: none,
    });
    expect(describeOpaObject('s3://b/eopa=e/first_ts=10/last_ts=null/batch_id=u.jsonl')).toEqual({
      relevant: true,
      columns: { eopa: 'e', first_ts: 10n, last_ts: null },
    });
  });

  test('the layout by hour', () => {
    const name = '5190195b-d6d4-495c-b21d-f4e2ad5bd386.json';
    expect(describeOpaObject(`s3://b/x/2023/05/24/10/${name}`).range).toEqual([
      Date.UTC(2023, 4, 24, 10),
      Date.UTC(2023, 4, 24, 11) - 1,
    ]);
    expect(describeOpaObject(`s3://b/2023/13/24/10/${name}`).range).toBeUndefined();
    expect(describeOpaObject('s3://b/2023/05/24/part-1.gz').range).toBeUndefined();
  });

  test("the hour in a key of another writer promises nothing: Firehose's is one of arrival, in any time zone", () => {
    const names = [
      'opa-1-2026-11-28-19-19-44-24c20d3c-06f6-4d05-98ec-601e4e5f3b6b',
      'opa-1-2026-11-28-19-19-44-24c20d3c-06f6-4d05-98ec-601e4e5f3b6b.gz',
      'd.json',
    ];
    for (const name of names) expect(describeOpaObject(`s3://b/opa/2026/11/28/19/${name}`).range).toBeUndefined();
  });

  test('hostile keys are text like any other', () => {
    expect(describeOpaObject('s3://b/../eopa=../first_ts=99999999999999999999/last_ts=1e3/batch_id=').columns).toEqual({
      eopa: '..',
      first_ts: null,
      last_ts: null,
    });
    const far = describeOpaObject('s3://b/eopa=e/first_ts=9223372036854775807/last_ts=0/batch_id=u.jsonl');
    expect(far.range).toBeUndefined();
    expect(far.columns.first_ts).toBe(9_223_372_036_854_775_807n);
    expect(describeOpaObject('s3://b/xeopa=e/u.jsonl').columns).toEqual(none);
  });
});

describe('keys of Okera', () => {
  test('service, tenant and day', () => {
    const name = 'planner-10.1.10.181-0-731c5cf0-4917-4947-b199-7fb257efcfba_audit.log';
    const day = [Date.UTC(2018, 8, 5), Date.UTC(2018, 8, 6) - 1];
    expect(describeOkeraObject(`s3://acme-ops/prod-7/audit/ymd=2018-09-05/${name}`)).toEqual({
      relevant: true,
      range: day,
      columns: { tenant: null, service: 'planner' },
    });
    expect(describeOkeraObject(`s3://x/audit/tenant=acme/ymd=2018-09-05/${name}.gz`)).toMatchObject({
      range: day,
      columns: { tenant: 'acme', service: 'planner' },
    });
  });

  test('services with dashes, IPv6 hosts, other names, impossible days', () => {
    const uuid = '731c5cf0-4917-4947-b199-7fb257efcfba';
    const service = (name: string): unknown => describeOkeraObject(`s3://x/ymd=2018-09-31/${name}`).columns.service;
    expect(service(`cdas-rest-server-10.1.10.181-12-${uuid}_audit.log`)).toBe('cdas-rest-server');
    expect(service(`worker-fe80::1-0-${uuid}_audit.log`)).toBe('worker');
    expect(service('planner.log')).toBeNull();
    expect(describeOkeraObject('s3://x/ymd=2018-09-31/planner.log').range).toBeUndefined();
  });
});

test('markers, hidden files and files of tables are no logs', () => {
  for (const name of [
    '',
    '_SUCCESS',
    '.part.jsonl',
    'dir_$folder$',
    'x.parquet',
    'v1.metadata.json',
    'version-hint.text',
  ]) {
    expect(describeOpaObject(`s3://b/x/${name}`).relevant, name).toBe(false);
    expect(describeOkeraObject(`s3://b/x/${name}`).relevant, name).toBe(false);
  }
  for (const name of ['a.jsonl', 'a', 'a.json.gz', 'metadata.json']) {
    expect(describeOpaObject(`s3://b/x/${name}`).relevant, name).toBe(true);
  }
});
