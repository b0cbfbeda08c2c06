/**
 * The views answer the same on Trino, from the registration in Glue, and on DuckDB, and what they answer is what the raw
 * records say.
 */
import { beforeAll, expect, test } from 'vitest';
import type { CellValue } from '../../src/engines/engine.ts';
import { viewDeclarations } from '../../src/views/declarations.ts';
import { seeded } from '../e2e/support/logs.ts';
import { describeWith } from '../support/rig.ts';
import { type AuditRecord, audit, type ViewWorld, viewWorld } from './world.ts';

const dcl = (at: string, statement: string, fields: Partial<AuditRecord> = {}): AuditRecord =>
  audit(at, {
    statement,
    statement_type: `${statement.trim().split(/\s+/)[0]!.toUpperCase()}_ROLE`,
    user: 'admin',
    ...fields,
  });

const marketing = { ae_database: 'marketing', ae_table: 'marketing.user_account_data' };
const orders = { ae_database: 'sales', ae_table: 'sales.orders' };

const planner: AuditRecord[] = [
  audit('2020-10-05 08:00:00', marketing),
  audit('2020-10-05 09:00:00', { ...orders, user: 'johndoe' }),
  audit('2020-10-05 09:30:00', {
    ae_database: 'marketing,sales',
    ae_table: 'Marketing.Users, sales.orders',
    user: 'johndoe',
  }),
  audit('2020-10-05 10:00:00', {
    ae_database: 'sales',
    ae_view: 'sales.totals',
    auth_failure: true,
    status: 'not allowed',
  }),
  audit('2020-10-05 10:01:00', { statement_type: 'INTERNAL_API', ...marketing }),
  audit('2020-10-05 10:02:00', { for_reporting: false, ...marketing }),
  audit('2020-10-05 10:03:00', { statement_type: 'SHOW_DBS' }),
  audit('2020-10-05 10:04:00', { statement_type: 'SCAN_START', request_id: 'ab:1', ...orders }),
  audit('2020-10-05 10:04:01', { statement_type: 'SCAN_END', request_id: 'ab:1', ...orders }),
  audit('2020-10-05 10:05:00', { ae_database: 'salesforce', ae_table: 'salesforce.orders' }),
  audit('2020-10-06 00:00:00', { ae_path: 's3://bucket/x', client_network_address: '::1:52774' }),
  audit('2020-10-07 23:59:59', { ...orders, status: 'error: no such column' }),
  dcl('2020-10-01 00:00:01', 'GRANT ROLE analyst TO GROUP finance'),
  dcl('2020-10-01 00:00:02', 'grant role `Analyst` to group `Finance`;', { user: 'root' }),
  dcl('2020-10-02 00:00:00', 'REVOKE ROLE ANALYST FROM GROUP finance ;; ', { user: 'root' }),
  dcl('2020-10-03 00:00:00', 'GRANT ROLE analyst TO GROUP finance'),
  dcl('2020-10-03 00:00:00', 'GRANT ROLE  analyst\n TO  GROUP `my group` WITH GRANT OPTION;'),
  dcl('2020-10-03 01:00:00', 'GRANT ROLE other TO GROUP finance', { status: 'error' }),
  dcl('2020-10-03 02:00:00', 'GRANT ROLE other TO GROUP finance', { auth_failure: true }),
  dcl('2020-10-03 03:00:00', 'REVOKE ROLE never FROM GROUP held'),
  dcl('2020-10-04 00:00:00', 'DROP ROLE IF EXISTS `analyst`;', { user: 'dropper' }),
  dcl('2020-10-04 00:00:01', 'DROP ROLE analyst', { user: 'dropper again' }),
  dcl('2020-10-04 12:00:00', 'GRANT ROLE analyst TO GROUP finance'),
  dcl('2020-10-04 13:00:00', 'GRANT ROLE old TO GROUP timers', { statement_type: 'DDL' }),
];
const worker: AuditRecord[] = [
  audit('2020-10-05 08:00:01', { statement_type: 'SCAN_START', request_id: 'cd:1', ...marketing }),
  audit('2020-10-05 08:00:02', { statement_type: 'SCAN_END', request_id: 'cd:1', ...marketing }),
];
const decisions = [
  {
    decision_id: 'd1',
    timestamp: '2023-07-11T17:00:00.1234567Z',
    input: { subject: 'dr_evil', action: 'GET', resource: '/a', client_ip: '10.0.0.1' },
    result: { allowed: true, message: 'yes' },
    labels: {},
  },
  { decision_id: 'd2', timestamp: '2023-07-11T17:00:01Z', input: 7, result: false, labels: {} },
];
const identities = {
  users: [
    { id: 1, user_name: 'alice' },
    { id: 2, user_name: 'bob' },
    { id: 3, user_name: 'idle' },
  ],
  groups: [
    { group_id: 10, group_name: 'stewards' },
    { group_id: 11, group_name: 'everyone' },
  ],
  user_group_mappings: [
    { user_name_id: 1, group_name_id: 10, last_observed: '2020-11-01T00:00:00Z' },
    { user_name_id: 1, group_name_id: 11, last_observed: '2020-11-01T00:00:00Z' },
    { user_name_id: 2, group_name_id: 10, last_observed: '2020-10-01T00:00:00Z' },
    { user_name_id: 2, group_name_id: 11, last_observed: '2020-11-02T00:00:00Z' },
  ],
  role_names: [
    { id: 1, role_name: 'analyst' },
    { id: 2, role_name: 'unused' },
  ],
  group_names: [{ id: 5, group_name: 'finance' }],
  role_group_ids: [{ role_id: 1, group_id: 5 }],
};
const stewards = [
  { group: 'stewards', objects: ['marketing'] },
  { user: 'bob', objects: ['Sales.Orders', 'sales.totals'] },
  { user: 'root', objects: ['*'] },
  { user: `it's $& "x" U&\\0041`, objects: ['sales'] },
];

const sorted = (rows: readonly (readonly CellValue[])[]) => rows.map((row) => JSON.stringify(row)).sort();

describeWith(['s3', 'glue', 'trino'], 'a view', () => {
  let world: ViewWorld;
  beforeAll(async () => {
    world = await viewWorld({ okera: { planner, worker }, decisions, identities, stewards });
  }, 300_000);

  /** Rows of both engines, which have to be the same; in an order of their own. */
  const ask = async (sql: string, user?: string): Promise<string[]> => {
    const [there, here] = [await world.ask('trino', sql, user), await world.ask('duckdb', sql, user)];
    expect(sorted(here.rows)).toEqual(sorted(there.rows));
    return sorted(here.rows);
  };

  test('is listed by Trino, with its meaning', async () => {
    const { rows } = await world.ask(
      'trino',
      `SELECT table_name FROM information_schema.views WHERE table_schema = '${world.database}'`,
    );
    expect(rows.map(([name]) => name).sort()).toEqual(viewDeclarations.map((view) => view.name).sort());
  });

  test.each(viewDeclarations)(
    '$name has the columns that are declared, with their meaning, on both engines',
    async ({ name, columns }) => {
      const types = {
        string: ['varchar', 'VARCHAR'],
        timestamp: ['timestamp(6)', 'TIMESTAMP'],
        long: ['bigint', 'BIGINT'],
        int: ['integer', 'INTEGER'],
        boolean: ['boolean', 'BOOLEAN'],
        double: ['double', 'DOUBLE'],
      };
      const expected = (i: number) => Object.entries(columns).map(([column, { type }]) => [column, types[type][i]]);
      const described = async (engine: 'trino' | 'duckdb') =>
        (await world.ask(engine, `DESCRIBE ${name}`)).rows.map(([column, type]) => [column, type]);
      expect(await described('trino')).toEqual(expected(0));
      expect(await described('duckdb')).toEqual(expected(1));
      const meanings = Object.entries(columns).map(([column, { description }]) => [column, description]);
      const { rows: there } = await world.ask('trino', `DESCRIBE ${name}`);
      expect(there.map(([column, , , comment]) => [column, comment])).toEqual(meanings);
      const listing = `SELECT column_name, comment FROM duckdb_columns() WHERE table_name = '${name}' ORDER BY column_index`;
      expect((await world.ask('duckdb', listing)).rows).toEqual(meanings);
      // What the SELECT really gives, not what the registration says.
      const { columns: given } = await world.ask('trino', `SELECT * FROM ${name} LIMIT 1`, 'root');
      expect(given.map((column) => [column.name, column.type])).toEqual(expected(0));
    },
  );

  test('reporting_audit_logs: what users asked of the planner, of a scan the end', async () => {
    const reported = planner.filter(
      (record) => record.for_reporting && !['INTERNAL_API', 'SCAN_START'].includes(record.statement_type),
    );
    const text = (millis: number) => `${new Date(millis).toISOString().replace('T', ' ').slice(0, -1)}000`;
    expect(
      await ask(
        'SELECT request_id, "user", start_time_utc, end_time_utc, start_unix_time, ae_table FROM reporting_audit_logs',
      ),
    ).toEqual(
      sorted(
        reported.map((r) => [
          r.request_id,
          r.user,
          text(r.start_unix_time),
          text(r.end_unix_time),
          r.start_unix_time,
          r.ae_table,
        ]),
      ),
    );
    expect(
      await ask(`SELECT count(*) FROM reporting_audit_logs WHERE ymd BETWEEN '2020-10-05' AND '2020-10-07'
      AND start_time_utc BETWEEN '2020-10-05' AND '2020-10-06' AND user NOT IN ('johndoe', 'admin')`),
    ).toEqual(['[5]']);
  });

  const everything = [...planner, ...worker];
  const names = (record: AuditRecord) =>
    `${record.ae_database},${record.ae_table},${record.ae_view}`.toLowerCase().replaceAll(' ', '').split(',');
  const inDatabase = (database: string) => (record: AuditRecord) =>
    names(record).some((name) => name === database || name.startsWith(`${database}.`));
  test.each([
    ['a member of a steward group, its database', 'alice', inDatabase('marketing')],
    [
      'a steward of two objects, no longer in the group',
      'bob',
      (record: AuditRecord) => names(record).some((name) => ['sales.orders', 'sales.totals'].includes(name)),
    ],
    ['a steward of everything', 'root', () => true],
    ['a name with odd characters', `it's $& "x" U&\\0041`, inDatabase('sales')],
    ['somebody else', 'carol', () => false],
    ['the owner of the view', 'audit-warehouse', () => false],
  ])('steward_audit_logs shows %s, and only that', async (_who, user, sees) => {
    const expected = everything.filter(sees);
    expect(await ask('SELECT request_id, request_time FROM steward_audit_logs', user)).toEqual(
      sorted(expected.map((record) => [record.request_id, record.request_time])),
    );
    expect(await ask('SELECT request_id FROM daily_audit_logs', user)).toEqual(
      sorted(
        expected.filter((record) => record.request_time.startsWith('2020-10-07')).map((record) => [record.request_id]),
      ),
    );
  });

  test('groups and roles are shown by name', async () => {
    expect(await ask('SELECT * FROM role_groups')).toEqual(['["analyst","finance"]']);
    expect(await ask('SELECT * FROM user_group_info')).toEqual(
      sorted([
        ['alice', 'everyone'],
        ['alice', 'stewards'],
        ['bob', 'everyone'],
        ['bob', 'stewards'],
      ]),
    );
    expect(await ask('SELECT * FROM groups_by_user')).toEqual(
      sorted([
        ['alice', 'everyone', '2020-11-01 00:00:00.000000'],
        ['alice', 'stewards', '2020-11-01 00:00:00.000000'],
        ['bob', 'everyone', '2020-11-02 00:00:00.000000'],
      ]),
    );
    expect(await ask('SELECT * FROM steward_grants')).toEqual(
      sorted([
        ['alice', 'stewards', 'marketing'],
        ['bob', null, 'sales.orders'],
        ['bob', null, 'sales.totals'],
        ['root', null, '*'],
        [`it's $& "x" U&\\0041`, null, 'sales'],
      ]),
    );
  });

  test('role_group_history is what playing the statements back gives', async () => {
    const at = (day: string) => `2020-10-${day}.123456Z`;
    expect(await ask('SELECT * FROM role_group_history')).toEqual(
      sorted([
        ['analyst', 'finance', at('01T00:00:01'), 'admin', at('02T00:00:00'), 'root'],
        ['analyst', 'finance', at('03T00:00:00'), 'admin', at('04T00:00:00'), 'dropper'],
        ['analyst', 'my group', at('03T00:00:00'), 'admin', at('04T00:00:00'), 'dropper'],
        ['analyst', 'finance', at('04T12:00:00'), 'admin', null, null],
        ['old', 'timers', at('04T13:00:00'), 'admin', null, null],
      ]),
    );
  });

  test('role_group_history of any statements is what playing them back gives', async () => {
    const random = seeded(11);
    const pick = <T>(some: readonly T[]): T => some[Math.floor(random() * some.length)]!;
    const spelt = (name: string) => pick([name, name.toUpperCase(), `\`${name}\``, `"${name}"`]);
    const history: [string, string, string, string, string | null, string | null][] = [];
    const statements = Array.from({ length: 400 }, (_, i) => {
      const [role, group, user] = [
        pick(['a', 'b', 'role c']),
        pick(['x', 'y-1', 'domain users', 'z']),
        pick(['u', 'v']),
      ];
      const at = new Date(Date.UTC(2020, 0, 1) + i * 1000).toISOString();
      const time = `${at.slice(0, 19)}.123456Z`;
      const verb = pick(['GRANT', 'GRANT', 'GRANT', 'REVOKE', 'DROP']);
      const failed = random() < 0.1;
      const open = history.filter(
        (span) => span[4] === null && span[0] === role && (verb === 'DROP' || span[1] === group),
      );
      if (!failed && verb === 'GRANT' && open.length === 0) history.push([role, group, time, user, null, null]);
      if (!failed && verb !== 'GRANT') for (const span of open) [span[4], span[5]] = [time, user];
      const end = pick(['', ';', ' ; ', '\n']);
      const [space, grant, revoke, drop] = [
        pick([' ', '  ', '\n\t']),
        pick(['GRANT', 'Grant', ' grant']),
        'revoke',
        'Drop',
      ];
      const text =
        verb === 'DROP'
          ? `${drop}${space}ROLE ${pick(['', 'IF EXISTS '])}${spelt(role)}${end}`
          : verb === 'GRANT'
            ? `${grant} Role${space}${spelt(role)} to Group ${spelt(group)}${end}`
            : `${revoke} ROLE ${spelt(role)}${space}FROM GROUP ${spelt(group)}${end}`;
      return dcl(at.slice(0, 19).replace('T', ' '), text, {
        user,
        statement_type: `${verb}_ROLE`,
        ...(failed && pick([{ status: 'error' }, { auth_failure: true }])),
      });
    });
    expect(history.length).toBeGreaterThan(50);
    const other = await viewWorld({ okera: { planner: statements } });
    for (const engine of ['trino', 'duckdb'] as const) {
      const { rows } = await other.ask(engine, 'SELECT * FROM role_group_history');
      expect(sorted(rows)).toEqual(sorted(history));
    }
  }, 120_000);

  test('follows the configuration: stewards that are added see, stewards that are removed do not', async () => {
    const other = await viewWorld({
      okera: { planner: [audit('2020-10-05 08:00:00', orders)] },
      stewards: [{ user: 'old', objects: ['sales'] }],
    });
    const seen = async (user: string) =>
      (await other.ask('trino', 'SELECT count(*) FROM steward_audit_logs', user)).rows[0]![0];
    expect([await seen('old'), await seen('new')]).toEqual([1, 0]);
    expect(await other.again({ stewards: [{ user: 'new', objects: ['sales.orders'] }] })).toContain(
      '"updated":["steward_grants"]',
    );
    expect([await seen('old'), await seen('new')]).toEqual([0, 1]);
    expect(await other.again({ stewards: [{ user: 'new', objects: ['sales.orders'] }] })).not.toContain(
      'views-registered',
    );
  }, 120_000);

  test('audit_events has the events of both systems', async () => {
    const micros = (text: string) => `${text.replace(' ', 'T').slice(0, 26)}Z`;
    const resource = (r: AuditRecord) =>
      [r.ae_table, r.ae_view].filter((name) => name !== '').join(',') ||
      r.ae_database ||
      r.ae_path ||
      r.ae_role ||
      null;
    const ip = (r: AuditRecord) => r.client_network_address.replace(/:\d+$/, '');
    expect(
      await ask('SELECT ymd, time, system, actor, action, resource, allowed, reason, client_ip, id FROM audit_events'),
    ).toEqual(
      sorted([
        ['2023-07-11', '2023-07-11T17:00:00.123456Z', 'opa', 'dr_evil', 'GET', '/a', true, 'yes', '10.0.0.1', 'd1'],
        ['2023-07-11', '2023-07-11T17:00:01.000000Z', 'opa', null, null, null, false, null, null, 'd2'],
        ...everything.map((r) => [
          r.request_time.slice(0, 10),
          micros(r.request_time),
          'okera',
          r.user,
          r.statement_type,
          resource(r),
          !r.auth_failure,
          r.status,
          ip(r),
          r.request_id,
        ]),
      ]),
    );
    expect(
      await ask(`SELECT id FROM audit_events WHERE "time" >= TIMESTAMP '2023-07-11 17:00:01' ORDER BY "time"`),
    ).toEqual(['["d2"]']);
  });
});
