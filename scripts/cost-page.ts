/**
 * The text of docs/cost.md: what a month costs at three volumes, beside the same logs as a raw table of Athena. All
 * sums are made here from the two lists of assumptions that the page prints.
 */

import { prices, sizes } from './assumptions.ts';

const GB = 1e9;
const TB = 1e12;

/** Dollars, list prices of us-east-1. */
const listed = {
  standard: { value: prices.storage, text: 'S3 Standard, a GB and month' },
  archive: { value: prices.archive, text: 'S3 Glacier Instant Retrieval, a GB and month' },
  transition: { value: prices.transition, text: 'moving an object to it, per 1,000' },
  put: { value: prices.put, text: 'PUT, LIST, per 1,000' },
  get: { value: prices.get, text: 'GET, HEAD, per 1,000' },
  scanned: { value: prices.scanned, text: 'Athena, a TB scanned; a query is billed 10 MB at least' },
  partitions: {
    value: prices.partitions,
    text: 'Glue, 100,000 objects of the catalog and month above the first million',
  },
  cpu: { value: prices.cpu, text: 'Fargate on ARM, a vCPU and hour' },
  memory: { value: prices.memory, text: 'Fargate on ARM, a GB of memory and hour' },
} as const;

/** Where each figure was measured: docs/benchmarks.md, 7 million decisions in 4,834 MB of objects of 2,048. */
const measured = {
  rawBytes: { value: sizes.decision, text: 'bytes of a decision as Enterprise OPA writes it' },
  tableBytes: { value: sizes.stored, text: 'bytes of a decision in the table, compacted' },
  perObject: { value: sizes.perObject, text: 'decisions in an object' },
  nightlyCpu: { value: 40, text: 'CPU seconds per million decisions a night: compact, expire, verify' },
  commits: { value: 288, text: 'commits of a worker a day, one every five minutes' },
  commitPuts: { value: 36, text: 'PUT and LIST around a commit to all its tables' },
  commitGets: { value: 60, text: 'GET and HEAD around it' },
} as const;

/** Questions of a month; shares are of all raw bytes, from the table "Bytes scanned" of docs/benchmarks.md. */
const questions = [
  { text: 'five minutes of one subject', times: 200, share: 1 / 4181, range: 5 / (60 * 24 * 30) },
  { text: 'the whole history of one subject', times: 50, share: 1 / 78 },
  { text: 'everything about one decision id', times: 100, share: 1 / 738 },
  { text: 'counts by subject and outcome, whole history', times: 20, share: 1 / 230 },
] as const;

const months = 12;
const volumes = [10e6, 100e6, 1000e6] as const;

const usd = (value: number): string =>
  value >= 100 ? Math.round(value).toLocaleString('en-US') : value >= 10 ? value.toFixed(1) : value.toFixed(2);

interface Bill {
  readonly [item: string]: number;
}

function athena(decisions: number, bytes: (question: (typeof questions)[number], raw: number) => number): number {
  const raw = decisions * months * sizes.decision;
  const sum = questions.reduce((total, q) => total + q.times * Math.max(10e6, bytes(q, raw)), 0);
  return (sum / TB) * prices.scanned;
}

/** A raw table with the partitions of the article: what no partition cuts off is read whole. */
function rawTable(decisions: number): Bill {
  const history = decisions * months;
  const objects = history / sizes.perObject;
  return {
    storage: ((history * sizes.decision) / GB) * prices.storage,
    'partitions in Glue': (Math.max(0, objects - 1e6) / 100_000) * prices.partitions,
    'questions in Athena': athena(decisions, (q, raw) => ('range' in q ? (raw / months) * q.range : raw)),
  };
}

function warehouse(decisions: number): Bill {
  const history = decisions * months;
  const monthly = decisions / sizes.perObject;
  const commits = measured.commits.value * 30;
  const worker = 730 * (prices.cpu * 0.5 + prices.memory * 2);
  const nightly = (decisions / 1e6) * (measured.nightlyCpu.value / 3600);
  return {
    'storage of the tables': ((history * sizes.stored) / GB) * prices.storage,
    'storage of the objects, archived': ((history * sizes.decision) / GB) * prices.archive,
    'requests and transitions':
      (monthly / 1000) * (prices.get * 2 + prices.transition) +
      (commits / 1000) * (measured.commitPuts.value * prices.put + measured.commitGets.value * prices.get),
    'worker, half a vCPU and 2 GB': worker,
    'the nightly jobs': nightly * (prices.cpu + prices.memory * 2),
    'questions in Athena': athena(decisions, (q, raw) => raw * q.share),
  };
}

function bills(name: string, bill: (decisions: number) => Bill): string[] {
  const columns = volumes.map(bill);
  const rows = Object.keys(columns[0]!).map(
    (item) => `| ${item} | ${columns.map((column) => usd(column[item]!)).join(' | ')} |`,
  );
  const sums = columns.map((column) => Object.values(column).reduce((a, b) => a + b, 0));
  return [
    `| ${name}, $ a month | ${volumes.map((volume) => `${volume / 1e6} million`).join(' | ')} |`,
    `| --- | ${volumes.map(() => '---:').join(' | ')} |`,
    ...rows,
    `| **together** | ${sums.map((sum) => `**${usd(sum)}**`).join(' | ')} |`,
  ];
}

const list = (items: typeof listed | typeof measured): string[] =>
  Object.values(items).map(({ text, value }) => `| ${text} | ${value} |`);

export function costPage(): string {
  return [
    '# What it costs',
    '',
    'A month at 10, 100 and 1,000 million decisions a month (4, 39 and 386 a second), with a year of history, beside the same objects as a raw',
    'table of Athena as the Enterprise OPA article declares it. The sums follow from the assumptions below; put your own prices and questions in',
    'their place (`scripts/cost-page.ts` makes this page).',
    '',
    ...bills('raw JSON in Athena', rawTable),
    '',
    ...bills('audit-warehouse', warehouse),
    '',
    '## What to read from it',
    '',
    '- Below some ten million decisions a month, and with few questions, the worker is most of the bill. Leave it out: `backfill` every hour in a timer on a',
    '  machine that you have, or Lambda, which is paid by the commit ([deploy.md](deploy.md)).',
    '- From there on the questions decide. A question about one subject reads everything in a raw table and some percent of a tenth in ours; the more often somebody',
    '  asks, the wider it gets.',
    '- A partition for each object, which the article needs to find five minutes, has a price of its own in Glue, and Athena lists partitions before it reads.',
    '- The source objects are read once. After that they are evidence (`raw`, `verify --deep`, `backfill --again`) and can lie in a cheaper class by a',
    '  lifecycle rule; objects in Glacier Flexible Retrieval or Deep Archive are reported as archived and have to be restored before they are read again.',
    '- Not in it: data leaving the region, NAT gateways (use a gateway endpoint for S3, which is free), logs, KMS requests (use bucket keys), and what the dashboards of',
    '  BI tools ask every few minutes. Give their work group a limit of bytes a query.',
    '',
    '## Assumptions',
    '',
    'List prices of us-east-1 in US dollars, as known on 2026-11-29. Check them: they change, and yours may be lower.',
    '',
    '| price | $ |',
    '| --- | ---: |',
    ...list(listed),
    '',
    'Measured with generated decisions ([benchmarks.md](benchmarks.md)); the requests around a commit are those of a whole small `backfill` into',
    'tables that exist, which is more than a worker needs:',
    '',
    '| figure | |',
    '| --- | ---: |',
    ...list(measured),
    '',
    'Questions of a month. The share is what is read of all raw bytes, as measured on Trino, which reads as Athena does; the raw table reads its objects of the five',
    'minutes for the first question, and everything for the others:',
    '',
    '| question | times | share |',
    '| --- | ---: | ---: |',
    ...questions.map(
      ({ text, times, share }) => `| ${text} | ${times} | 1/${Math.round(1 / share).toLocaleString('en-US')} |`,
    ),
    '',
  ].join('\n');
}
