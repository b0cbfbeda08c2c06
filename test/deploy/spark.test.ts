/**
 * deploy/spark on a real cluster of two executor processes: rows are those of a backfill, though an executor is killed in
 * the middle of a unit, which is then staged twice at once.
 */
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { decisionLogs } from '../e2e/support/logs.ts';
import { backfill, configure, type Place, start } from '../support/binary.ts';
import { binary, projectRoot } from '../support/cli.ts';
import { describeWith, rig } from '../support/rig.ts';

const objects = 12;
const settings = {
  'spark.ui.enabled': 'false',
  'spark.driver.memory': '512m',
  'spark.driver.bindAddress': '127.0.0.1',
  'spark.driver.host': '127.0.0.1',
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

describeWith(['spark'], 'a job on Spark', () => {
  let folder: string;
  let place: Place;
  let alone: Place;

  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'aw-spark-'));
    for (const { key, body } of decisionLogs(objects, 5)) {
      mkdirSync(dirname(join(folder, 'logs', key)), { recursive: true });
      writeFileSync(join(folder, 'logs', key), body);
    }
    const config = (warehouse: string) => ({
      warehouse,
      sources: [{ name: 'eopa', type: 'opa', location: join(folder, 'logs') }],
      batch: { objects: 1 },
    });
    place = configure(join(folder, 'here'), config(join(folder, 'here/warehouse')));
    alone = configure(join(folder, 'alone'), config(join(folder, 'alone/warehouse')));
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  async function spark(command: string, ...plan: string[]): Promise<Report> {
    const conf = Object.entries(settings).flatMap(([name, value]) => ['--conf', `${name}=${value}`]);
    const output = await rig.spark(
      join(projectRoot, 'deploy/spark/audit_warehouse_job.py'),
      ['--config', join(place.cwd, 'audit-warehouse.yaml'), '--command', command, '--commit-every', '1', '--', ...plan],
      '',
      {
        // Else it is below the package.
        SPARK_WORKER_DIR: join(folder, 'work'),
        PYSPARK_SUBMIT_ARGS: ['--master', 'local-cluster[2,1,1024]', ...conf, 'pyspark-shell'].join(' '),
      },
    );
    return JSON.parse(output) as Report;
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

    await backfill(alone);
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
});
