/**
 * From an object to rows that a query sees: `worker` follows a bucket on an S3 on loopback that answers as late as a real
 * one, by listing or by a queue; objects come in one after another, and the table is looked at all the time. Prints how
 * long each way took, as Markdown. With a queue this writes the event itself when the object is there, so the second or
 * two that S3 takes to send one come on top; the queue is that of the rig (`scripts/rig/stack up moto`).
 */
import { spawn } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { CreateQueueCommand, SendMessageCommand, SQSClient } from '@aws-sdk/client-sqs';
import { Command } from 'commander';
import { FileCatalog } from '../../src/catalog/file/catalog.ts';
import { liveFiles } from '../../src/iceberg/scan.ts';
import { fileRows } from '../../src/iceberg/table-rows.ts';
import { S3Store } from '../../src/store/s3.ts';
import {
  count,
  counts,
  formatNumber,
  installedBinary,
  machine,
  markdown,
  median,
  note,
  root,
  run,
  serveDistantS3,
  workFolder,
} from './lib/measured.ts';

interface Options {
  readonly every: number;
  readonly seconds: number;
  readonly intervals: readonly number[];
  readonly latency: number;
  readonly folder: string;
}

interface Measured {
  /** Milliseconds from the answer to its PUT until its rows are in the current snapshot. */
  readonly waits: readonly number[];
  readonly snapshots: number;
}

const bucket = 's3://logs';
const warehouse = 's3://warehouse/tables';
const table = 'opa_decisions';

async function bench(options: Options): Promise<void> {
  const work = workFolder(options.folder);
  mkdirSync(join(work, 'nothing'));
  const endpoint = await serveDistantS3(join(work, 'nothing'), options.latency);
  const env = await queueEnvironment();
  Object.assign(process.env, env);
  const rows: string[][] = [];
  for (const interval of options.intervals)
    for (const way of ['listing', 'queue'] as const) {
      await fetch(`${endpoint}/_reset`, { method: 'POST' });
      const { waits, snapshots } = await measure(join(work, `${way}-${interval}`), endpoint, way, interval, options);
      const sorted = [...waits].sort((a, b) => a - b);
      const seconds = (ms: number): string => formatNumber(ms / 1000, 1);
      rows.push([
        way,
        `${interval} s`,
        String(waits.length),
        seconds(sorted[0]!),
        seconds(median(sorted)),
        seconds(sorted[Math.floor(sorted.length * 0.95)]!),
        seconds(sorted.at(-1)!),
        String(snapshots),
      ]);
    }
  const titles = ['way', 'interval', 'objects', 'min s', 'median s', '95 % s', 'max s', 'snapshots'];
  process.stdout.write(
    `${machine()}; an object every ${options.every} s for ${options.seconds} s; ${options.latency} ms a request; poll_interval, batch_age and commit_interval as given.\n\n${markdown(titles, rows)}`,
  );
}

/** What the rig says of its queues, as NAME=value lines. */
async function queueEnvironment(): Promise<Record<string, string>> {
  const { stdout } = await run(join(root, 'scripts/rig/stack'), ['up', 'moto']);
  const lines = [...stdout.matchAll(/^(AWS_\w+)=(.*)$/gm)].map(([, name, value]) => [name!, value!] as const);
  return Object.fromEntries(lines.filter(([name]) => !name.startsWith('AWS_ENDPOINT') || name.endsWith('_SQS')));
}

async function measure(
  folder: string,
  endpoint: string,
  way: 'listing' | 'queue',
  interval: number,
  { every, seconds }: Options,
): Promise<Measured> {
  const sqs = new SQSClient({});
  const { QueueUrl: queue } = await sqs.send(new CreateQueueCommand({ QueueName: `bench-${process.pid}-${interval}` }));
  const s3 = { endpoint, region: 'us-east-1' };
  const config = {
    warehouse,
    s3: { ...s3, force_path_style: true },
    sources: [{ name: 'bench', type: 'opa', location: `${bucket}/`, ...(way === 'queue' && { queue }) }],
    worker: { poll_interval: `${interval}s`, batch_age: `${interval}s`, commit_interval: `${interval}s` },
  };
  mkdirSync(folder);
  writeFileSync(join(folder, 'audit-warehouse.yaml'), JSON.stringify(config));
  const store = new S3Store({ ...s3, forcePathStyle: true });
  const worker = spawn(installedBinary(), ['worker', '--log-level', 'warn'], {
    cwd: folder,
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  const ended = new Promise((resolve) => worker.on('close', resolve));
  const sent = new Map<string, number>();
  const seen = new Map<string, number>();
  let isOver = false;
  try {
    const catalog = new FileCatalog(store, warehouse);
    // A worker that has started, and has made its tables.
    while ((await catalog.loadTable(table)) === undefined) await sleep(100);
    const watching = watch(catalog, store, seen, () => isOver && seen.size >= sent.size);
    note(`${way}, ${interval} s`);
    const end = performance.now() + seconds * 1000;
    for (let n = 0; performance.now() < end; n++) {
      const key = `eopa=a/first_ts=${nowSeconds()}/last_ts=${nowSeconds()}/batch_id=${String(n).padStart(6, '0')}.jsonl`;
      await store.put(`${bucket}/${key}`, Buffer.from(decisions(n)));
      sent.set(`${bucket}/${key}`, performance.now());
      if (way === 'queue') await sqs.send(new SendMessageCommand({ QueueUrl: queue!, MessageBody: event(key) }));
      await sleep(every * 1000);
    }
    isOver = true;
    const snapshots = await watching;
    return { waits: [...sent].map(([uri, at]) => seen.get(uri)! - at), snapshots };
  } finally {
    worker.kill('SIGTERM');
    await ended;
    store.close();
    sqs.destroy();
  }
}

/** Notes when the rows of each object are in the current snapshot first. Gives how many snapshots that took. */
async function watch(
  catalog: FileCatalog,
  store: S3Store,
  seen: Map<string, number>,
  isDone: () => boolean,
): Promise<number> {
  const read = new Set<string>();
  const snapshots = new Set<bigint>();
  while (!isDone()) {
    const { metadata } = (await catalog.loadTable(table))!;
    const at = performance.now();
    const current = metadata['current-snapshot-id'];
    if (current !== null && current !== undefined && !snapshots.has(current)) {
      snapshots.add(current);
      for await (const file of liveFiles(store, metadata)) {
        if (read.has(file.path)) continue;
        read.add(file.path);
        for await (const rows of fileRows(store, metadata, file, { columns: ['source_uri'] }))
          for (const { source_uri } of rows) if (!seen.has(String(source_uri))) seen.set(String(source_uri), at);
      }
    }
    await sleep(50);
  }
  return snapshots.size;
}

const nowSeconds = (): number => Math.floor(Date.now() / 1000);

const decisions = (n: number): string =>
  Array.from({ length: 10 }, (_, i) =>
    JSON.stringify({
      decision_id: `${n}-${i}`,
      input: { subject: 'somebody', action: 'read', resource: `/r/${i}` },
      labels: { id: 'i' },
      result: { allowed: true },
      timestamp: new Date().toISOString(),
    }),
  ).join('\n');

const event = (key: string): string =>
  JSON.stringify({
    Records: [
      {
        eventSource: 'aws:s3',
        eventName: 'ObjectCreated:Put',
        eventTime: new Date().toISOString(),
        s3: { bucket: { name: 'logs' }, object: { key: encodeURIComponent(key) } },
      },
    ],
  });

await new Command('bench/latency')
  .description('Measures how long a worker takes from an object to rows that a query sees, by listing and by a queue.')
  .option('--every <seconds>', 'between two objects', count, 0.5)
  .option('--seconds <n>', 'how long they come in', count, 30)
  .option('--intervals <n...>', 'poll_interval, batch_age and commit_interval of the worker, in seconds', counts)
  .option('--latency <ms>', 'latency of a request', count, 30)
  .option('--folder <path>', 'where the configuration is kept meanwhile', tmpdir())
  .action((options: Omit<Options, 'intervals'> & { intervals?: number[] }) =>
    bench({ ...options, intervals: options.intervals ?? [1, 10] }),
  )
  .parseAsync();
// The server is a child that would keep it alive.
process.exit();
