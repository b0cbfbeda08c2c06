/**
 * The real worker on a real queue: what S3 tells becomes rows once, whatever happens to messages and workers, and a
 * message is deleted only when its rows are there.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, expect, test } from 'vitest';
import type { WorkerReport } from '../../src/worker/worker.ts';
import { start } from '../support/binary.ts';
import { describeWith, rig } from '../support/rig.ts';
import { type EventSite, type EventSiteOptions, eventSite } from './support/event-site.ts';
import { decisionLogs } from './support/logs.ts';
import { contents } from './support/sites.ts';
import { killAll, once, until, worker } from './support/workers.ts';

const records = 30;
const logs = decisionLogs(24, records);
const event = (bucket: string, key: string): string =>
  JSON.stringify({
    Records: [
      {
        eventSource: 'aws:s3',
        eventName: 'ObjectCreated:Put',
        s3: { bucket: { name: bucket }, object: { key: encodeURIComponent(key) } },
      },
    ],
  });

describeWith(['s3', 'glue'], 'a worker on S3 events', () => {
  const sites: EventSite[] = [];
  const open = async (options?: EventSiteOptions): Promise<EventSite> => {
    const site = await eventSite(options);
    sites.push(site);
    return site;
  };
  afterEach(async () => {
    await killAll();
    for (const site of sites.splice(0)) site.close();
  });
  const expectAll = async (site: EventSite, objects = logs.length): Promise<void> => {
    const { decisions, quarantine, ledger } = await contents(site.place);
    expect(decisions).toHaveLength(objects * records);
    expect(new Set(decisions).size).toBe(objects * records);
    expect(quarantine).toHaveLength(objects * 2);
    expect(ledger.filter((row) => row.includes('"committed"'))).toHaveLength(objects);
    expect(ledger).toHaveLength(objects);
  };

  test('--once works off the queue, leaves it empty, and finds nothing to do the next time', async () => {
    const site = await open();
    await site.put(logs);
    const first = await once(site.place);
    expect(first.stderr).not.toContain('"level":"error"');
    expect(first).toMatchObject({
      code: 0,
      report: {
        objects: { committed: logs.length, failed: 0 },
        records: { rows: logs.length * records, quarantined: logs.length * 2 },
        messages: { malformed: 0, returned: 0 },
        clean: true,
      },
    });
    expect(first.report.messages.deleted).toBe(first.report.messages.received);
    await expectAll(site);
    expect(await site.depth()).toEqual({ visible: 0, inFlight: 0 });
    const second = await once(site.place);
    expect(second).toMatchObject({ code: 0, report: { batches: { committed: 0 }, objects: { committed: 0 } } });
  });

  test('duplicate messages, events of other places and test events change nothing', async () => {
    const site = await open();
    await site.put(logs.slice(0, 6));
    await once(site.place);
    for (const { key } of logs.slice(0, 6)) await site.send(event(site.bucket, `logs/${key}`));
    await site.send(event('another-bucket', 'logs/a.jsonl'));
    await site.send(event(site.bucket, 'elsewhere/a.jsonl'));
    await site.send(JSON.stringify({ Service: 'Amazon S3', Event: 's3:TestEvent', Bucket: 'b' }));
    const { code, report, stderr } = await once(site.place);
    expect(code).toBe(0);
    expect(report).toMatchObject({ objects: { committed: 0, known: 6 }, batches: { committed: 0 } });
    expect(report.messages.deleted).toBe(report.messages.received);
    expect(stderr).toContain('"event":"event-foreign"');
    await expectAll(site, 6);
  });

  test('a message of an object that is gone by now is done; an event of a removal is no event', async () => {
    const site = await open();
    await site.send(event(site.bucket, 'logs/eopa=i/first_ts=1/last_ts=2/gone.jsonl'));
    const { code, report, stderr } = await once(site.place);
    expect({ code, ...report.objects }).toEqual({ code: 0, committed: 0, known: 0, gone: 1, archived: 0, failed: 0 });
    expect(stderr).toContain('"event":"object-gone"');
    expect(await site.depth()).toEqual({ visible: 0, inFlight: 0 });
  });

  test('what cannot be taken in ends in the dead-letter queue, and stops nothing else', async () => {
    const site = await open({
      maxReceives: 2,
      config: { worker: { batch_age: 0, commit_interval: 0, listen: 'off', visibility: 10 } },
    });
    const broken = {
      key: 'eopa=i/first_ts=1689033600/last_ts=1689033601/batch_id=broken.jsonl.gz',
      body: Buffer.from('1f8b0800000000000003', 'hex'),
    };
    await site.send('no event at all');
    await site.put([broken, ...logs.slice(0, 3)]);
    const running = worker(site.place);
    let dead: string[] = [];
    await until('two dead letters', async () => {
      dead = [...dead, ...(await site.dead())];
      return dead.length >= 2;
    });
    running.kill('SIGTERM');
    const { code, stderr } = await running.done;
    expect(code).toBe(0);
    expect(dead.sort()).toEqual(['no event at all', expect.stringContaining('broken.jsonl.gz')]);
    expect(stderr).toContain('"event":"message-malformed"');
    expect(stderr).not.toContain('"no event at all"');
    await expectAll(site, 3);
  });

  test('a message stays hidden, and is deleted, no earlier than its batch is committed', async () => {
    const site = await open({
      config: { worker: { batch_age: 15, commit_interval: 0, listen: 'off', visibility: 10 } },
    });
    await site.put(logs.slice(0, 2));
    const running = worker(site.place);
    // Longer than messages stay hidden, unless the worker sees to it.
    await running.seen('worker-started');
    let looks = 0;
    const watching = (async () => {
      for (;;) {
        // First the queue, then the table: what is not committed afterwards was not before.
        const { visible, inFlight } = await site.depth();
        const { decisions } = await contents(site.place);
        if (decisions.length > 0) break;
        looks++;
        expect(visible + inFlight).toBeGreaterThanOrEqual(2);
        await sleep(500);
      }
    })();
    const batch = await running.seen('batch-committed');
    await watching;
    expect(looks).toBeGreaterThan(0);
    expect(batch).toMatchObject({ objects: 2 });
    running.kill('SIGTERM');
    const { stdout } = await running.done;
    // Each message once, as it never became visible; one more is the test event that S3 writes.
    expect(JSON.parse(stdout)).toMatchObject({
      objects: { committed: 2, known: 0 },
      messages: { received: 3, deleted: 3 },
    });
    await expectAll(site, 2);
  });

  test('SIGTERM in the middle of a batch: it is finished, and what waits goes back to the queue at once', async () => {
    const site = await open({
      config: {
        batch: { objects: 4, threads: 1 },
        worker: { batch_age: 0, commit_interval: 0, listen: 'off', visibility: 600 },
      },
    });
    await site.put(logs);
    const running = worker(site.place);
    await running.seen('batch-claimed');
    running.kill('SIGTERM');
    const { code, stdout } = await running.done;
    const report = JSON.parse(stdout) as WorkerReport;
    expect(code).toBe(0);
    expect(report).toMatchObject({ clean: true, batches: { committed: 1, released: 0 } });
    const rest = await once(site.place);
    expect(rest.report.objects.committed).toBe(logs.length - report.objects.committed);
    await expectAll(site);
  });

  test('where finishing takes too long, the claim is given back, and the next worker need not wait for it', async () => {
    const site = await open({
      config: {
        batch: { objects: 24 },
        worker: { batch_age: 3, commit_interval: 0, shutdown: 0, listen: 'off', visibility: 600 },
      },
    });
    await site.put(logs);
    const running = worker(site.place);
    await running.seen('batch-claimed');
    running.kill('SIGTERM');
    const { code, stdout, stderr } = await running.done;
    const report = JSON.parse(stdout) as WorkerReport;
    expect({ code, clean: report.clean }).toEqual({ code: 0, clean: true });
    expect(report.batches.committed + report.batches.released).toBeGreaterThan(0);
    if (report.batches.released > 0) expect(stderr).toContain('"event":"batch-released"');
    const rest = await once(site.place);
    expect(rest.report.objects.committed + report.objects.committed).toBe(logs.length);
    await expectAll(site);
  });

  test('a second signal ends it at once; SIGKILL too: the next worker finishes what they left', async () => {
    const site = await open({
      config: { batch: { objects: 6 }, worker: { batch_age: 0, commit_interval: 0, listen: 'off', visibility: 10 } },
    });
    await site.put(logs);
    const killed = worker(site.place);
    await killed.seen('batch-claimed');
    killed.kill('SIGKILL');
    expect((await killed.done).signal).toBe('SIGKILL');
    const twice = worker(site.place);
    await twice.seen('worker-started');
    twice.kill('SIGTERM');
    twice.kill('SIGINT');
    await twice.done;
    // Until their messages are visible again.
    await until('all is committed', async () => {
      await once(site.place);
      const { visible, inFlight } = await site.depth();
      return visible + inFlight === 0;
    });
    await expectAll(site);
  });

  test('two workers share a queue, and neither takes what the other has', async () => {
    const site = await open({
      config: {
        batch: { objects: 4 },
        worker: { batch_age: 0, commit_interval: 0, listen: '127.0.0.1:0', visibility: 60 },
      },
    });
    const workers = [worker(site.place), worker(site.place)];
    for (const { port } of await Promise.all(workers.map((one) => one.seen('worker-started'))))
      await until('both are ready', async () => (await fetch(`http://127.0.0.1:${port}/readyz`)).ok);
    await site.put(logs);
    await until('the queue is empty', async () => {
      const { visible, inFlight } = await site.depth();
      return visible + inFlight === 0;
    });
    for (const one of workers) one.kill('SIGTERM');
    const reports = (await Promise.all(workers.map((one) => one.done))).map(
      ({ stdout }) => JSON.parse(stdout) as WorkerReport,
    );
    expect(reports.map(({ objects }) => objects.committed).reduce((a, b) => a + b)).toBe(logs.length);
    for (const { objects } of reports) expect(objects.committed).toBeGreaterThan(0);
    await expectAll(site);
  });

  test('an object that changes is read again, and only its new records are added', async () => {
    const site = await open();
    const [first] = decisionLogs(1, 5);
    const [grown] = decisionLogs(1, 9);
    await site.put([first!]);
    await once(site.place);
    await site.put([grown!]);
    const { report } = await once(site.place);
    expect(report.objects).toMatchObject({ committed: 1 });
    const { decisions } = await contents(site.place);
    expect(decisions.filter((row) => row.includes('"decision_id":"0000-8"'))).toHaveLength(1);
    expect(decisions.filter((row) => row.includes('"decision_id":"0000-0"'))).toHaveLength(1);
  });

  test('a queue that is not there exits 1 with --once and says what to do', async () => {
    const site = await open();
    const sources = [
      { name: 'eopa', type: 'opa', location: `s3://${site.bucket}/logs/`, queue: `${site.queue}-missing` },
    ];
    const other = await open({ config: { sources } });
    const { code, stderr } = await start(['worker', '--once'], other.place).done;
    expect(code).toBe(1);
    expect(stderr).toMatch(/there is no such queue: check the URL/);
  });
});

describeWith(['s3', 'glue', 'trino'], 'what a worker wrote', () => {
  test('is what Trino reads', async () => {
    const site = await eventSite();
    try {
      await site.put(logs.slice(0, 5));
      await once(site.place);
      const trino = await rig.trino();
      const { rows } = await trino.query(
        `SELECT count(*), count(DISTINCT decision_id) FROM "${site.database}".opa_decisions`,
      );
      expect(rows).toEqual([[5 * records, 5 * records]]);
    } finally {
      site.close();
    }
  });
});
