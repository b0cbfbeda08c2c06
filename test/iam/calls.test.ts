/**
 * The policies of the jobs against the calls that the jobs make: each runs through the binary on S3, Glue, SQS and Athena
 * behind a proxy that writes the calls down. No call is without a grant, and nothing is granted that no job uses, but for
 * what the declaration gives a reason for.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CreateQueueCommand, GetQueueAttributesCommand, SendMessageCommand, SQSClient } from '@aws-sdk/client-sqs';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { loadConfig } from '../../src/config/load.ts';
import { grants, type JobName, jobNames } from '../../src/iam/calls.ts';
import { type Policy, placesOf, policyFor } from '../../src/iam/policy.ts';
import { liveFiles } from '../../src/iceberg/scan.ts';
import { readWhole } from '../../src/store/read.ts';
import { S3Store } from '../../src/store/s3.ts';
import { createRuntime } from '../../src/wire.ts';
import { decisionLogs } from '../e2e/support/logs.ts';
import { S3Proxy } from '../e2e/support/s3-proxy.ts';
import { configure, type Place, start } from '../support/binary.ts';
import { addDeleteFiles, equalityDeletes } from '../support/foreign-deletes.ts';
import { describeWith, rig } from '../support/rig.ts';
import { type Call, callsOf, granting } from './observed.ts';

const objects = 8;
const logs = decisionLogs(objects, 20);

const decision = (id: string, note: number) =>
  JSON.stringify({
    decision_id: id,
    input: { subject: 'user-1', note: id.padEnd(note, id) },
    result: { allowed: true },
    labels: { id: 'instance' },
    timestamp: '2023-07-11T00:00:00Z',
  });

/** More than compact is given memory for; the first decision of each is the same. */
const wide = ['a', 'b'].map((name) => ({
  key: `eopa=i/first_ts=1689033600/last_ts=1689120059/batch_id=wide-${name}.jsonl`,
  body: Buffer.from(
    [decision('twice', 10), ...Array.from({ length: 500 }, (_, i) => decision(`${name}-${i}`, 3000))].join('\n'),
  ),
}));

/** A record that is quarantined as too large, and cut there, so that a replay reads its object. */
const large = {
  key: 'eopa=i/first_ts=1689033600/last_ts=1689120059/batch_id=large.jsonl',
  body: Buffer.from(decision('large', 100_000)),
};

describeWith(['s3', 'glue', 'trino'], 'policies', () => {
  const calls = Object.fromEntries(jobNames.map((job) => [job, [] as Call[]])) as Record<JobName, Call[]>;
  const repairs: Call[] = [];
  const policies = {} as Record<JobName, Policy>;
  let folder: string;
  let proxy: S3Proxy;

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'aw-iam-'));
    const [s3, first, second] = [await rig.s3(), await rig.glue(), await rig.glue()];
    await rig.trino();
    proxy = new S3Proxy(s3.endpoint);
    const endpoint = await proxy.start();
    const { bucket, region } = s3;
    const queue = await makeQueue(s3.endpoint, region, bucket);
    const store = new S3Store({ endpoint: s3.endpoint, region, forcePathStyle: true });
    for (const { key, body } of [...logs, ...wide, large]) await store.put(`s3://${bucket}/logs/${key}`, body);
    await tell(
      s3.endpoint,
      region,
      queue,
      bucket,
      [...logs, ...wide, large].map(({ key }) => `logs/${key}`),
    );

    const site = (name: string, database: string, config: object): Place =>
      configure(
        join(folder, name),
        {
          warehouse: `s3://${bucket}/${name}`,
          catalog: { type: 'glue', database, endpoint, region },
          s3: { endpoint, region, forcePathStyle: true },
          sources: [
            {
              name: 'eopa',
              type: 'opa',
              location: `s3://${bucket}/logs/`,
              queue: queue.replace(s3.endpoint, endpoint),
            },
          ],
          limits: { record_bytes: 4096 },
          // A commit for each object, so that there is something to compact.
          batch: { objects: 1 },
          worker: { batch_age: 1, commit_interval: 0, listen: 'off', visibility: 10 },
          compact: { memory: '1MiB', spill: `s3://${bucket}/spill` },
          retention: { quarantine: '1d' },
          engines: { athena: { workgroup: 'primary', output: `s3://${bucket}/results/`, endpoint } },
          ...config,
        },
        s3.env,
      );
    const worked = site('worked', first.database, {});
    const place = site('warehouse', second.database, {});
    const { config } = loadConfig({ cwd: place.cwd, env: {}, reserved: () => new Set() });
    const other = loadConfig({ cwd: worked.cwd, env: {}, reserved: () => new Set() }).config;
    for (const job of jobNames) policies[job] = policyFor(job, placesOf(job === 'worker' ? other : config));

    const run = async (into: Call[], where: Place, ...args: string[]): Promise<void> => {
      proxy.requests.length = 0;
      const { code, stderr } = await start(args, where).done;
      if (code !== 0) throw new Error(`${args.join(' ')} ended with ${code}:\n${stderr}`);
      into.push(...proxy.requests.flatMap(callsOf));
    };
    await run(calls.worker, worked, 'worker', '--once');
    await run(calls.backfill, place, 'backfill');
    await run(calls.compact, place, 'compact');
    await run(calls.query, place, 'tables');
    await run(calls.query, place, 'quarantine', '--reveal');
    await run(calls.query, place, 'query', '--sql', 'select count(*) from opa_decisions');
    await run(calls.query, place, 'query', '--engine', 'athena', '--sql', 'select count(*) from opa_decisions');
    await run(calls.verify, place, 'verify', '--deep');
    await run(calls.replay, place, 'replay', '--set', 'limits.record_bytes=1MiB');
    await run(calls.erase, place, 'erase', '--subject', 'user-3');
    await deleteRows(place, 'user-5');
    await run(calls.accept, place, 'verify', '--accept', '--reason', 'a test');
    await run(calls.expire, place, 'expire');
    await run(calls.doctor, place, 'doctor');
    const third = await rig.glue();
    const copy = site('copy', third.database, {});
    const copied = loadConfig({ cwd: copy.cwd, env: {}, reserved: () => new Set() }).config;
    policies.relocate = policyFor('relocate', placesOf(copied));
    for await (const info of store.list(`s3://${bucket}/warehouse/`))
      await store.put(
        info.uri.replace('/warehouse/', '/copy/'),
        await readWhole(store, info, { sleep: async () => {} }),
      );
    await run(calls.relocate, copy, 'relocate');
    // What repair has to do again: an object that no run has seen.
    const [extra] = decisionLogs(objects + 1, 5).slice(-1);
    await store.put(`s3://${bucket}/logs/${extra!.key}`, extra!.body);
    await run(repairs, place, 'verify', '--repair');
    store.close();
  });
  afterAll(async () => {
    await proxy?.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  const refused = (policy: Policy, made: readonly Call[]): string[] => [
    ...new Set(made.filter((call) => granting(policy, call).length === 0).map((call) => JSON.stringify(call))),
  ];

  test.each(jobNames)('%s makes no call that its policy does not grant', (job) => {
    expect(calls[job].length).toBeGreaterThan(0);
    expect(refused(policies[job], calls[job])).toEqual([]);
  });

  test.each(jobNames)('%s is granted nothing that it does not use', (job) => {
    const used = new Set(
      calls[job].flatMap((call) => granting(policies[job], call).map(({ Sid }) => `${Sid} ${call.action}`)),
    );
    const granted = grants[job].flatMap(({ sid, actions }) =>
      Object.entries(actions).flatMap(([action, reason]) => (reason === null ? [`${sid} ${action}`] : [])),
    );
    expect(granted.filter((one) => !used.has(one))).toEqual([]);
  });

  test('verify --repair makes no call beyond those of verify and backfill', () => {
    const both = { ...policies.verify, Statement: [...policies.verify.Statement, ...policies.backfill.Statement] };
    expect(repairs.some(({ action }) => action === 'glue:UpdateTable')).toBe(true);
    expect(refused(both, repairs)).toEqual([]);
  });
});

/** As another engine does, with rights of its own. */
async function deleteRows(place: Place, subject: string): Promise<void> {
  const { config } = loadConfig({ cwd: place.cwd, env: {}, reserved: () => new Set() });
  const runtime = await createRuntime(config);
  try {
    const loaded = (await runtime.catalog.loadTable('opa_decisions'))!;
    const deletes = await equalityDeletes(runtime, loaded, ['subject'], [[subject]]);
    for await (const { ymd } of liveFiles(runtime.store, loaded.metadata))
      await addDeleteFiles(runtime, 'opa_decisions', ymd, [deletes]);
  } finally {
    await runtime.close();
  }
}

async function makeQueue(endpoint: string, region: string, name: string): Promise<string> {
  const sqs = new SQSClient({ endpoint, region });
  const { QueueUrl: dead = '' } = await sqs.send(new CreateQueueCommand({ QueueName: `${name}-dead` }));
  const { Attributes } = await sqs.send(
    new GetQueueAttributesCommand({ QueueUrl: dead, AttributeNames: ['QueueArn'] }),
  );
  const RedrivePolicy = JSON.stringify({ deadLetterTargetArn: Attributes?.QueueArn, maxReceiveCount: 5 });
  const { QueueUrl = '' } = await sqs.send(new CreateQueueCommand({ QueueName: name, Attributes: { RedrivePolicy } }));
  sqs.destroy();
  return QueueUrl;
}

async function tell(endpoint: string, region: string, QueueUrl: string, bucket: string, keys: readonly string[]) {
  const sqs = new SQSClient({ endpoint, region });
  const record = (key: string) => ({
    eventSource: 'aws:s3',
    eventName: 'ObjectCreated:Put',
    s3: { bucket: { name: bucket }, object: { key: encodeURIComponent(key) } },
  });
  for (const key of keys)
    await sqs.send(new SendMessageCommand({ QueueUrl, MessageBody: JSON.stringify({ Records: [record(key)] }) }));
  sqs.destroy();
}
