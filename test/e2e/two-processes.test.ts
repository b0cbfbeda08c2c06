/** Several processes at once over the same objects: each object is committed once, each row is there once, all exit 0. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { backfill, start } from '../support/binary.ts';
import { describeWith } from '../support/rig.ts';
import { decisionLogs } from './support/logs.ts';
import { type Contents, contents, localSite, type Site, s3Site } from './support/sites.ts';

const objects = 24;
const logs = decisionLogs(objects, 40);
const config = { batch: { objects: 3 } };

function tests(open: () => Promise<Site>): void {
  let site: Site;
  let expected: Contents;
  beforeAll(async () => {
    site = await open();
    const place = await site.warehouse(config);
    expect((await backfill(place)).code).toBe(0);
    expected = await contents(place);
    expect(expected.decisions).toHaveLength(objects * 40);
  });
  afterAll(() => site?.close());

  for (const processes of [2, 3]) {
    test(`${processes} processes share the work, from an empty warehouse on`, async () => {
      const place = await site.warehouse(config);
      const runs = await Promise.all(Array.from({ length: processes }, () => backfill(place)));
      expect(runs.map((run) => [run.code, run.report.failures])).toEqual(runs.map(() => [0, []]));
      const sum = (of: (run: (typeof runs)[number]) => number): number =>
        runs.reduce((total, run) => total + of(run), 0);
      expect(sum(({ report }) => report.objects.committed)).toBe(objects);
      expect(sum(({ report }) => report.records.rows)).toBe(expected.decisions.length);
      expect(sum(({ report }) => report.records.quarantined)).toBe(expected.quarantine.length);
      for (const { report } of runs) {
        expect(report.objects.committed + report.objects.skipped).toBe(objects);
        expect(report.records.read).toBe(
          report.records.rows + report.records.quarantined + report.records.duplicates + report.records.skipped,
        );
      }
      expect(await contents(place)).toEqual(expected);
      expect((await backfill(place)).report).toMatchObject({
        objects: { committed: 0 },
        bytes: { read: 0, written: 0 },
      });
    });
  }

  test('where one of them is killed at work, the other finishes its work too, in the same run', async () => {
    const place = await site.warehouse(config);
    const claimed = Promise.withResolvers<void>();
    const victim = start(['backfill', '--json', '--log-level', 'debug'], {
      ...place,
      onLine: (line) => void (line.includes('"event":"batch-claimed"') && claimed.resolve()),
    });
    await Promise.race([claimed.promise, victim.done]);
    // It holds a batch, and lives until the other one is at work.
    victim.kill('SIGSTOP');
    const survivor = start(['backfill', '--json'], {
      ...place,
      onLine: (line) => void (line.includes('"event":"run-started"') && victim.kill('SIGKILL')),
    });
    const [killed, { code, stdout }] = await Promise.all([victim.done, survivor.done]);
    expect(killed.signal).toBe('SIGKILL');
    expect({ code, ...JSON.parse(stdout) }).toMatchObject({ code: 0, failures: [] });
    expect(await contents(place)).toEqual(expected);
  });
}

describe('a folder with the file catalog', () => tests(() => localSite(logs)));

describeWith(['s3', 'glue'], 'S3 with Glue', () => tests(() => s3Site(logs)));
