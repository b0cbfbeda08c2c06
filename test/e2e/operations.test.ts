/**
 * A warehouse as its operators live with it, through the binary: verified, damaged, mended, replayed, compacted, erased,
 * expired, in a folder and in S3 with Glue, where Trino has to see the same.
 */

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { DeleteTableCommand, GetTableCommand, GlueClient, UpdateTableCommand } from '@aws-sdk/client-glue';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Place, start } from '../support/binary.ts';
import { binary } from '../support/cli.ts';
import { describeWith, rig } from '../support/rig.ts';
import { decisionLogs } from './support/logs.ts';
import { localSite, type Site, s3Site } from './support/sites.ts';

const logs = decisionLogs(6, 20);
// Two broken lines an object, and one decision twice.
const records = { rows: 6 * 20, quarantined: 6 * 2, duplicates: 6 };

interface Ended {
  readonly code: number | null;
  // biome-ignore lint/suspicious/noExplicitAny: the JSON documents of the commands, whose fields the tests look at
  readonly json: any;
  readonly stderr: string;
}

async function command(place: Place, ...args: string[]): Promise<Ended> {
  const run = await start([...args, '--json'], place).done;
  if (run.stdout === '') throw new Error(`${args.join(' ')} ended with ${run.code ?? run.signal}:\n${run.stderr}`);
  return { code: run.code, json: JSON.parse(run.stdout), stderr: run.stderr };
}

const kinds = ({ json }: Ended): string[] => [
  ...new Set<string>(json.differences.map(({ kind }: { kind: string }) => kind)),
];

function operations(makeSite: () => Promise<Site>): void {
  let site: Site;
  let place: Place;
  beforeAll(async () => {
    site = await makeSite();
    place = await site.warehouse({ batch: { objects: 2 }, expire: { keep_snapshots: 1 } });
  });
  afterAll(() => site.close());

  test('before the first backfill every object is missing, and repair ingests them', async () => {
    const before = await command(place, 'verify');
    expect({ code: before.code, kinds: kinds(before), listed: before.json.objects.listed }).toEqual({
      code: 4,
      kinds: ['object-not-ingested'],
      listed: 6,
    });
    const repaired = await command(place, 'verify', '--repair');
    expect(repaired.code).toBe(0);
    expect(repaired.json.repaired).toEqual([`ingested 6 objects, ${records.rows} rows`]);
  });

  test('a deep verification of what was ingested finds nothing', async () => {
    const { code, json } = await command(place, 'verify', '--deep');
    expect(json.differences).toEqual([]);
    expect({ code, readAgain: json.objects.readAgain }).toEqual({ code: 0, readAgain: 6 });
    expect(json.tables).toMatchObject({
      opa_decisions: { rows: records.rows },
      quarantine: { rows: records.quarantined },
    });
  });

  test('the quarantine is listed with its reasons and without what was in the records', async () => {
    const { code, json } = await command(place, 'quarantine');
    expect(code).toBe(0);
    expect(json.records).toBe(records.quarantined);
    expect(json.reasons.map(({ reason, records: count }: Record<string, unknown>) => [reason, count]).sort()).toEqual([
      ['empty_object', 6],
      ['malformed_json', 6],
    ]);
    expect(JSON.stringify(json)).not.toContain('broken');
    const text = await start(['quarantine', '--reveal', '--reason', 'malformed_json'], place).done;
    expect(text.stdout).toMatch(/\{"broken":\d/);
  });

  test('compaction leaves the same rows, and a second one does nothing', async () => {
    const dry = await command(place, 'compact', '--dry-run');
    expect(dry.code).toBe(0);
    const first = await command(place, 'compact');
    expect(first.json.tables.opa_decisions.rows).toBe(records.rows);
    const second = await command(place, 'compact');
    expect(second.json.days).toEqual([]);
    const verified = await command(place, 'verify', '--deep');
    expect({ code: verified.code, differences: verified.json.differences }).toEqual({ code: 0, differences: [] });
  });

  test('a subject is erased, and the account still holds', async () => {
    const erased = await command(place, 'erase', '--subject', 'user-7');
    const expected = logs
      .flatMap((_, o) => Array.from({ length: 20 }, (__, r) => (o * 7 + r) % 50))
      .filter((n) => n === 7);
    expect(erased.json.tables.opa_decisions.rows).toBe(expected.length);
    const verified = await command(place, 'verify', '--deep');
    expect({ code: verified.code, differences: verified.json.differences }).toEqual({ code: 0, differences: [] });
  });

  test('a replay without a reason to changes nothing, and says so', async () => {
    const { code, json } = await command(place, 'replay');
    expect({ code, examined: json.examined, unchanged: json.unchanged }).toEqual({
      code: 0,
      examined: records.quarantined,
      unchanged: records.quarantined,
    });
  });

  test('expire with nothing old enough removes nothing', async () => {
    const { code, json } = await command(place, 'expire', '--dry-run');
    expect({ code, removals: json.removals }).toEqual({ code: 0, removals: [] });
    const text = await start(['expire'], place).done;
    expect(text.code).toBe(0);
    expect(text.stdout).toMatch(/^table +snapshots +days +rows +files +size\n/);
  });

  test('usage errors end with 2 and name what is wrong', async () => {
    for (const [args, message] of [
      [['verify', '--ignore-newer', 'soon'], '--ignore-newer takes a duration'],
      [['replay', '--reason', 'bad_luck'], 'there is no reason bad_luck'],
      [['quarantine', '--from', '2023-02-30'], 'from must be a day such as'],
      [['erase'], "required option '--subject <name>' not specified"],
    ] as const) {
      const run = await start([...args], place).done;
      expect({ args, code: run.code, stdout: run.stdout }).toEqual({ args, code: 2, stdout: '' });
      expect(run.stderr).toContain(message);
    }
  });
}

describe('in a folder', () => {
  operations(() => localSite(logs));
});

describeWith(['s3', 'glue'], 'in S3 with Glue', () => {
  operations(() => s3Site(logs));
});

describeWith(['s3', 'glue', 'trino'], 'a catalog that was tampered with', () => {
  let site: Site;
  let place: Place;
  let glue: GlueClient;
  let database: string;
  beforeAll(async () => {
    site = await s3Site(logs);
    place = await site.warehouse({ batch: { objects: 2 } });
    const connection = await rig.glue();
    glue = new GlueClient({ endpoint: connection.endpoint, region: connection.region });
    database = JSON.parse(readFileSync(join(place.cwd, 'audit-warehouse.yaml'), 'utf8')).catalog.database;
    expect((await start(['backfill'], place).done).code).toBe(0);
  });
  afterAll(async () => {
    glue.destroy();
    await site.close();
  });

  const count = async (): Promise<unknown> =>
    (await (await rig.trino()).query(`SELECT count(*) FROM "${database}".opa_decisions`)).rows;

  test('a table that was dropped from Glue is registered again, with all of its rows', async () => {
    expect(await count()).toEqual([[records.rows]]);
    await glue.send(new DeleteTableCommand({ DatabaseName: database, Name: 'opa_decisions' }));
    const { code, json } = await command(place, 'verify');
    expect(code).toBe(4);
    expect(json.differences[0]).toMatchObject({ kind: 'table-unregistered', table: 'opa_decisions' });
    const repaired = await command(place, 'verify', '--repair', '--deep');
    expect({ code: repaired.code, differences: repaired.json.differences }).toEqual({ code: 0, differences: [] });
    expect(await count()).toEqual([[records.rows]]);
  });

  test('a pointer that was set back is set forward, and the rows are there again', async () => {
    const { Table } = await glue.send(new GetTableCommand({ DatabaseName: database, Name: 'opa_decisions' }));
    const { Name, TableType, StorageDescriptor, Parameters } = Table!;
    // Two commits more, so that the metadata in between is proven to have been current.
    await command(place, 'erase', '--subject', 'user-3');
    await command(place, 'erase', '--subject', 'user-7');
    const rows = await count();
    await glue.send(
      new UpdateTableCommand({
        DatabaseName: database,
        TableInput: { Name: Name!, TableType, StorageDescriptor, Parameters },
      }),
    );
    const before = await command(place, 'verify');
    expect(kinds(before)).toContain('catalog-behind');
    const repaired = await command(place, 'verify', '--repair');
    expect({ code: repaired.code, differences: repaired.json.differences }).toEqual({ code: 0, differences: [] });
    expect(await count()).toEqual(rows);
  });

  test('a table that another engine emptied is told object by object', async () => {
    const trino = await rig.trino();
    await trino.query(`DELETE FROM iceberg."${database}".opa_decisions WHERE ymd = '2023-07-11'`);
    const { code, json } = await command(place, 'verify');
    expect(code).toBe(4);
    const missing = json.differences.filter(({ kind }: { kind: string }) => kind === 'rows-missing');
    expect(missing).toHaveLength(6);
    const [sample] = missing;
    expect(sample).toMatchObject({ table: 'opa_decisions', expected: expect.any(Number), found: expect.any(Number) });
  });
});

describeWith(['readers'], 'on a terminal', () => {
  let site: Site;
  let place: Place;
  beforeAll(async () => {
    site = await localSite(logs);
    place = await site.warehouse({ batch: { objects: 2 } });
  });
  afterAll(() => site.close());

  async function shown(...args: string[]): Promise<{ code: number; text: string }> {
    const output = await rig.python('terminal.py', [place.cwd, binary, ...args]);
    const end = output.indexOf('\n');
    return { code: Number(output.slice(0, end)), text: output.slice(end + 1).replaceAll('\r\n', '\n') };
  }

  test.each([
    [['backfill'], 0, /120/],
    [['worker', '--once'], 0, /./],
    [['compact', '--dry-run'], 0, /opa_decisions/],
    [['compact'], 0, /opa_decisions/],
    [['verify', '--deep'], 0, /6 read again\n.*\nno differences\n/],
    [['quarantine'], 0, /malformed_json/],
    [['replay', '--dry-run'], 0, /would try 12 records: 0 would become rows, 12 stay/],
    [
      ['erase', '--subject', 'user-7'],
      0,
      /erased \d+ rows of opa_decisions, in (1 file|(?!1 )\d+ files) of (1 day|(?!1 )\d+ days)$/m,
    ],
    [['expire'], 0, /table +snapshots/],
    [['doctor'], 0, /conditional-writes/],
    [['tables'], 0, /amendments/],
  ] as const)('%j speaks to people', async (args, code, expected) => {
    const terminal = await shown(...args);
    expect(terminal, terminal.text).toMatchObject({ code, text: expect.stringMatching(expected) });
    expect(terminal.text).not.toMatch(/^\{/m);
  });
});
