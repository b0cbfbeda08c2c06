/** How many requests the protocol of claims and commits makes one after another, whatever each of them takes. */
import { expect, test } from 'vitest';
import { createLedger } from '../../src/ingest/claimed-batch.ts';
import type { Intent } from '../../src/ledger/batch-intent.ts';
import { CommitQueue } from '../../src/ledger/commit-queue.ts';
import type { ObjectCounts } from '../../src/ledger/entry.ts';
import type { Claim } from '../../src/ledger/ledger.ts';
import { MemoryStore } from '../../src/store/memory.ts';
import type { ObjectInfo } from '../../src/store/store.ts';
import { inRounds } from '../support/rounds.ts';
import { input, putDecisions, run, testRuntime } from '../support/warehouse.ts';

const source = { name: 'eopa', type: 'opa' };
const objects = (...names: string[]): ObjectInfo[] =>
  names.map((name) => ({ uri: `${input}/${name}`, size: 10, etag: '1', lastModified: 0 }));
const counts: ObjectCounts = {
  records: 1,
  rows: 0,
  quarantined: 0,
  skipped: 1,
  requestLines: 0,
  responseLines: 0,
  duplicates: 0,
  bytesDecompressed: 10,
  minEventTime: null,
  maxEventTime: null,
  mapping: null,
};

async function world() {
  const { store, count } = inRounds(new MemoryStore());
  const rest: Promise<void>[] = [];
  const later = (left: Promise<void>): void => void rest.push(left);
  const runtime = { ...testRuntime({ store }), later };
  const patient = createLedger(testRuntime({ store }));
  const ledger = createLedger(runtime);
  await ledger.open();
  const intentOf = ({ batch, claimedAt, objects }: Claim): Intent => {
    const accounts = new Map(objects.map(({ uri }) => [uri, counts]));
    return { batch, source: source.name, claimedAt, files: new Map(), objects: accounts };
  };
  return { count, runtime, ledger, patient, intentOf };
}

test('a commit of the ledger takes three: stage while asking, swap, hint', async () => {
  const { patient, count } = await world();
  await patient.claim(source, objects('a'), 0, new Set());
  let claim: Claim | undefined;
  const claiming = async () => {
    claim = await patient.claim(source, objects('b', 'c'), 0, new Set());
  };
  expect(await count(claiming)).toBe(3);
  const accounts = new Map(claim!.objects.map(({ uri }) => [uri, counts]));
  expect(await count(() => patient.settle(claim!.batch, accounts))).toBe(3);
});

test('in a queue, a claim takes two and a settlement too, the turn being taken beside them, and hints and its end come later', async () => {
  const { runtime, ledger, count, intentOf } = await world();
  const commits = new CommitQueue(runtime, ledger);
  await commits.claim(source, objects('a'), 0, new Set());
  await commits.idle();
  let claim: Claim | undefined;
  const claiming = async () => {
    claim = await commits.claim(source, objects('b', 'c'), 0, new Set());
  };
  expect(await count(claiming)).toBe(2);
  await commits.idle();
  expect(await count(() => commits.finish(intentOf(claim!)))).toBe(2);
  await commits.idle();
});

test('groups of one process that follow each other share a turn', async () => {
  const { runtime, ledger, count } = await world();
  const commits = new CommitQueue(runtime, ledger);
  await commits.claim(source, objects('a'), 0, new Set());
  await commits.idle();
  const both = async () => {
    const first = commits.claim(source, objects('b'), 0, new Set());
    await new Promise((resolve) => setImmediate(resolve));
    await Promise.all([first, commits.claim(source, objects('c'), 0, new Set())]);
  };
  expect(await count(both)).toBe(4);
  await commits.idle();
});

test('a backfill of one batch into a new warehouse takes eleven or so, and one with nothing to do eight', async () => {
  const shared = new MemoryStore();
  await putDecisions(shared, 2, 3);
  const { store, count } = inRounds(shared);
  expect(await count(() => run(testRuntime({ store })))).toBeLessThanOrEqual(13);
  expect(await count(() => run(testRuntime({ store })))).toBeLessThanOrEqual(10);
});
