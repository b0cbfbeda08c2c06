/**
 * SIGKILL of the real process at many moments of a backfill: whatever is left behind, the same command run again gives
 * the rows of one undisturbed run, and what readers see in between is whole objects of it.
 *
 * A moment is "so long after the n-th batch was begun", drawn from a seed, so that it means the same on slow and fast
 * machines.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { backfill, type Place, start } from '../support/binary.ts';
import { describeWith } from '../support/rig.ts';
import { decisionLogs, seeded } from './support/logs.ts';
import { type Contents, contents, digests, localSite, type Site, s3Site } from './support/sites.ts';

const objects = 24;
const records = 60;
const logs = decisionLogs(objects, records);
const config = { batch: { objects: 3, threads: 2 } };
const args = ['backfill', '--json', '--log-level', 'debug'];
const beginsBatch = /"event":"batch-(claimed|taken-over)"/;

/** Of the undisturbed run, in milliseconds. */
interface Pace {
  readonly start: number;
  readonly batch: number;
}

async function undisturbed(place: Place): Promise<Pace> {
  const begun: number[] = [];
  const started = performance.now();
  const run = start(args, {
    ...place,
    onLine: (line) => void (beginsBatch.test(line) && begun.push(performance.now())),
  });
  expect(await run.done).toMatchObject({ code: 0 });
  expect(begun).toHaveLength(objects / config.batch.objects);
  return { start: begun[0]! - started, batch: (begun.at(-1)! - begun[0]!) / (begun.length - 1) };
}

/** Whether the kill hit a run that was still at work, and how many batches that had begun. */
async function killed(place: Place, pace: Pace, random: () => number): Promise<{ hit: boolean; begun: number }> {
  const batches = Math.floor(random() * 4);
  const part = random();
  let begun = 0;
  const run = start(args, {
    ...place,
    onLine(line) {
      if (!beginsBatch.test(line)) return;
      begun++;
      if (begun === batches) void sleep(part * pace.batch).then(() => run.kill('SIGKILL'));
    },
  });
  if (batches === 0) void sleep(part * pace.start).then(() => run.kill('SIGKILL'));
  const { code, signal, stderr } = await run.done;
  // A run that was too fast for its kill has to have done its work.
  if (signal !== 'SIGKILL') expect({ code, stderr }).toMatchObject({ code: 0 });
  return { hit: signal === 'SIGKILL', begun };
}

function killTests(open: () => Promise<Site>, chains: number, killsPerChain: number): void {
  let site: Site;
  let pace: Pace;
  let expected: Contents;
  let expectedDigests: Map<string, string>;
  const hits: { hit: boolean; begun: number }[] = [];

  beforeAll(async () => {
    site = await open();
    const place = await site.warehouse(config);
    pace = await undisturbed(place);
    expected = await contents(place);
    expectedDigests = await digests(place);
  });
  afterAll(() => site?.close());

  test('an undisturbed run has every record', () => {
    expect(expected.decisions).toHaveLength(objects * records);
    expect(expected.quarantine).toHaveLength(objects * 2);
    expect(expected.ledger).toHaveLength(objects);
  });

  for (let chain = 0; chain < chains; chain++) {
    test(`killed ${killsPerChain} times, seed ${chain}: the same rows as never killed, and then nothing left to do`, async () => {
      const random = seeded(chain);
      const place = await site.warehouse(config);
      for (let kill = 0; kill < killsPerChain; kill++) {
        hits.push(await killed(place, pace, random));
        for (const [object, digest] of await digests(place))
          expect([object, digest]).toEqual([object, expectedDigests.get(object)]);
      }

      const last = await backfill(place);
      expect(last.code).toBe(0);
      expect(last.report.objects).toMatchObject({ listed: objects, failed: 0 });
      const found = await contents(place);
      expect(found.ledger).toEqual(expected.ledger);
      expect(found.decisions).toEqual(expected.decisions);
      expect(found.quarantine).toEqual(expected.quarantine);

      const touched = await site.touched(place, async () => {
        const again = await backfill(place);
        expect(again.code).toBe(0);
        expect(again.report).toMatchObject({
          objects: { listed: objects, skipped: objects, committed: 0, failed: 0, archived: 0 },
          records: { read: 0, rows: 0, quarantined: 0, skipped: 0, duplicates: 0 },
          bytes: { read: 0, decompressed: 0, written: 0 },
        });
      });
      expect(touched).toEqual([]);
    });
  }

  test('the kills hit runs at work, early and late', () => {
    expect(hits.filter(({ hit }) => hit).length).toBeGreaterThan((chains * killsPerChain) / 2);
    expect(hits.some(({ hit, begun }) => hit && begun === 0)).toBe(true);
    expect(hits.some(({ hit, begun }) => hit && begun > 0)).toBe(true);
  });
}

describe('a folder with the file catalog', () => killTests(() => localSite(logs), 6, 4));

describeWith(['s3', 'glue'], 'S3 with Glue', () => killTests(() => s3Site(logs), 3, 4));
