import { describe, expect, test } from 'vitest';
import { firstClaimDay } from '../../src/ingest/claimed-batch.ts';
import { createSource } from '../../src/sources/index.ts';

const limits = { recordBytes: 1 << 20, nestingDepth: 512 };
const opa = createSource('opa', {}, limits);
const okera = createSource('okera-audit', {}, limits);
const written = Date.UTC(2026, 0, 20);
const object = (key: string, lastModified = written) => ({ uri: `s3://b/${key}`, lastModified });
const batch = (first: number) => object(`eopa=a/first_ts=${first}/last_ts=${first + 9}/batch_id=b.jsonl`);

describe('the first day on which objects can have been claimed', () => {
  test('is the day before the earliest time that their keys promise', () => {
    const noon = Date.UTC(2026, 0, 15, 12) / 1000;
    expect(firstClaimDay(opa, [batch(noon)])).toBe('2026-01-14');
    expect(firstClaimDay(opa, [batch(noon), batch(noon - 3 * 86_400)])).toBe('2026-01-11');
    expect(firstClaimDay(okera, [object('ymd=2026-01-10/planner-10.0.0.1-0-x_audit.log')])).toBe('2026-01-09');
  });

  test('is not known where one of the keys promises nothing, or lies in the future of its object', () => {
    const noon = Date.UTC(2026, 0, 15, 12) / 1000;
    expect(firstClaimDay(opa, [batch(noon), object('eopa=null/first_ts=null/last_ts=1/x.jsonl')])).toBeUndefined();
    expect(firstClaimDay(opa, [object('logs/a.jsonl')])).toBeUndefined();
    expect(firstClaimDay(opa, [batch(written / 1000 + 60)])).toBeUndefined();
    expect(firstClaimDay(opa, [])).toBeUndefined();
  });
});
