/**
 * Tables that are not on this machine: the same answers as of local ones, from the parts of their files that the statement needs. The
 * same files are put into a warehouse that is read in place and into one that is fetched.
 */
import {
  existsSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  statSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest';
import { createDuckDbEngine, type DuckDbOptions } from '../../src/engines/duckdb/engine.ts';
import type { QueryEngine, QueryRequest } from '../../src/engines/engine.ts';
import { encodeValue } from '../../src/iceberg/values.ts';
import { TooMuchToFetch } from '../../src/sql/parameter.ts';
import { LocalStore } from '../../src/store/local.ts';
import { type ObjectStore, StoreError } from '../../src/store/store.ts';
import { type Answer, answerOf } from '../contract/engine.ts';
import { addDeleteFiles, positionDeletes } from '../support/foreign-deletes.ts';
import { propertyRuns, someOf } from '../support/thorough.ts';
import { column, type TestWarehouse, testWarehouse } from './fixture.ts';
import { type Read, remoteStore } from './remote-store.ts';

const columns = [
  column('event_time', 'timestamp'),
  column('subject', 'string'),
  column('allowed', 'boolean'),
  column('size', 'long'),
  column('note', 'string'),
  column('roles', { list: 'string' }),
  column('labels', { map: { key: 'string', value: 'string' } }),
  column('ratio', 'double'),
];

/** 20,000 rows of a day in ten row groups, sorted by time; text that no codec makes small. */
const day = (ymd: string, seed: number): string => `SELECT '${ymd}' AS ymd,
  TIMESTAMP '${ymd} 00:00:00' + to_milliseconds(i * 4000) AS event_time,
  CASE WHEN i % 7000 = 13 THEN 'rare' WHEN i % 11 = 0 THEN NULL ELSE 'user' || (i * 31 + ${seed}) % 97 END AS subject,
  i % 3 = 0 AS allowed, (i * 7919 + ${seed}) % 20011 - 300 AS size, sha256((i * 3 + ${seed})::VARCHAR) || sha256(i::VARCHAR) AS note,
  ['r' || i % 5, NULL] AS roles, MAP {'app': 'a' || i % 13, 'k' || i % 3: 'v'} AS labels, i / 7.0 AS ratio
  FROM range(20000) t(i)`;

let folders: string[] = [];
let local: TestWarehouse;
let remote: TestWarehouse;
let reads: Read[] = [];
let reference: QueryEngine;

async function fill(warehouse: TestWarehouse): Promise<void> {
  await warehouse.table('events', columns);
  const field = 2;
  const bounds = (ymd: string) => ({
    lowerBounds: new Map([[field, encodeValue('timestamp', BigInt(Date.parse(ymd)) * 1000n)]]),
    upperBounds: new Map([[field, encodeValue('timestamp', BigInt(Date.parse(ymd)) * 1000n + 86_400_000_000n)]]),
  });
  for (const [ymd, seed] of [
    ['2023-07-10', 1],
    ['2023-07-11', 2],
    ['2023-07-12', 3],
  ] as const)
    await warehouse.add('events', ymd, day(ymd, seed), { rowGroupRows: 2000, bounds: bounds(ymd) });
  // From before most columns, in another order, with a narrower integer.
  await warehouse.add(
    'events',
    '2023-07-09',
    `SELECT i::INTEGER AS size, '2023-07-09' AS ymd, 'old' || i % 3 AS subject FROM range(5000) t(i)`,
    { rowGroupRows: 2048 },
  );
  await warehouse.table('users', [column('subject', 'string'), column('country', 'string')]);
  await warehouse.add(
    'users',
    '2023-07-10',
    `SELECT '2023-07-10' AS ymd, 'user' || i AS subject, 'c' || i % 4 AS country FROM range(50) t(i)`,
  );
  await warehouse.table('erased', [column('n', 'long'), column('text', 'string')]);
  const uri = await warehouse.add(
    'erased',
    '2023-07-10',
    `SELECT '2023-07-10' AS ymd, i AS n, sha256(i::VARCHAR) AS text FROM range(9000) t(i)`,
    { rowGroupRows: 2048 },
  );
  const gone = [0, 5, 2047, 2048, 4500, 8999].map((row) => [uri, row] as const);
  await addDeleteFiles(warehouse, 'erased', '2023-07-10', [
    await positionDeletes(warehouse, (await warehouse.catalog.loadTable('erased'))!, gone),
  ]);
}

beforeAll(async () => {
  local = testWarehouse((folder) => ({ store: new LocalStore(), root: `file://${folder}` }));
  remote = testWarehouse((folder) => {
    const made = remoteStore(folder);
    reads = made.reads;
    return made;
  });
  folders = [local.folder, remote.folder];
  await Promise.all([fill(local), fill(remote)]);
  reference = createDuckDbEngine({ store: local.store, catalog: local.catalog, threads: 2 });
});

afterAll(async () => {
  await reference.close();
  for (const folder of folders) rmSync(folder, { recursive: true });
});

function engine(options: Partial<DuckDbOptions> = {}): QueryEngine {
  const made = createDuckDbEngine({ store: remote.store, catalog: remote.catalog, threads: 2, ...options });
  onTestFinished(() => made.close());
  return made;
}

/** The answer, and how much of data files was asked for. */
async function asked(of: QueryEngine, request: QueryRequest | string): Promise<Answer & { readonly requests: number }> {
  const before = reads.length;
  const answer = await answerOf(of, typeof request === 'string' ? { sql: request } : request);
  const data = reads.slice(before).filter(({ uri }) => uri.endsWith('.parquet') && uri.includes('/data/'));
  return { ...answer, requests: data.length };
}

const sizeOf = (table: string): number =>
  readdirSync(join(remote.folder, table, 'data'), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.parquet'))
    .reduce((sum, name) => sum + statSync(join(remote.folder, table, 'data', name)).size, 0);

const inOrder = ({ columns: names, rows }: Answer) => ({ names, rows: rows.map((row) => JSON.stringify(row)) });
const anyOrder = ({ columns: names, rows }: Answer) => ({ names, rows: rows.map((row) => JSON.stringify(row)).sort() });

const span = `event_time BETWEEN TIMESTAMP '2023-07-11 05:00:00' AND TIMESTAMP '2023-07-11 05:05:00'`;
const statements: readonly string[] = [
  'SELECT count(*) FROM events',
  'SELECT count(*), count(subject), count(DISTINCT subject), sum(size), max(note) FROM events',
  'SELECT allowed, count(*) FROM events GROUP BY 1',
  `SELECT * FROM events WHERE ymd = '2023-07-11' AND ${span}`,
  `SELECT subject, note FROM events WHERE ${span} AND subject = 'user5'`,
  `SELECT * FROM events WHERE subject = 'rare'`,
  `SELECT * FROM events WHERE lower(subject) = 'rare' AND NOT allowed`,
  `SELECT * FROM events WHERE subject IN ('rare', 'nobody') OR size = 19000`,
  `SELECT ymd, size FROM events WHERE subject IS NULL AND size < 0`,
  `SELECT * FROM events WHERE subject LIKE 'rar%'`,
  `SELECT * FROM events WHERE note IS NULL`,
  `SELECT * FROM events WHERE contains(note, 'abcde') AND ratio > 100`,
  `SELECT * FROM events WHERE size BETWEEN 18000 AND 18010 AND allowed IS NOT NULL`,
  `SELECT * FROM events WHERE event_time >= TIMESTAMP '2023-07-12 20:00:00' + INTERVAL 2 HOUR`,
  `SELECT note FROM events WHERE size BETWEEN 18000.5 AND 1.80105e4::DOUBLE AND event_time < now()`,
  `SELECT note FROM events WHERE event_time BETWEEN TIMESTAMPTZ '2023-07-11 05:00:00+02' AND TIMESTAMPTZ '2023-07-11 03:05:00Z'`,
  `SELECT * FROM events WHERE CAST(event_time AS DATE) = DATE '2023-07-10' AND subject = 'user7'`,
  `SELECT * FROM events WHERE labels['app'] = 'a3' AND roles[1] = 'r2' AND subject = 'user9'`,
  `SELECT labels['k1'], roles FROM events WHERE size = 77`,
  `SELECT * FROM events ORDER BY size DESC, event_time LIMIT 7`,
  `SELECT * FROM events WHERE allowed ORDER BY event_time DESC NULLS LAST LIMIT 3 OFFSET 2`,
  `SELECT subject, size FROM events ORDER BY subject NULLS FIRST, size, ymd LIMIT 5`,
  `SELECT note FROM events WHERE subject = 'rare' ORDER BY event_time LIMIT 2`,
  `SELECT e.subject, country, e.note FROM events e JOIN users u ON u.subject = e.subject WHERE e.subject = 'user3' AND ${span}`,
  `SELECT count(*) FROM events e LEFT JOIN users u USING (subject) WHERE u.country IS NULL`,
  `SELECT note FROM events WHERE size IN (SELECT size FROM events WHERE subject = 'rare')`,
  `SELECT note FROM events WHERE size = (SELECT max(size) FROM events WHERE allowed)`,
  `WITH r AS (SELECT *, row_number() OVER (PARTITION BY subject ORDER BY event_time) AS n FROM events) SELECT subject, note FROM r WHERE n = 1 AND subject < 'user3'`,
  `SELECT 'a', note FROM events WHERE subject = 'rare' UNION ALL SELECT subject, NULL FROM events WHERE size = 12`,
  `SELECT a.size, b.note FROM events a JOIN events b ON a.size = b.size AND a.ymd <> b.ymd WHERE a.subject = 'rare'`,
  `SELECT DISTINCT ON (subject) subject, note FROM events WHERE subject > 'user95' ORDER BY subject, event_time, ymd`,
  `SELECT ymd, list(size ORDER BY size) FROM events WHERE subject = 'rare' GROUP BY ymd HAVING count(*) > 1`,
  `SELECT sum(n), count(*), max(text) FROM erased`,
  `SELECT n, text FROM erased WHERE n IN (4, 5, 6, 4499, 4500, 4501, 8998, 8999)`,
  `SELECT n FROM erased WHERE n > 2040 AND n < 2055 ORDER BY n LIMIT 9`,
  `SELECT n FROM erased ORDER BY n LIMIT 3`,
  `SELECT min(event_time), max(event_time), min(subject) FROM events WHERE ymd > '2023-07-10'`,
  `SELECT subject FROM events WHERE false`,
  `SELECT 1`,
  `DESCRIBE events`,
  `SUMMARIZE SELECT subject FROM events WHERE ymd = '2023-07-10'`,
  `FROM events SELECT ymd, max(ratio) GROUP BY ymd`,
  `SELECT * FROM (SELECT subject, size FROM events WHERE subject = 'rare' UNION ALL SELECT text, n FROM erased) WHERE size > 8900`,
  `SELECT count(*) FROM events TABLESAMPLE 100 PERCENT`,
  `SELECT subject, size FROM events WHERE (ratio = 'nan'::DOUBLE OR ratio < '-inf'::DOUBLE OR ratio < 1) AND note <> '"NaN"'`,
  `SELECT * FROM events WHERE atan2(ratio, -0.0::DOUBLE) > 3`,
];

describe('answers are those of a local warehouse', () => {
  it.each(someOf(statements))('%s', async (sql) => {
    const [there, here] = [await answerOf(engine(), { sql }), await answerOf(reference, { sql })];
    const compare = /ORDER BY .* LIMIT/.test(sql) ? inOrder : anyOrder;
    expect(compare(there)).toEqual(compare(here));
    expect(here.columns.length).toBeGreaterThan(0);
  });

  it('with values for $name, and the second time as the first', async () => {
    const of = engine();
    const request = {
      sql: `SELECT note, '$subject' FROM events WHERE subject = $subject AND event_time >= $from AND allowed = $allowed LIMIT $limit`,
      parameters: { subject: 'rare', from: { micros: 1_689_120_000_000_000n }, allowed: false, limit: 2n },
    };
    const here = anyOrder(await answerOf(reference, request));
    const first = await asked(of, request);
    expect(anyOrder(first)).toEqual(here);
    const again = await asked(of, request);
    expect(anyOrder(again)).toEqual(here);
    expect(again).toMatchObject({ bytesScanned: 0, requests: 0 });
  });

  it('for any conditions, in any order of questions', async () => {
    const of = engine();
    const condition = fc.oneof(
      fc.record({ c: fc.constantFrom('size', 'ratio'), o: fc.constantFrom('<', '<=', '=', '>', '>=', '<>'), v: fc.integer({ min: -400, max: 21_000 }) }).map(({ c, o, v }) => `${c} ${o} ${v}`),
      fc.record({ o: fc.constantFrom('<', '=', '>=', '<>'), v: fc.constantFrom('rare', 'user7', 'user', 'old1', '', 'zzz') }).map(({ o, v }) => `subject ${o} '${v}'`),
      fc.record({ o: fc.constantFrom('<', '>='), d: fc.integer({ min: 9, max: 12 }), h: fc.integer({ min: 0, max: 23 }) }).map(({ o, d, h }) => `event_time ${o} TIMESTAMP '2023-07-${String(d).padStart(2, '0')} ${h}:00:00'`),
      fc.constantFrom('subject IS NULL', 'note IS NOT NULL', 'allowed', 'NOT allowed', `ymd >= '2023-07-11'`, `ymd IN ('2023-07-09', '2023-07-12')`, `length(subject) = 5`, `subject || 'x' = 'rarex'`),
    ); // biome-ignore format: a grammar
    const where = fc.tuple(
      fc.array(condition, { minLength: 1, maxLength: 3 }),
      fc.constantFrom(' AND ', ' AND ', ' OR '),
    );
    const shown = fc.constantFrom(
      '*',
      'note',
      'subject, size',
      'count(*), sum(size), min(note)',
      'ymd, max(note) AS m',
    );
    const end = fc.constantFrom(
      '',
      '',
      ' ORDER BY size, event_time, subject LIMIT 5',
      ' ORDER BY event_time DESC, size LIMIT 20',
    );
    await fc.assert(
      fc.asyncProperty(shown, where, end, async (what, [parts, by], rest) => {
        const grouped = what.startsWith('ymd, max')
          ? ' GROUP BY ymd'
          : rest.includes('LIMIT') && !what.startsWith('count')
            ? rest
            : '';
        const sql = `SELECT ${what} FROM events WHERE ${parts.join(by)}${grouped}`;
        expect(anyOrder(await answerOf(of, { sql }))).toEqual(anyOrder(await answerOf(reference, { sql })));
      }),
      { numRuns: propertyRuns(20) },
    );
  });
});

describe('what is fetched', () => {
  it('is nothing for counts by day, which the manifests have, and nothing for other days', async () => {
    const byDay = 'SELECT ymd, count(*) FROM events GROUP BY ymd ORDER BY ymd';
    const some = `SELECT max(ymd), count(*) FROM events WHERE ymd > '2023-07-10'`;
    for (const sql of ['SELECT count(*) FROM events', byDay, some, 'SELECT count(*) FROM erased']) {
      const { rows } = await answerOf(reference, { sql });
      // Of deletes the delete file is read.
      const requests = sql.includes('erased') ? 1 : 0;
      expect(await asked(engine(), sql)).toMatchObject({ rows, bytesScanned: 0, requests });
    }
    const other = await asked(engine(), `SELECT * FROM events WHERE ymd = '2022-01-01'`);
    expect(other).toMatchObject({ rows: [], bytesScanned: 0, requests: 0 });
    const future = await asked(
      engine(),
      `SELECT * FROM events WHERE event_time > TIMESTAMP '2030-01-01' AND ymd >= '2023-07-10'`,
    );
    expect(future).toMatchObject({ rows: [], bytesScanned: 0, requests: 0 });
  });

  it.each([
    ['one column', 'SELECT allowed, count(*) FROM events GROUP BY 1', 1 / 15, 40],
    ['everything of a span of time', `SELECT * FROM events WHERE ${span}`, 1 / 12, 10],
    ['everything of the rows of a value', `SELECT * FROM events WHERE subject = 'rare'`, 1 / 2, 60],
    ['a span of time by the clock', `SELECT * FROM events WHERE event_time > TIMESTAMPTZ '2023-07-12 21:30:00Z' AND event_time < now()`, 1 / 12, 12],
    ['the first rows', 'SELECT * FROM events LIMIT 10', 1 / 15, 10],
    ['the last rows', 'SELECT * FROM events ORDER BY event_time DESC LIMIT 10', 1 / 6, 60],
    ['the first rows of a value', `SELECT * FROM events WHERE subject = 'rare' LIMIT 1`, 1 / 6, 60],
    ['a column of the rows of another scan', `SELECT note FROM events WHERE subject = 'rare' UNION ALL SELECT NULL FROM events WHERE allowed`, 1 / 2, 80],
  ] as const)('%s', async (_what, sql, share, requests) => {
    const answer = await asked(engine(), sql);
    expect(answer.bytesScanned).toBeLessThan(sizeOf('events') * share);
    expect(answer.bytesScanned).toBeGreaterThan(0);
    expect(answer.requests).toBeLessThan(requests);
  }); // biome-ignore format: a table

  it('is shared by the questions of an engine, also when they are asked at once', async () => {
    const of = engine();
    const [first, second] = await Promise.all([
      asked(of, `SELECT subject, count(*) FROM events GROUP BY 1`),
      asked(of, `SELECT subject, count(*) FROM events GROUP BY 1`),
    ]);
    expect(Math.min(first.bytesScanned, second.bytesScanned)).toBe(0);
    const narrower = await asked(of, `SELECT count(subject) FROM events WHERE subject > 'user5'`);
    expect(narrower).toMatchObject({ bytesScanned: 0, requests: 0 });
  });

  it('is nothing for a statement with a mistake, and for the plan of one', async () => {
    await expect(asked(engine(), 'SELECT nobody FROM events')).rejects.toThrow(/nobody/);
    await expect(asked(engine(), 'SELECT * FROM nowhere, events')).rejects.toThrow(/no table nowhere/);
    await expect(asked(engine(), `SELECT * FROM events; SELECT 1`)).rejects.toThrow(/one statement/);
    expect(reads.slice(-3).some(({ uri }) => uri.includes('/data/'))).toBe(false);
  });

  it('makes room, and is refused where there is none, with what to do', async () => {
    const small = engine({ maxFetchedBytes: 900_000 });
    for (const ymd of ['2023-07-10', '2023-07-11', '2023-07-12'])
      expect(
        (
          await asked(
            small,
            `SELECT count(DISTINCT subject), sum(size), count(event_time) FROM events WHERE ymd = '${ymd}'`,
          )
        ).rows,
      ).toHaveLength(1);
    const all = asked(small, 'SELECT * FROM events');
    await expect(all).rejects.toThrow(TooMuchToFetch);
    await expect(all).rejects.toThrow(/needs \d+ bytes .*narrow it by time \(ymd\), name the columns/);
    expect((await asked(small, 'SELECT count(*) FROM events')).rows).toEqual([[65_000]]);
  });
});

describe('files of a question', () => {
  const inFolder = (): string => {
    const scratch = mkdtempSync(join(tmpdir(), 'aw-scratch-'));
    vi.stubEnv('TMPDIR', scratch);
    onTestFinished(() => {
      vi.unstubAllEnvs();
      rmSync(scratch, { recursive: true });
    });
    return scratch;
  };

  it('are private, and go with the engine', async () => {
    const scratch = inFolder();
    const of = engine();
    await asked(of, `SELECT * FROM events WHERE ${span}`);
    const entries = readdirSync(scratch, { recursive: true, withFileTypes: true });
    expect(entries.filter((entry) => entry.name.endsWith('.parquet')).length).toBeGreaterThan(0);
    for (const entry of entries) expect(statSync(join(entry.parentPath, entry.name)).mode & 0o77, entry.name).toBe(0);
    await of.close();
    expect(readdirSync(scratch)).toEqual([]);
  });

  it('of a process that died are removed by the next one, those of others are not', async ({ skip }) => {
    skip(process.platform !== 'linux', 'only /proc tells whether a process lives');
    const scratch = inFolder();
    const first = engine();
    await asked(first, 'SELECT count(DISTINCT allowed) FROM events');
    const [living] = readdirSync(scratch);
    const dead = mkdtempSync(join(scratch, 'audit-warehouse-'));
    const [host, , machine] = (await import('../../src/ledger/process-owner.ts')).processOwner().id.split('/');
    writeFileSync(join(dead, 'owner'), [host, 999_999_999, machine, '1'].join('/'));
    const strange = mkdtempSync(join(scratch, 'audit-warehouse-'));
    await asked(engine(), 'SELECT count(DISTINCT allowed) FROM events');
    expect(existsSync(dead)).toBe(false);
    expect(existsSync(strange)).toBe(true);
    expect(existsSync(join(scratch, living!))).toBe(true);
  });

  it('that are gone, shorter or no Parquet give an error that names them', async () => {
    const away = testWarehouse((folder) => remoteStore(folder));
    onTestFinished(() => rmSync(away.folder, { recursive: true }));
    await away.table('events', columns);
    const uri = await away.add('events', '2023-07-11', day('2023-07-11', 1), { rowGroupRows: 2000 });
    const path = uri.replace('s3://bucket', away.folder);
    const ask = () => {
      const of = createDuckDbEngine({ store: away.store, catalog: away.catalog });
      return answerOf(of, { sql: 'SELECT max(note) FROM events' }).finally(() => of.close());
    };
    expect((await ask()).rows).toHaveLength(1);
    const { size } = statSync(path);
    truncateSync(path, size - 1);
    await expect(ask()).rejects.toThrow(new RegExp(`${size - 1} bytes, not ${size} .*1.parquet`));
    writeFileSync(path, Buffer.alloc(size));
    await expect(ask()).rejects.toThrow(/1\.parquet: it does not end as a Parquet file does/);
    rmSync(path);
    await expect(ask()).rejects.toThrow(/missing.*1\.parquet/);
  });

  it.each([
    ['their footers', 'SELECT max(note) FROM events'],
    ['their Bloom filters', "SELECT note FROM events WHERE subject = 'rare'"],
  ])('none of which is read any more once another fails, in %s', async (_, sql) => {
    const of = (store: ObjectStore) => engine({ store });
    // How many reads it takes, and which of them may fail.
    const before = reads.length;
    await answerOf(of(remote.store), { sql });
    const data = reads.slice(before).filter(({ uri }) => uri.includes('/events/data/')).length;
    for (const failing of Array.from({ length: data }, (_, at) => at)) {
      let begun = 0;
      let underWay = 0;
      const store: ObjectStore = {
        ...remote.store,
        async get(uri, options) {
          if (!uri.includes('/events/data/')) return remote.store.get(uri, options);
          if (begun++ === failing) throw new StoreError('other', uri, 'refused');
          underWay++;
          const { info, chunks } = await remote.store.get(uri, options);
          const slowly = (async function* () {
            await setTimeout(5);
            yield* chunks;
            underWay--;
          })();
          return { info, chunks: slowly };
        },
      };
      await expect(answerOf(of(store), { sql })).rejects.toThrow('refused');
      expect(underWay).toBe(0);
    }
  });

  it('that change between two reads give an error', async () => {
    const made: { store?: ReturnType<typeof remoteStore> } = {};
    const away = testWarehouse((folder) => (made.store = remoteStore(folder)));
    onTestFinished(() => rmSync(away.folder, { recursive: true }));
    await away.table('events', columns);
    const uri = await away.add('events', '2023-07-11', day('2023-07-11', 1), { rowGroupRows: 2000 });
    const of = createDuckDbEngine({ store: away.store, catalog: away.catalog });
    onTestFinished(() => of.close());
    await answerOf(of, { sql: 'SELECT count(DISTINCT allowed) FROM events' });
    utimesSync(uri.replace('s3://bucket', away.folder), 1, 1);
    await expect(answerOf(of, { sql: 'SELECT max(note) FROM events' })).rejects.toThrow(
      /has changed while it was read/,
    );
  });
});
