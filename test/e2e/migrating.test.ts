/** docs/migrating.md: its queries compare the article's own table with ours on Trino, and find what was left out on purpose. */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { GlueClient } from '@aws-sdk/client-glue';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Input, prepareInput, registerRaw } from '../../scripts/bench/lib/scanned-input.ts';
import { S3Store } from '../../src/store/s3.ts';
import { backfill, configure } from '../support/binary.ts';
import { projectRoot } from '../support/cli.ts';
import { describeWith, rig } from '../support/rig.ts';
import type { TrinoClient } from '../support/trino.ts';

const page = readFileSync(join(projectRoot, 'docs/migrating.md'), 'utf8');
const [days, missing, differing, fiveMinutes, ...others] = [...page.matchAll(/```sql\n(.*?)```/gs)].map(
  ([, sql]) => sql!,
);

test('the page has the queries that are run here', () => {
  expect([days, missing, differing, fiveMinutes].every(Boolean)).toBe(true);
  expect(others).toEqual([]);
});

describeWith(['s3', 'glue', 'trino'], "beside the article's table", () => {
  let folder: string;
  let trino: TrinoClient;
  let database: string;
  let raw: string;
  let left: string;
  let input: Input;
  let files: string[];
  const ask = async (sql: string): Promise<readonly (readonly unknown[])[]> =>
    (await trino.query(sql.replaceAll('eopa_athena_tutorial_db.', `${raw}.`).replaceAll('audit.', `${database}.`)))
      .rows;

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'aw-migrating-'));
    const [s3, glue] = [await rig.s3(), await rig.glue()];
    trino = await rig.trino();
    database = glue.database;
    raw = `${database}_raw`;
    input = await prepareInput(folder, 9000, [1, 2]);
    const store = new S3Store({ endpoint: s3.endpoint, region: s3.region, forcePathStyle: true });
    const logs = `s3://${s3.bucket}/article`;
    files = readdirSync(input.folder, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.jsonl'));
    for (const name of files) await store.put(`${logs}/${name}`, readFileSync(join(input.folder, name)));
    await registerRaw(new GlueClient({ endpoint: glue.endpoint, region: glue.region }), input, {
      database: raw,
      location: logs,
    });
    // One object is left out: the comparison has to find it.
    left = files.filter((name) => name.startsWith('raw/')).sort()[0]!;
    const place = configure(
      folder,
      {
        warehouse: `s3://${s3.bucket}/warehouse`,
        catalog: { type: 'glue', database, endpoint: glue.endpoint, region: glue.region },
        s3: { endpoint: s3.endpoint, region: s3.region, forcePathStyle: true },
        sources: [{ name: 'eopa', type: 'opa', location: `${logs}/raw/`, exclude: [left.slice('raw/'.length)] }],
      },
      s3.env,
    );
    expect((await backfill(place)).code).toBe(0);
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  test('days and decisions that are not here are named, and nothing else', async () => {
    const ids = readFileSync(join(input.folder, left), 'utf8')
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line).decision_id);
    const found = await ask(missing!.replace('LIMIT 100', 'LIMIT 100000'));
    expect(found.map(([id]) => id).sort()).toEqual(ids.sort());
    expect(found.every(([, , object]) => String(object).endsWith(left))).toBe(true);
    const short = await ask(days!);
    const lost = short.reduce((sum, [, inRaw, here]) => sum + Number(inRaw) - Number(here ?? 0), 0);
    expect(lost).toBe(ids.length);
  });

  test('what is in both has the same values', async () => {
    expect(await ask(differing!)).toEqual([]);
    // That it can find something: with another value on one side, every decision differs.
    const changed = await ask(differing!.replace('r.path IS DISTINCT', "(r.path || 'x') IS DISTINCT"));
    expect(changed).toHaveLength(100);
  });

  test('the question of the article, of a whole day here, gives the decisions of the logs', async () => {
    const decisions = files
      .filter((name) => name.startsWith('raw/') && name !== left)
      .flatMap((name) => readFileSync(join(input.folder, name), 'utf8').trim().split('\n'))
      .map((line) => JSON.parse(line))
      .filter(({ timestamp }) => timestamp.startsWith('2023-07-11'));
    const { subject } = decisions[0].input;
    const rows = await ask(
      fiveMinutes!.replace('16:55:00', '00:00:00').replace('17:00:00', '23:59:59.999999').replace('dr_evil', subject),
    );
    const expected = decisions.filter((decision) => decision.input.subject === subject);
    expect(rows.map(([id]) => id).sort()).toEqual(expected.map(({ decision_id }) => decision_id).sort());
  });
});
