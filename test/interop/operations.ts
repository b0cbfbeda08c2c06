/**
 * What other engines do to a table of the warehouse, and what becomes of it: one declaration from which the matrix is
 * tested and docs/engines.md is written.
 */

import { readFileSync } from 'node:fs';
import { join } from 'node:path';

const rigFolder = join(import.meta.dirname, '../../scripts/rig');
const rigFiles = ['stack', 'readers.txt'].map((name) => readFileSync(join(rigFolder, name), 'utf8')).join('\n');
/** The version that scripts/rig installs of a part: `trino_version=476`, `pyiceberg[glue]==0.11.1`. */
export function installed(part: string): string {
  const found = new RegExp(`^${part}(?:_version=|(?:\\[.*\\])?==)([\\d.]+)`, 'm').exec(rigFiles);
  if (found === null) throw new Error(`scripts/rig names no version of ${part}`);
  return found[1]!;
}

/** Which versions the matrix runs with; its tests hold that the engines say the same. */
export const writers = {
  trino: { title: 'Trino', version: installed('trino') },
  spark: { title: 'Spark', version: `${installed('spark35')} with Iceberg ${installed('spark35_iceberg')}` },
  pyiceberg: { title: 'PyIceberg', version: installed('pyiceberg') },
} as const;
export type Writer = keyof typeof writers;

/** A decision as the matrix follows it. */
export interface Decision {
  readonly id: string;
  readonly ymd: string;
  readonly subject: string;
  readonly resource: string;
}

/**
 * SQL, of which `{table}` is the name of the table, `{n}` a number that no operation had before and `{object}` one of the
 * objects, or a call of test/support/python/pyiceberg_session.py.
 */
export type Step = string | { readonly call: string; readonly [argument: string]: unknown };

/** The engine has no such operation; why. */
export interface Absent {
  readonly absent: string;
}

export const isAbsent = (step: Operation['by'][Writer]): step is Absent => typeof step === 'object' && 'absent' in step;

/** What the account says of it, and how it is settled. */
export const outcomes = {
  nothing: 'nothing to do',
  accepted: '`verify` names the difference until `verify --accept`',
  acceptedDeep: '`verify --deep` names the rows until `verify --accept --deep`',
  compacted: '`verify` names the difference until `compact` drops the copies',
  differs:
    '`verify --deep` names the rows (`content-differs`) until `backfill --again` reads their object again, or `verify --accept --deep`',
  repaired: '`verify` names the difference until `verify --repair`',
  refused: 'refused until it is undone',
} as const;

export interface Operation {
  readonly name: string;
  readonly by: Readonly<Record<Writer, Step | readonly Step[] | Absent>>;
  readonly outcome: keyof typeof outcomes;
  /** Kinds of differences that `verify` finds where rows have changed; of `verify --deep` for `differs` and `acceptedDeep`. */
  readonly finds?: readonly string[];
  /** What it makes of the decisions. */
  readonly rows?: (rows: readonly Decision[], n: number, object: string) => readonly Decision[];
  /** It can be done where the table has, or lacks, a column. */
  readonly needs?: { readonly column: string; readonly there: boolean };
  /** It can be done once. */
  readonly once?: true;
  /** The message of a refusal, and what undoes it. */
  readonly refusal?: { readonly message: RegExp; readonly undo: Operation['by'] };
  /** Its rows come back with the object that they are of, when that grows: nothing in the table says that they were there. */
  readonly returns?: boolean;
  /** One word more for the page. */
  readonly note?: string;
}

export const days = ['2023-07-11', '2023-07-12'] as const;

/** The rows that an engine appends: not of any object. */
const foreign = (id: string, ymd: string = days[0]): Decision => ({
  id,
  ymd,
  subject: 'stranger',
  resource: '/foreign',
});
/** Columns that such a row has values in; `{others}` are those that the table has besides, and `{nulls}` as many nulls. */
export const given = [
  'ymd',
  'event_time',
  'timestamp',
  'decision_id',
  'subject',
  'resource',
  'source_uri',
  'source_offset',
];
const columns = `${given.map((name) => `"${name}"`).join(', ')}, {others}`;
const ofNoDay = columns.replace('"ymd", ', '');
const values = ({ id, ymd, subject, resource }: Decision): string =>
  `'${ymd}', TIMESTAMP '${ymd} 10:00:00', '${ymd}T10:00:00Z', '${id}', '${subject}', '${resource}', 'foreign', 0, {nulls}`;
const insert = (row: Decision): string => `INSERT INTO {table} (${columns}) VALUES (${values(row)})`;
/** Spark's names stand in backquotes, and its timestamps without zone are called so. */
const forSpark = (sql: string): string => sql.replaceAll('"', '`').replaceAll("TIMESTAMP '", "TIMESTAMP_NTZ '");
const both = (sql: string): { trino: string; spark: string } => ({ trino: sql, spark: forSpark(sql) });

const ofDay = (row: Decision): boolean => row.ymd === days[1];

export const operations: Readonly<Record<'rows' | 'files' | 'schema' | 'history', readonly Operation[]>> = {
  rows: [
    {
      name: 'append rows of its own',
      by: { ...both(insert(foreign('foreign-{n}'))), pyiceberg: { call: 'append', rows: [foreign('foreign-{n}')] } },
      outcome: 'accepted',
      finds: ['rows-unexpected'],
      rows: (rows, n) => [...rows, foreign(`foreign-${n}`)],
    },
    {
      name: 'append copies of rows',
      by: {
        ...both("INSERT INTO {table} SELECT * FROM {table} WHERE decision_id LIKE '{object}-%'"),
        pyiceberg: { call: 'copy', where: "decision_id LIKE '{object}-%'" },
      },
      outcome: 'compacted',
      finds: ['rows-unexpected'],
      rows: (rows, _, object) => [...rows, ...rows.filter(({ id }) => id.startsWith(`${object}-`))],
    },
    {
      name: 'delete rows',
      by: {
        ...both("DELETE FROM {table} WHERE decision_id IN ('{object}-1', '1-1')"),
        pyiceberg: { call: 'delete', where: "decision_id IN ('{object}-1', '1-1')" },
      },
      outcome: 'accepted',
      finds: ['rows-missing'],
      rows: (rows, _, object) => rows.filter(({ id }) => ![`${object}-1`, '1-1'].includes(id)),
    },
    {
      name: 'change rows (UPDATE)',
      by: {
        ...both("UPDATE {table} SET resource = '/changed' WHERE decision_id = '{object}-2'"),
        pyiceberg: { call: 'update', where: "decision_id = '{object}-2'", resource: '/changed' },
      },
      outcome: 'differs',
      finds: ['content-differs'],
      rows: (rows, _, object) => rows.map((row) => (row.id === `${object}-2` ? { ...row, resource: '/changed' } : row)),
    },
    {
      name: 'MERGE',
      by: {
        ...both(
          `MERGE INTO {table} t USING (SELECT '{object}-3' AS id UNION ALL SELECT 'foreign-{n}' AS id) s ON t.decision_id = s.id
           WHEN MATCHED THEN DELETE WHEN NOT MATCHED AND s.id <> '{object}-3' THEN INSERT (${columns}) VALUES (${values(foreign('id'))})`.replace(
            "'id'",
            's.id',
          ),
        ),
        pyiceberg: { absent: 'see upsert' },
      },
      outcome: 'accepted',
      finds: ['rows-missing', 'rows-unexpected'],
      rows: (rows, n, object) => [...rows.filter(({ id }) => id !== `${object}-3`), foreign(`foreign-${n}`)],
    },
    {
      name: 'upsert',
      by: {
        trino: { absent: 'see MERGE' },
        spark: { absent: 'see MERGE' },
        pyiceberg: {
          call: 'upsert',
          where: "decision_id = '{object}-4'",
          resource: '/upserted-{n}',
          rows: [foreign('foreign-{n}')],
        },
      },
      outcome: 'acceptedDeep',
      finds: ['content-differs', 'rows-unexpected'],
      rows: (rows, n, object) => [
        ...rows.map((row) => (row.id === `${object}-4` ? { ...row, resource: `/upserted-${n}` } : row)),
        foreign(`foreign-${n}`),
      ],
    },
    {
      name: 'overwrite a day',
      by: {
        trino: { absent: 'no INSERT OVERWRITE in Iceberg tables' },
        // By the day, and not by whatever partitions the table has now: those of before would stay.
        spark: forSpark(
          `INSERT OVERWRITE {table} PARTITION (ymd = '2023-07-12') (${ofNoDay}) SELECT ${ofNoDay} FROM {table} WHERE ymd = '2023-07-12' AND decision_id <> '1-3'`,
        ),
        pyiceberg: { call: 'overwrite', ymd: days[1], where: "ymd = '2023-07-12' AND decision_id <> '1-3'" },
      },
      outcome: 'accepted',
      finds: ['rows-missing'],
      rows: (rows) => rows.filter(({ id }) => id !== '1-3'),
    },
    {
      name: 'delete a day',
      by: {
        ...both("DELETE FROM {table} WHERE ymd = '2023-07-12'"),
        pyiceberg: { call: 'delete', where: "ymd = '2023-07-12'" },
      },
      outcome: 'accepted',
      finds: ['rows-missing'],
      rows: (rows) => rows.filter((row) => !ofDay(row)),
      returns: true,
      note: 'rows of an object come back when it grows',
    },
  ],
  files: [
    {
      name: 'rewrite data files',
      by: {
        trino: 'ALTER TABLE {table} EXECUTE optimize',
        spark: "CALL lake.system.rewrite_data_files(table => '{name}', options => map('rewrite-all', 'true'))",
        pyiceberg: { absent: 'not offered' },
      },
      outcome: 'nothing',
    },
    {
      name: 'rewrite data files, sorted',
      by: {
        trino: { absent: 'sorts as the table says' },
        spark:
          "CALL lake.system.rewrite_data_files(table => '{name}', strategy => 'sort', sort_order => 'subject', options => map('rewrite-all', 'true'))",
        pyiceberg: { absent: 'not offered' },
      },
      outcome: 'nothing',
    },
    {
      name: 'rewrite manifests',
      by: {
        trino: 'ALTER TABLE {table} EXECUTE optimize_manifests',
        spark: "CALL lake.system.rewrite_manifests('{name}')",
        pyiceberg: { absent: 'not offered' },
      },
      outcome: 'nothing',
    },
    {
      name: 'expire snapshots',
      by: {
        trino: "ALTER TABLE {table} EXECUTE expire_snapshots(retention_threshold => '0s')",
        spark:
          "CALL lake.system.expire_snapshots(table => '{name}', older_than => TIMESTAMP '{now}', retain_last => 1)",
        pyiceberg: { call: 'expire' },
      },
      outcome: 'nothing',
    },
    {
      name: 'remove orphan files',
      by: {
        trino: "ALTER TABLE {table} EXECUTE remove_orphan_files(retention_threshold => '0s')",
        spark: { absent: 'only through Hadoop file systems' },
        pyiceberg: { absent: 'not offered' },
      },
      outcome: 'nothing',
    },
  ],
  schema: [
    {
      name: 'add a column',
      by: {
        trino: 'ALTER TABLE {table} ADD COLUMN note VARCHAR',
        spark: 'ALTER TABLE {table} ADD COLUMN note STRING',
        pyiceberg: { call: 'schema', add: 'note' },
      },
      outcome: 'nothing',
      needs: { column: 'note', there: false },
    },
    {
      name: 'drop a column of its own',
      by: { ...both('ALTER TABLE {table} DROP COLUMN note'), pyiceberg: { call: 'schema', drop: 'note' } },
      outcome: 'nothing',
      needs: { column: 'note', there: true },
    },
    {
      name: 'rename a column',
      by: {
        ...both('ALTER TABLE {table} RENAME COLUMN message TO reason'),
        pyiceberg: { call: 'schema', rename: ['message', 'reason'] },
      },
      outcome: 'refused',
      needs: { column: 'message', there: true },
      refusal: {
        message: /renamed to reason.*RENAME COLUMN reason TO message/s,
        undo: {
          ...both('ALTER TABLE {table} RENAME COLUMN reason TO message'),
          pyiceberg: { call: 'schema', rename: ['reason', 'message'] },
        },
      },
    },
    {
      name: 'drop a column of ours',
      by: { ...both('ALTER TABLE {table} DROP COLUMN message'), pyiceberg: { call: 'schema', drop: 'message' } },
      outcome: 'differs',
      finds: ['content-differs'],
      needs: { column: 'message', there: true },
      note: 'the next `backfill` adds it again, empty in older rows',
    },
    {
      name: 'reorder columns',
      by: {
        trino: { absent: 'not offered' },
        spark: 'ALTER TABLE {table} ALTER COLUMN subject FIRST',
        pyiceberg: { call: 'schema', first: 'subject' },
      },
      outcome: 'nothing',
    },
    {
      name: 'widen a column (int to long)',
      by: {
        trino: 'ALTER TABLE {okera} ALTER COLUMN client_port SET DATA TYPE bigint',
        spark: 'ALTER TABLE {okera} ALTER COLUMN client_port TYPE bigint',
        pyiceberg: { call: 'schema', table: 'okera_audit_logs', widen: 'client_port' },
      },
      outcome: 'nothing',
      once: true,
    },
    {
      name: 'add a partition field',
      by: {
        trino: "ALTER TABLE {table} SET PROPERTIES partitioning = ARRAY['ymd', 'bucket(subject, 2)']",
        spark: 'ALTER TABLE {table} ADD PARTITION FIELD bucket(2, subject)',
        pyiceberg: { call: 'partition', bucket: 'subject' },
      },
      outcome: 'nothing',
      once: true,
    },
  ],
  history: [
    {
      name: 'tag',
      by: {
        trino: { absent: 'not offered' },
        spark: 'ALTER TABLE {table} CREATE TAG tag_{n}',
        pyiceberg: { call: 'tag', name: 'tag_{n}' },
      },
      outcome: 'nothing',
    },
    {
      name: 'branch, and append to it',
      by: {
        trino: { absent: 'not offered' },
        spark: [
          'ALTER TABLE {table} CREATE BRANCH branch_{n}',
          forSpark(insert(foreign('foreign-{n}'))).replace('{table}', '{table}.branch_branch_{n}'),
        ],
        pyiceberg: { call: 'branch', name: 'branch_{n}', rows: [foreign('foreign-{n}')] },
      },
      outcome: 'nothing',
    },
    {
      name: 'roll back to the snapshot before',
      by: {
        trino: 'ALTER TABLE {table} EXECUTE rollback_to_snapshot({previous})',
        spark: "CALL lake.system.rollback_to_snapshot('{name}', {previous})",
        pyiceberg: { absent: 'not offered' },
      },
      outcome: 'repaired',
      finds: ['rows-missing'],
    },
    {
      name: 'take the table out of the catalog',
      by: {
        trino: "CALL iceberg.system.unregister_table('{database}', 'opa_decisions')",
        spark: 'DROP TABLE {table}',
        pyiceberg: { call: 'unregister' },
      },
      outcome: 'repaired',
      finds: ['rows-missing', 'table-unregistered'],
    },
  ],
};
