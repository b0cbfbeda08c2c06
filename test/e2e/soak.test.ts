/**
 * A day of operation in small: two workers on one queue, a producer that writes objects and a queue that repeats events,
 * compaction beside them, and one worker killed and started again at random. At the end Trino counts what the producer
 * wrote, and `verify --deep` finds no difference.
 *
 * Half a minute by default; scripts/soak runs it for longer. The same seed gives the same objects and the same plan.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { type Run, start } from '../support/binary.ts';
import { describeWith, rig } from '../support/rig.ts';
import { eventSite } from './support/event-site.ts';
import { decisionLogs, seeded } from './support/logs.ts';
import { killAll, once, until, worker } from './support/workers.ts';

const seconds = Number(process.env.AUDIT_WAREHOUSE_SOAK_SECONDS ?? 25);
const seed = Number(process.env.AUDIT_WAREHOUSE_SOAK_SEED ?? 1);
const objectsASecond = 4;
const records = 40;

const config = {
  batch: { objects: 20 },
  worker: { batch_age: 1, commit_interval: 1, visibility: 10, listen: 'off' },
};

const eventOf = (bucket: string, key: string): string =>
  JSON.stringify({
    Records: [
      {
        eventSource: 'aws:s3',
        eventName: 'ObjectCreated:Put',
        s3: { bucket: { name: bucket }, object: { key: encodeURIComponent(`logs/${key}`) } },
      },
    ],
  });

describeWith(['s3', 'glue', 'trino'], `workers, compaction and kills for ${seconds} s, seed ${seed}`, () => {
  test(
    'every record is there once, and the warehouse verifies',
    async () => {
      const random = seeded(seed);
      const logs = decisionLogs(Math.ceil(seconds * objectsASecond), records);
      const site = await eventSite({ config, maxReceives: 100 });
      const { place } = site;
      const ended: Run[] = [];
      try {
        const workers = [worker(place), worker(place)];
        await Promise.all(workers.map((one) => one.seen('worker-started')));
        const begun = performance.now();
        const isOver = (): boolean => performance.now() - begun > seconds * 1000;

        const produce = async (): Promise<void> => {
          for (const [n, log] of logs.entries()) {
            await site.put([log]);
            if (random() < 0.2) await site.send(eventOf(site.bucket, logs[Math.floor(random() * (n + 1))]!.key));
            const due = begun + ((n + 1) / logs.length) * seconds * 1000;
            await sleep(Math.max(0, due - performance.now()));
          }
        };
        const kill = async (): Promise<void> => {
          for (; !isOver(); await sleep(500)) {
            await sleep(2000 + random() * 6000);
            if (isOver()) return;
            const victim = Math.floor(random() * workers.length);
            workers[victim]!.kill('SIGKILL');
            ended.push(await workers[victim]!.done);
            workers[victim] = worker(place);
          }
        };
        const compact = async (): Promise<number> => {
          let rewritten = 0;
          for (; !isOver(); await sleep(1000 + random() * 3000)) rewritten += await compactOnce();
          return rewritten;
        };
        const compactOnce = async (): Promise<number> => {
          const { code, stderr, stdout } = await start(['compact', '--json', '--log-level', 'error'], place).done;
          // 1: others changed a day faster than it could be rewritten; the next run takes it.
          expect([0, 1], stderr).toContain(code);
          expect(stderr).not.toMatch(/TypeError|AccountingError/);
          return code === 0 && stdout !== '' ? 1 : 0;
        };

        const [, , rounds] = await Promise.all([produce(), kill(), compact()]);
        expect(rounds).toBeGreaterThan(0);
        expect(ended.length).toBeGreaterThan(0);
        expect(ended.map(({ signal }) => signal)).toEqual(ended.map(() => 'SIGKILL'));

        for (const one of workers) one.kill('SIGTERM');
        for (const one of workers) expect(await one.done).toMatchObject({ code: 0 });
        await until('the queue is empty', async () => {
          const { report } = await once(place);
          expect(report.objects.failed).toBe(0);
          const { visible, inFlight } = await site.depth();
          return visible + inFlight === 0;
        });
        expect(await site.dead()).toEqual([]);
        await compactOnce();

        const trino = await rig.trino();
        const ask = async (sql: string): Promise<unknown> => (await trino.query(sql, site.database)).rows;
        expect(await ask('SELECT count(*), count(DISTINCT decision_id) FROM opa_decisions')).toEqual([
          [logs.length * records, logs.length * records],
        ]);
        expect(
          await ask('SELECT count(*), min(n), max(n) FROM (SELECT count(*) n FROM opa_decisions GROUP BY source_uri)'),
        ).toEqual([[logs.length, records, records]]);
        expect(await ask('SELECT count(*) FROM quarantine')).toEqual([[logs.length * 2]]);
        expect(await ask('SELECT state, count(*), count(DISTINCT uri) FROM ingested_objects GROUP BY state')).toEqual([
          ['committed', logs.length, logs.length],
        ]);
        const verified = await start(['verify', '--deep', '--json'], place).done;
        expect(verified, verified.stdout.slice(0, 4000)).toMatchObject({ code: 0 });
      } finally {
        await killAll();
        site.close();
      }
    },
    // Machines of any size: the bound is there to end what hangs.
    (seconds * 4 + 600) * 1000,
  );
});
