/**
 * The text of docs/scale.md: when to use what, and what large histories and streams need. All sums are made here from the
 * assumptions that the page prints; what was measured is by scripts/bench/stages.
 */

import { prices, sizes } from './assumptions.ts';

const GB = 1e9;
const TB = 1e12;
const PB = 1e15;
const hour = 3600;
const day = 86_400;

const measured = {
  decisionBytes: { value: sizes.decision, text: 'bytes of a decision as Enterprise OPA writes it' },
  tableBytes: { value: sizes.stored, text: 'bytes of a decision in the table, compacted' },
  perObject: { value: sizes.perObject, text: 'decisions in an object' },
  stageCpu: { value: 13, text: 'CPU seconds to stage a GB of stored JSON, in units of some 250 MB' },
  compactCpu: { value: 28, text: 'CPU seconds to compact what came of a GB' },
  unitBytes: { value: 268e6, text: 'stored bytes of a unit (`batch.bytes`)' },
  unitFiles: { value: 4, text: 'files of a unit: two days of a table, numbers of producers' },
  unitRequests: { value: 12, text: 'requests of a unit beside those for its objects, PUT among them 6' },
  commitSeconds: { value: 4, text: 'seconds of a commit of 64 units, its own process included' },
  commitRequests: { value: 250, text: 'requests of a commit of 64 units, a fifth of them PUT' },
  entryBytes: { value: 500, text: 'bytes of a file in a manifest, compressed, roughly' },
  manifestBytes: { value: 8.4e6, text: 'bytes of a merged manifest; up to a hundred small ones beside them' },
  targetBytes: { value: 67e6, text: 'bytes of a compacted file (`compact.target_bytes`)' },
} as const;

/** List prices and limits of AWS. */
const published = {
  put: { value: prices.put, text: '$ per 1,000 PUT and LIST of S3' },
  get: { value: prices.get, text: '$ per 1,000 GET and HEAD of S3' },
  cpu: { value: prices.cpu, text: '$ a vCPU and hour of Fargate on ARM' },
  memory: { value: prices.memory, text: '$ a GB of memory and hour of it; 2 GB for each vCPU' },
  storage: { value: prices.storage, text: '$ a GB and month of S3 Standard' },
  prefixGets: { value: 5500, text: 'GET and HEAD a second that S3 takes for one prefix' },
  listed: { value: 1000, text: 'keys of a LIST' },
  invocations: { value: 1000, text: 'invocations of Lambda side by side, unless you ask for more' },
  children: { value: 10_000, text: 'executions side by side of a distributed map of Step Functions' },
} as const;

const unitsOfCommit = 64;
const cpuHour = prices.cpu + 2 * prices.memory;

interface History {
  readonly name: string;
  readonly bytes: number;
  /** vCPUs that are given to it. */
  readonly cpus: number;
}

const histories: readonly History[] = [
  { name: '1 TB', bytes: TB, cpus: 8 },
  { name: '100 TB', bytes: 100 * TB, cpus: 80 },
  { name: '1 PB', bytes: PB, cpus: 400 },
];

const number = (value: number): string =>
  value >= 100 ? Math.round(value).toLocaleString('en-US') : value >= 10 ? value.toFixed(0) : value.toPrecision(2);
const millions = (value: number): string => (value >= 1e6 ? `${number(value / 1e6)} million` : number(value));

function needs({ bytes, cpus }: History): readonly (readonly [item: string, value: string])[] {
  const objects = bytes / (sizes.decision * sizes.perObject);
  const units = Math.ceil(bytes / measured.unitBytes.value);
  const stageHours = ((bytes / GB) * measured.stageCpu.value) / hour;
  const compactHours = ((bytes / GB) * measured.compactCpu.value) / hour;
  const wallHours = (stageHours + compactHours) / cpus;
  const snapshots = Math.max(units / unitsOfCommit, (stageHours / cpus) * 60);
  const lists = objects / published.listed.value;
  const puts = lists + units * 6 + (snapshots * measured.commitRequests.value) / 5;
  const gets =
    objects + units * (measured.unitRequests.value - 6) + (snapshots * measured.commitRequests.value * 4) / 5;
  const tableBytes = (bytes * sizes.stored) / sizes.decision;
  const money = {
    machines: (stageHours + compactHours) * cpuHour,
    requests: (puts * prices.put + gets * prices.get) / 1000,
    storage: (tableBytes / GB) * prices.storage,
  };
  return [
    ['decisions', millions(bytes / sizes.decision)],
    ['objects', millions(objects)],
    ['units', number(units)],
    ['vCPU hours to stage', number(stageHours)],
    ['vCPU hours to compact', number(compactHours)],
    ['vCPUs given', String(cpus)],
    ['hours with them', number(wallHours)],
    ['GET and HEAD', millions(gets)],
    ['PUT and LIST', millions(puts)],
    ['snapshots, at one commit a minute or 64 units', number(snapshots)],
    ['files before compaction', millions(units * measured.unitFiles.value)],
    ['files after it', millions(tableBytes / measured.targetBytes.value)],
    [
      'manifests after it, merged',
      number(
        Math.ceil(
          ((tableBytes / measured.targetBytes.value) * measured.entryBytes.value) / measured.manifestBytes.value,
        ),
      ),
    ],
    ['$ of machines', number(money.machines)],
    ['$ of requests', number(money.requests)],
    ['$ a month of tables kept', number(money.storage)],
  ];
}

const perSecond = 1e6;

function stream(): readonly (readonly [item: string, value: string])[] {
  const bytes = perSecond * sizes.decision;
  const objects = perSecond / sizes.perObject;
  const stageCpus = (bytes / GB) * measured.stageCpu.value;
  const compactCpus = (bytes / GB) * measured.compactCpu.value;
  const batches = bytes / measured.unitBytes.value;
  const snapshots = Math.min(batches, 1 / measured.commitSeconds.value) * day;
  const gets = 2 * objects + batches * 6 + (snapshots / day) * 80;
  const puts = batches * 6 + (snapshots / day) * 20;
  const dollars = (stageCpus + compactCpus) * 24 * cpuHour + ((gets * 0.0004 + puts * 0.005) / 1000) * day;
  return [
    ['MB a second of stored JSON', number(bytes / 1e6)],
    ['objects, and messages of a queue, a second', number(objects)],
    ['vCPUs of workers, busy all the time; give them twice that', number(stageCpus)],
    ['vCPUs that compact, busy all the time', number(compactCpus)],
    ['requests a second to S3', number(gets + puts)],
    ['batches a second, full ones', number(batches)],
    ['snapshots a day', number(snapshots)],
    ['TB a day in the tables', number((perSecond * day * sizes.stored) / TB)],
    ['$ a day of machines and requests', number(dollars)],
  ];
}

const limits = (): readonly (readonly [what: string, limit: string, at: string])[] => {
  const objectBytes = sizes.decision * sizes.perObject;
  const cpuBytes = GB / measured.stageCpu.value;
  const commitBytes = (unitsOfCommit * measured.unitBytes.value) / measured.commitSeconds.value;
  const dayBytes = (day / measured.compactCpu.value) * GB;
  return [
    [
      'compaction of one day in one process',
      `${number(dayBytes / TB)} TB of stored JSON a day, or ${number(dayBytes / sizes.decision / day / 1000)} thousand decisions a second`,
      '`job plan --compact`, which cuts such days by time (`compact.part_bytes`), on several machines; or `compact --engine`',
    ],
    [
      'GET of one prefix of the source',
      `${number((published.prefixGets.value * objectBytes) / GB)} GB a second of objects of 1.4 MB, ${number((published.prefixGets.value * objectBytes) / cpuBytes)} vCPUs; but ${number((published.prefixGets.value * 7e3) / 1e6)} MB a second of objects of 7 KB`,
      'S3 splits prefixes by itself under load, in minutes, and says SlowDown meanwhile, which is waited out; larger objects of the producers',
    ],
    [
      'one commit after another',
      `${number(commitBytes / GB)} GB a second of stored JSON, ${number(commitBytes / cpuBytes)} vCPUs staging`,
      'larger units: `batch.bytes`',
    ],
    [
      'one listing, of a thousand keys in 45 ms',
      `${number((published.listed.value / 0.045) * 1)} objects a second, ${number(((histories[2]!.bytes / objectBytes / published.listed.value) * 0.045) / hour)} hours for 1 PB`,
      'several plans by `--prefix` or `--from` and `--to`, each under a `--name` of its own',
    ],
    [
      'Lambda and Step Functions',
      `${published.invocations.value.toLocaleString('en-US')} invocations side by side by default, ${number((published.invocations.value * cpuBytes) / GB)} GB a second, 15 minutes each; ${published.children.value.toLocaleString('en-US')} executions of a distributed map`,
      'a higher quota; units of a few minutes',
    ],
    [
      'metadata of the table',
      'some 0.8 KB for each snapshot that is kept, written anew by each commit',
      '`expire.snapshots` of hours instead of days, `batch.bytes` of 1 GiB, `expire` every hour',
    ],
  ];
};

const table = (titles: readonly string[], rows: readonly (readonly string[])[]): string[] => [
  `| ${titles.join(' | ')} |`,
  `| --- |${titles
    .slice(1)
    .map(() => ' ---: |')
    .join('')}`,
  ...rows.map((cells) => `| ${cells.join(' | ')} |`),
];

const list = (items: Readonly<Record<string, { readonly value: number; readonly text: string }>>): string[] =>
  table(
    ['', ''],
    Object.values(items).map(({ text, value }) => [
      text,
      value >= 1000 ? value.toLocaleString('en-US') : String(value),
    ]),
  );

/** Of `scripts/bench/stages --records 400k`. */
const stages: readonly (readonly string[])[] = [
  ['1', '6.4', '43', '10.2', '160', '1.0', '1.8'],
  ['2', '3.8', '73', '12.8', '158', '0.9', '1.7'],
  ['4', '2.9', '95', '15.1', '159', '0.9', '1.6'],
];

export function scalePage(): string {
  const columns = histories.map(needs);
  return [
    '# Scale',
    '',
    'What one machine does, when to take more, and what a large history or stream needs of them. The sums follow from the assumptions at the',
    'end; put your own figures in their place (`scripts/scale-page.ts` makes this page).',
    '',
    '## When to use what',
    '',
    '| you have | use |',
    '| --- | --- |',
    '| up to a few TB, once | `backfill` on one machine with as many cores as you like: it goes on where it stopped |',
    '| a stream | `worker`, two of them for availability; more share the queue, and commit no more often than one |',
    '| a small stream, and no machine | Lambda behind the queue ([deploy.md](deploy.md#lambda)) |',
    '| a large history, and Kubernetes | `job plan`, an Indexed Job, `job commit` ([deploy/kubernetes/stage.yaml](../deploy/kubernetes/stage.yaml)) |',
    '| … and AWS alone | Step Functions over Lambda ([deploy/terraform](../deploy/terraform/README.md), `job`), units of a few minutes; or over Fargate (`job.fargate`) |',
    '| … and Spark or EMR, Glue, Databricks | [deploy/spark](../deploy/spark/audit_warehouse_job.py): executors stage, the driver commits while they do |',
    '| … and Airflow | the same three commands as tasks ([deploy/airflow](../deploy/airflow/audit_warehouse.py)) |',
    '| days that a night is too short to compact | `job plan --compact` on any of these; it cuts days that are too large for one machine |',
    '',
    'All of them run the same three steps ([jobs.md](jobs.md)), so one can begin and another one finish, and none decides what a record is.',
    '',
    '## Measured',
    '',
    '`scripts/bench/stages`: one plan, then several processes that stage its units, each with one thread, then one commit, all from an S3 on loopback with',
    '30 ms of latency. 198 objects, 276 MB, in 16 units, on 2026-11-30 on two CPUs with nothing else to do but the server of that S3, so four processes bring little more than',
    'two. Each pays for its start, a quarter of a CPU second, and its first load of the code; large units hide that.',
    '',
    ...table(['processes', 'stage s', 'MB/s', 'CPU s per GB', 'peak MB', 'plan s', 'commit s'], stages),
    '',
    '## A history',
    '',
    ...table(
      ['', ...histories.map(({ name }) => name)],
      columns[0]!.map(([item], row) => [item, ...columns.map((column) => column[row]![1])]),
    ),
    '',
    '## A million decisions a second',
    '',
    ...table(['', ''], stream()),
    '',
    '## What gives first',
    '',
    'In the order in which a growing installation meets it:',
    '',
    '| what | its limit | then |',
    '| --- | --- | --- |',
    ...limits().map((cells) => `| ${cells.join(' | ')} |`),
    '',
    '## Assumptions',
    '',
    'Measured with generated decisions on an x86 virtual machine of two threads ([benchmarks.md](benchmarks.md)):',
    '',
    ...list(measured),
    '',
    'List prices and limits of AWS for us-east-1, as known on 2026-11-29. Check them: they change, and yours may be lower.',
    '',
    ...list(published),
    '',
  ].join('\n');
}
