/** What verify keeps of each object stays within what docs/operations.md says. */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { expect, test } from 'vitest';
import { ObjectNames, ObjectSums } from '../../src/jobs/verify/object-names.ts';
import { ObjectVersions } from '../../src/jobs/verify/object-versions.ts';
import type { LedgerEntry } from '../../src/ledger/entry.ts';

const objects = 200_000;

/** As Enterprise OPA lays its objects out, with a name of some 150 characters. */
const uriOf = (i: number): string =>
  // From bytes, as readers give names: put together from parts, they would take twice as much.
  Buffer.from(
    `s3://acme-eopa/opa/eopa=23912667-5bd1-4f5d-a927-8cdc7d388811/first_ts=${1_767_348_000 + i}/last_ts=${1_767_348_010 + i}/batch_id=${String(i).padStart(8, '0')}-4f5d-a927-8cdc.jsonl.gz`,
  ).toString();

const entryOf = (i: number): LedgerEntry => ({
  ymd: '2026-01-02',
  object: { uri: uriOf(i), etag: `etag-${i}`, size: 1000, lastModified: 0 },
  source: 'eopa',
  sourceType: 'opa',
  batch: `batch-${Math.floor(i / 1000)}`,
  state: 'committed',
  owner: 'o',
  claimedAt: 0,
  claimedUntil: 0,
  committedAt: 0,
  again: null,
  firstCommittedAt: null,
  counts: {
    records: 1,
    rows: 1,
    quarantined: 0,
    skipped: 0,
    requestLines: 0,
    responseLines: 0,
    duplicates: 0,
    mapping: 'm',
    bytesDecompressed: 1,
    minEventTime: null,
    maxEventTime: null,
  },
});

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

function used(): number {
  collectGarbage();
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
}

test('at most 300 bytes per object', () => {
  const before = used();
  const names = new ObjectNames();
  // Promised by both readings of the ledger, and found: rows and quarantined records.
  const sums = Array.from({ length: 6 }, () => new ObjectSums(names));
  const versions = new ObjectVersions(names);
  for (let i = 0; i < objects; i++) {
    versions.add(entryOf(i));
    for (const sum of sums) sum.add(uriOf(i), 1);
  }
  const perObject = (used() - before) / objects;
  expect(perObject).toBeLessThan(300);
  expect(perObject).toBeGreaterThan(100);
  expect(versions.get(uriOf(7))!.etags.has('etag-7')).toBe(true);
  expect(versions.get(uriOf(7))!.etags.has('etag-8')).toBe(false);
  expect(sums[0]!.get(uriOf(objects - 1))).toBe(1);
});
