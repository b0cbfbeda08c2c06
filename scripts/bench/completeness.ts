/**
 * What never arrived of a fleet in a year: how long `verify --producers` and the question `missing-decisions` take, and how
 * much they read. The table `sequences` is made as ingestion and `compact` leave it, a row for an instance and day; of some days of
 * instances an object is missing, and on as many some requests were answered and not logged.
 */
import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Command, InvalidArgumentError } from 'commander';
import type { Value } from '../../src/columns/types.ts';
import { loadConfig } from '../../src/config/load.ts';
import { commitTable } from '../../src/iceberg/commit.ts';
import { createLedger, openTables } from '../../src/ingest/claimed-batch.ts';
import type { Runtime } from '../../src/ingest/runtime.ts';
import { selectSources } from '../../src/ingest/select-sources.ts';
import { TableWriter } from '../../src/ingest/table-writer.ts';
import { producers } from '../../src/jobs/producers/producers.ts';
import { commitContext } from '../../src/ledger/runtime.ts';
import type { NumberRange } from '../../src/sequences/number-set.ts';
import { instanceKey, type SequenceKind, toRows } from '../../src/sequences/rows.ts';
import { sequences } from '../../src/tables/sequences.ts';
import { createRuntime } from '../../src/wire.ts';

const dayMicros = 86_400_000_000;
const begin = Date.UTC(2025, 0, 1) * 1000;

interface Options {
  readonly instances: number;
  readonly days: number;
  readonly decisions: number;
  readonly lossy: number;
  readonly rounds: number;
}

async function bench(options: Options): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'audit-warehouse-bench-'));
  try {
    const runtime = await openWarehouse(folder);
    const decisions = await fill(runtime, options);
    const bytes = bytesBelow(join(folder, 'warehouse/sequences/data'));
    process.stdout.write(
      `${options.instances} instances, ${options.days} days, ${decisions} decisions; ${megabytes(bytes)} of sequences\n\n`,
    );
    process.stdout.write(
      '| | seconds, least | median | CPU seconds, least | MB read | days named |\n| --- | ---: | ---: | ---: | ---: | ---: |\n',
    );
    await measure('verify --producers', options.rounds, () =>
      producers(runtime, { grades: ['missing', 'uncounted', 'steady'] }),
    );
    await measure('query missing-decisions grade=missing', options.rounds, () =>
      producers(runtime, { grades: ['missing'], withTimes: true }),
    );
  } finally {
    rmSync(folder, { recursive: true });
  }
}

async function openWarehouse(folder: string): Promise<Runtime> {
  const document = { warehouse: './warehouse', sources: [{ name: 'opa', type: 'opa', location: './logs' }] };
  const { config } = loadConfig({ document, env: {}, cwd: folder, reserved: () => new Set() });
  return createRuntime(config);
}

/** The rows of all days, each day a file, in one snapshot; gives how many decisions they stand for. */
async function fill(runtime: Runtime, { instances, days, decisions, lossy }: Options): Promise<number> {
  await openTables(runtime, createLedger(runtime), selectSources(runtime, undefined));
  const table = (await runtime.catalog.loadTable(sequences.name))!;
  const { store, encoder, config } = runtime;
  const writer = new TableWriter({ store, encoder, output: config.output }, table, sequences, 'bench');
  const names = Array.from({ length: instances }, (_, i) => `instance-${i}-${(i * 7919) % 1000}`);
  const next = names.map(() => 1);
  const perDay = Math.round(decisions / instances / days);
  let arrived = 0;
  let seed = 1;
  const random = (below: number): number => {
    seed = (seed * 48_271) % 0x7fffffff;
    return Math.floor((seed / 0x7fffffff) * below);
  };
  for (let day = 0; day < days; day++) {
    const start = begin + day * dayMicros;
    for (const [i, instance] of names.entries()) {
      const first = next[i]!;
      const count = perDay - 200 + random(400);
      const last = first + count - 1;
      next[i] = last + 1;
      const lost: NumberRange = [first + 1000, first + 1000 + random(100)];
      const isLost = random(lossy) < 2;
      const isDropped = random(2) === 0;
      const ranges: NumberRange[] = isLost
        ? [
            [first, lost[0] - 1],
            [lost[1] + 1, last],
          ]
        : [[first, last]];
      arrived += count - (ranges.length - 1) * (lost[1] - lost[0] + 1);
      const write = (kind: SequenceKind, numbers: readonly NumberRange[]): void => {
        const owner = { source: 'opa', instance, instanceKey: instanceKey(instance), batch: null };
        const times = { firstTime: start + random(1e9), lastTime: start + dayMicros - 1 - random(1e9) };
        for (const row of toRows({ ymd: ymdOf(start), ...owner, kind, ranges: numbers, ...times }))
          writer.append(row as Value[]);
      };
      write('decision', ranges);
      if (isLost && isDropped) write('answered', [lost]);
    }
    await writer.flush();
  }
  await writer.settled();
  const change = { operation: 'append', add: writer.files, remove: [], summary: {} } as const;
  await commitTable(commitContext(runtime), sequences.name, () => change);
  return arrived;
}

async function measure(name: string, rounds: number, run: () => ReturnType<typeof producers>): Promise<void> {
  const seconds: number[] = [];
  const cpu: number[] = [];
  let report: Awaited<ReturnType<typeof producers>> | undefined;
  for (let round = 0; round < rounds; round++) {
    const [started, before] = [performance.now(), process.cpuUsage()];
    report = await run();
    const { user, system } = process.cpuUsage(before);
    seconds.push((performance.now() - started) / 1000);
    cpu.push((user + system) / 1e6);
  }
  seconds.sort((a, b) => a - b);
  const { bytesScanned, days } = report!;
  process.stdout.write(
    `| ${name} | ${seconds[0]!.toFixed(2)} | ${seconds[rounds >> 1]!.toFixed(2)} | ${Math.min(...cpu).toFixed(2)} | ${megabytes(bytesScanned)} | ${days.length} |\n`,
  );
}

const ymdOf = (micros: number): string => new Date(micros / 1000).toISOString().slice(0, 10);
const megabytes = (bytes: number): string => `${(bytes / 1e6).toFixed(1)} MB`;

function bytesBelow(folder: string): number {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .reduce((sum, { parentPath, name }) => sum + statSync(join(parentPath, name)).size, 0);
}

function positive(text: string): number {
  const number = Number(text);
  if (!Number.isInteger(number) || number < 1) throw new InvalidArgumentError('takes a whole number from 1.');
  return number;
}

await new Command('bench/completeness')
  .description('Measures the question what never arrived of a fleet in a year.')
  .option('--instances <count>', 'instances of OPA', positive, 1000)
  .option('--days <count>', 'days of each', positive, 365)
  .option('--decisions <count>', 'of all of them', positive, 1_000_000_000)
  .option('--lossy <count>', 'of so many days of instances two lack decisions', positive, 2000)
  .option('--rounds <count>', 'how often each question is asked', positive, 3)
  .action(bench)
  .parseAsync();
