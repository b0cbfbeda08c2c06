/**
 * deploy/spark on real clusters of two executor processes: rows are those of a backfill, though an executor is killed in
 * the middle of a unit, or Spark runs a task twice by speculation, and the unit is then staged twice at once.
 */
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { compactedPrefix } from '../../src/rewrite/without-rows.ts';
import { decisionLogs } from '../e2e/support/logs.ts';
import { backfill, configure, type Place, start } from '../support/binary.ts';
import { binary, projectRoot } from '../support/cli.ts';
import { describeWith, rig } from '../support/rig.ts';

const objects = 12;
/** Of the runs with speculation. */
const units = 3;
const job = join(projectRoot, 'deploy/spark/audit_warehouse_job.py');
const settings = {
  'spark.ui.enabled': 'false',
  'spark.driver.memory': '512m',
  'spark.driver.bindAddress': '127.0.0.1',
  'spark.driver.host': '127.0.0.1',
};
/** As eager as it can be: any task that is behind the others has a second try wherever a slot is free. */
const speculation = {
  'spark.executor.memory': '1g',
  'spark.speculation': 'true',
  'spark.speculation.interval': '100ms',
  'spark.speculation.multiplier': '1.01',
  'spark.speculation.quantile': '0.1',
  'spark.speculation.minTaskRuntime': '100ms',
};

interface Report {
  readonly units: number;
  readonly states: Record<string, number>;
  readonly commits: number;
  readonly committed: {
    readonly units: { readonly committed: number; readonly open: number };
    readonly counts: { readonly records: { readonly rows: number } };
    readonly compactions: { readonly units: { readonly committed: number } };
  };
  readonly failed: readonly unknown[];
}

interface Receipt {
  readonly unit: number;
  readonly state: string;
  readonly counts?: unknown;
}

describeWith(['spark'], 'a job on Spark', () => {
  let folder: string;
  let place: Place;
  let alone: Place;
  let twice: Place;

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'aw-spark-'));
    for (const { key, body } of decisionLogs(objects, 5)) {
      mkdirSync(dirname(join(folder, 'logs', key)), { recursive: true });
      writeFileSync(join(folder, 'logs', key), body);
    }
    const placeOf = (name: string, perUnit: number): Place =>
      configure(join(folder, name), {
        warehouse: join(folder, name, 'warehouse'),
        sources: [{ name: 'eopa', type: 'opa', location: join(folder, 'logs') }],
        batch: { objects: perUnit },
      });
    place = placeOf('here', 1);
    twice = placeOf('twice', objects / units);
    alone = placeOf('alone', objects);
    await backfill(alone);
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  const confOf = (conf: Readonly<Record<string, string>>): string =>
    Object.entries(conf)
      .map(([name, value]) => `--conf ${name}=${value}`)
      .join(' ');

  const argumentsOf = (command: string, of: Place, plan: readonly string[]): string[] => [
    ...['--config', join(of.cwd, 'audit-warehouse.yaml'), '--command', command, '--commit-every', '1'],
    ...['--', ...plan],
  ];

  async function spark(command: string, ...plan: string[]): Promise<Report> {
    const output = await rig.spark(job, argumentsOf(command, place, plan), '', {
      // Else it is below the package.
      SPARK_WORKER_DIR: join(folder, 'work'),
      PYSPARK_SUBMIT_ARGS: `--master local-cluster[2,1,1024] ${confOf(settings)} pyspark-shell`,
    });
    return JSON.parse(output) as Report;
  }

  /** A report for each of the plans, one after another. */
  async function sparkOnHosts(command: string, of: Place, ...plans: string[][]): Promise<Report[]> {
    const programs = plans.map((plan) => [job, ...argumentsOf(command, of, plan)]);
    const output = await rig.spark('spark_on_hosts.py', [JSON.stringify(programs)], '', {
      SPARK_WORKER_DIR: join(of.cwd, 'work'),
      SPARK_CONF: confOf({ ...settings, ...speculation }),
    });
    return output
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Report);
  }

  const rows = async (of: Place): Promise<unknown> => {
    const sql =
      "select decision_id, source_offset, subject from opa_decisions union all select payload, source_offset, '' from quarantine order by 1, 2";
    return JSON.parse((await start(['query', '--sql', sql, '--format', 'json'], of).done).stdout).rows;
  };

  test('gives the rows of a backfill, with an executor that is killed and its unit staged twice at once', async () => {
    // One task of `stage` kills the Java above it, which is its executor, and goes on as an orphan beside its next try.
    const wrapper = join(folder, 'audit-warehouse');
    const lines = [
      '#!/bin/sh',
      `case " $* " in *" job stage "*)`,
      `  unit=$(cat); echo "$unit" >> ${folder}/staged`,
      `  if mkdir ${folder}/killed 2>/dev/null; then`,
      `    above=$PPID`,
      `    while [ "$(cat /proc/$above/comm)" != java ]; do above=$(awk '/^PPid/ {print $2}' /proc/$above/status); done`,
      `    echo "$unit" > ${folder}/killed/unit; kill -9 "$above"`,
      `  fi`,
      `  echo "$unit" | ${binary} "$@" ;;`,
      `*) exec ${binary} "$@" ;; esac`,
    ];
    writeFileSync(wrapper, lines.join('\n'));
    chmodSync(wrapper, 0o755);

    const report = await spark(wrapper);
    expect(report).toMatchObject({ units: objects, states: { staged: objects }, failed: [] });
    expect(report.committed.units).toMatchObject({ committed: objects, open: 0 });
    expect(report.commits, 'commits while units are staged').toBeGreaterThan(1);
    const staged = readFileSync(join(folder, 'staged'), 'utf8').trim().split('\n');
    const killed = readFileSync(join(folder, 'killed/unit'), 'utf8').trim();
    expect(staged.filter((unit) => unit === killed).length).toBeGreaterThan(1);

    expect(await rows(place)).toEqual(await rows(alone));
    expect((await start(['verify', '--deep'], place).done).code).toBe(0);
  });

  test('compacts days as units', async () => {
    const before = await rows(place);
    const report = await spark(binary, '--compact', '--table', 'opa_decisions');
    expect(report).toMatchObject({ units: 2, states: { staged: 2 }, failed: [] });
    expect(report.committed.compactions.units.committed).toBe(2);
    expect(await rows(place)).toEqual(before);
    expect((await start(['verify', '--deep'], place).done).code).toBe(0);
  });

  test('that runs tasks twice at once, by speculation, gives each row once, and the try that loses leaves no file', async () => {
    // Unit 1 is not begun before a second task has it. What both tries say of it is kept, by host.
    const tries = { ingest: join(twice.cwd, 'ingest'), compact: join(twice.cwd, 'compact') };
    for (const place of Object.values(tries)) mkdirSync(place);
    const wrapper = join(twice.cwd, 'audit-warehouse');
    const lines = [
      '#!/bin/bash',
      `case " $* " in *" job stage "*) ;; *) exec ${binary} "$@" ;; esac`,
      'unit=$(cat)',
      `case $unit in *'"unit":1,'*) ;; *) exec ${binary} "$@" <<<"$unit" ;; esac`,
      'above=$PPID',
      `while [ "$(cat /proc/$above/comm)" != java ]; do above=$(awk '/^PPid/ {print $2}' /proc/$above/status); done`,
      `host=$(tr '\\0' '\\n' < /proc/$above/cmdline | grep -x -A 1 -e --hostname | tail -n 1)`,
      `case $unit in *'"kind":"compact"'*) cd ${tries.compact} ;; *) cd ${tries.ingest} ;; esac`,
      'touch "$host.begun"',
      'for ((i = 0; i < 600; i++)); do [ "$(ls | grep -c begun)" -lt 2 ] || break; sleep 0.1; done',
      `${binary} "$@" <<<"$unit" > "$host.part"`,
      'code=$?',
      'mv "$host.part" "$host.receipt"',
      'cat "$host.receipt"',
      'exit $code',
    ];
    writeFileSync(wrapper, lines.join('\n'));
    chmodSync(wrapper, 0o755);

    const [ingested, compacted] = await sparkOnHosts(wrapper, twice, [], ['--compact', '--table', 'opa_decisions']);
    expect(ingested).toMatchObject({ units, states: { staged: units }, failed: [] });
    expect(ingested!.committed.units).toMatchObject({ committed: units, open: 0 });
    expect(compacted).toMatchObject({ units: 2, states: { staged: 2 }, failed: [] });
    expect(compacted!.committed.compactions.units.committed).toBe(2);
    for (const place of Object.values(tries)) {
      // Spark does not wait for the loser.
      const receipts = () => readdirSync(place).filter((name) => name.endsWith('.receipt'));
      await expect
        .poll(receipts, { timeout: 60_000, interval: 100 })
        .toEqual(['127.0.0.1.receipt', 'localhost.receipt']);
      const [one, other] = receipts().map((name) => JSON.parse(readFileSync(join(place, name), 'utf8')) as Receipt);
      expect(one).toMatchObject({ unit: 1, state: 'staged' });
      expect(other).toMatchObject({ unit: 1, state: 'staged', counts: one!.counts });
    }
    expect(await rows(twice)).toEqual(await rows(alone));
    expect((await start(['verify', '--deep'], twice).done).code).toBe(0);
    const files = readdirSync(join(twice.cwd, 'warehouse/opa_decisions/data'), { recursive: true }) as string[];
    expect(files.filter((name) => basename(name).startsWith(compactedPrefix))).toHaveLength(2);
  }, 300_000);
});
