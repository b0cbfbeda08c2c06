/**
 * Logs of an incident, for questions.test.ts: decisions and Okera audit records in which every question has something to
 * find, and side tables to join with. The same bytes each time.
 */
import type { LogObject } from '../support/logs.ts';
import { seeded } from '../support/logs.ts';

const second = 1000;
const hex = (next: () => number, digits: number): string =>
  Array.from({ length: digits }, () => Math.floor(next() * 16).toString(16)).join('');

/** What is undefined stands in no JSON. */
export function decisionLogs(): LogObject[] {
  const next = seeded(7);
  const pick = <T>(values: readonly T[]): T => values[Math.floor(next() * values.length)]!;
  const subjects = [
    'dr_evil',
    'dr_evil',
    'sarahsmith',
    'bobjohnson1234',
    'emilybrown3456',
    `O'Brien "the $1"`,
    'zoë',
    undefined,
  ];
  const records = Array.from({ length: 900 }, (_, i) => {
    // Two thirds in half an hour around the breach, and pairs at the very same time.
    const ms =
      i % 3 === 0
        ? Date.UTC(2023, 6, 9) + Math.floor(next() * 4 * 86_400) * second
        : Date.UTC(2023, 6, 11, 16, 45) + Math.floor(next() * 1800) * second;
    const fraction = pick(['', '.5', '.252749', '.9999999', '.000000001']);
    const [network, host] = [
      Math.floor(next() * (ms < Date.UTC(2023, 6, 11, 16, 55) ? 3 : 8)),
      Math.floor(next() * 200),
    ];
    const subject = pick(subjects);
    const v6 = `2001:db8:0:${network}::${host.toString(16)}`;
    const addresses = [`203.0.113.${host}`, `10.9.${network}.${host}`, v6, undefined];
    // The article's query for a block fails in Trino where what is no address has to be cast to one.
    const client_ip = pick(subject === 'dr_evil' ? ['203.0.113.77', ...addresses] : ['', 'unknown', ...addresses]);
    const verdict = pick(['allow', 'allow', 'deny', 'deny', 'true', 'false', 'none', 'error']);
    const revision = ms < Date.UTC(2023, 6, 11, 16, 58) ? 'r1' : 'r2';
    return {
      ms,
      record: {
        bundles: pick([{ authz: { revision } }, { authz: { revision } }, { './bdir/': {} }, undefined]),
        decision_id: `${hex(next, 8)}-0000-4000-8000-${String(i).padStart(12, '0')}`,
        ...(verdict === 'error' && { error: { code: 'eval_error', message: 'no' } }),
        input:
          subject === undefined
            ? undefined
            : {
                action: pick(['GET', 'PUT']),
                client_ip,
                country: pick(['USA', 'FRA', 'ISL', undefined]),
                region: 'us-east-2',
                resource: pick(['/sales/prospects/black_mesa', '/hr/reviews/7', '/private/apitokens']),
                subject,
              },
        labels: { id: '3f218a4c-5776-40d5-82e4-f4e9524c0610', type: 'enterprise-opa', version: '0.54.0' },
        metrics:
          verdict === 'none'
            ? undefined
            : { counter_server_query_cache_hit: 1, timer_server_handler_ns: 80_000 + Math.floor(next() * 300) * 1000 },
        path: pick(['authz/decision', 'authz/decision', 'authz/allow']),
        result: (
          {
            allow: { allowed: true, message: 'sales may mutate sales records', roles: ['sales'] },
            deny: { allowed: false, message: 'requests are denied by default', roles: [] },
            true: true,
            false: false,
            none: undefined,
            error: undefined,
          } as Record<string, unknown>
        )[verdict],
        ...(i % 11 === 0 && { revision }),
        timestamp: `${new Date(ms).toISOString().slice(0, 19)}${fraction}Z`,
      },
    };
  }).sort((a, b) => a.ms - b.ms);
  const objects: LogObject[] = [forgeries(records.map(({ record }) => record))];
  for (let at = 0; at < records.length; at += 37) {
    const batch = records.slice(at, at + 37);
    const [first, last] = [batch[0]!.ms / second, batch.at(-1)!.ms / second];
    objects.push({
      key: `eopa=3f218a4c-5776-40d5-82e4-f4e9524c0610/first_ts=${first}/last_ts=${last}/batch_id=${String(at).padStart(8, '0')}.jsonl`,
      body: Buffer.from(batch.map(({ record }) => JSON.stringify(record)).join('\n')),
    });
  }
  return objects;
}

/** Records under the ids of others: two in the breach, and one outside of it. */
function forgeries(records: readonly { readonly decision_id: string; readonly timestamp: string }[]): LogObject {
  const breach = records.filter(({ timestamp }) => timestamp.startsWith('2023-07-11T16:56'));
  const chosen = [records[0]!, breach[0]!, breach.at(-1)!];
  const lines = chosen.map((record, i) => JSON.stringify({ ...record, ...(i === 2 ? { more: 1 } : { result: true }) }));
  return {
    key: 'eopa=00000000-5776-40d5-82e4-f4e9524c0610/first_ts=1688860800/last_ts=1689094800/batch_id=forged.jsonl',
    body: Buffer.from(lines.join('\n')),
  };
}

interface Event {
  readonly ms: number;
  readonly service: 'planner' | 'worker';
  readonly request_id: string;
  readonly statement_type: string;
  readonly statement: string;
  readonly user: string;
  readonly ae_table?: string;
  readonly rows?: number;
  readonly auth_failure?: boolean;
  readonly status?: string;
  readonly for_reporting?: boolean;
}

const days = [
  '2020-09-16',
  '2020-09-17',
  '2020-09-18',
  '2020-10-05',
  '2020-10-06',
  '2020-11-01',
  '2020-11-02',
  '2020-11-03',
  '2020-11-04',
];

/** Planner and worker files by day. */
export function auditLogs(): LogObject[] {
  const next = seeded(11);
  const pick = <T>(values: readonly T[]): T => values[Math.floor(next() * values.length)]!;
  const unpadded = (id: string): string => id.replace(/^0+(?=.)/, '');
  const events: Event[] = [];
  for (const [n, day] of Array.from({ length: 90 }, (_, i) => days[i % days.length]!).entries()) {
    const ms = Date.parse(`${day}T00:00:00Z`) + Math.floor(next() * 86_000) * second + Math.floor(next() * 1000);
    const user = pick(['janedoe', 'johndoe', 'admin', 'okera', 'root', "o'hara"]);
    // Leading zeros are dropped, as in the tutorial's session ids.
    const [prefix, postfix] = [n % 5 === 0 ? `000${hex(next, 13)}` : hex(next, 16), `${hex(next, 12)}0000`];
    const id = (task: number): string =>
      `${unpadded(prefix)}:${unpadded((BigInt(`0x${postfix}`) + BigInt(task)).toString(16).padStart(16, '0'))}`;
    const ae_table = pick(['marketing.transactions', 'creditcard.transactions_cc', 'hr.people,hr.salaries']);
    const read = { user, ae_table, statement: `select * from ${ae_table.split(',')[0]} where id = ${n % 4}` };
    const failed = n % 13 === 0;
    events.push({
      ...read, ms, service: 'planner', request_id: id(0), statement_type: 'PLAN',
      ...(failed && { auth_failure: true, status: 'AuthorizationException: no access' }),
    }); // biome-ignore format: a record
    for (let task = 1; !failed && task <= n % 4; task++) {
      const start = ms + Math.floor(next() * 5000);
      const scan = { ...read, service: 'worker' as const, request_id: id(task), rows: Math.floor(next() * 5000) };
      events.push({ ...scan, ms: start, statement_type: 'SCAN_START', rows: 0 });
      if (n % 17 !== 0) events.push({ ...scan, ms: start + Math.floor(next() * 90_000), statement_type: 'SCAN_END' });
    }
    const other = {
      ms: ms + 10 * second,
      service: 'planner' as const,
      request_id: `${hex(next, 16)}:${hex(next, 16)}`,
      user,
    };
    if (n % 4 === 0) events.push({ ...other, statement_type: 'INTERNAL_API', statement: '', for_reporting: false });
    else if (n % 4 === 1) events.push({ ...other, statement_type: 'SHOW_DBS', statement: 'show databases' });
  }
  const changes: [when: string, type: string, statement: string, status?: string][] = [
    ['2020-09-16 08:00:00', 'GRANT_ROLE', 'GRANT ROLE analyst TO GROUP finance'],
    ['2020-09-17 08:00:00', 'GRANT_ROLE', 'grant role `steward` to group `finance`;'],
    ['2020-10-05 09:00:00', 'GRANT_ROLE', 'GRANT ROLE developer_role TO GROUP developer_group;'],
    ['2020-10-05 10:00:00', 'REVOKE_ROLE', 'REVOKE ROLE analyst FROM GROUP finance'],
    ['2020-10-05 11:00:00', 'GRANT_ROLE', 'GRANT ROLE `developer_role` TO GROUP `marketing steward`'],
    ['2020-10-05 12:00:00', 'GRANT_ROLE', 'GRANT ROLE analyst TO GROUP finance'],
    ['2020-10-05 13:00:00', 'GRANT_ROLE', 'GRANT ROLE analyst TO GROUP finance'],
    ['2020-10-05 14:00:00', 'GRANT_ROLE', 'GRANT ROLE owner TO GROUP finance', 'AuthorizationException: no'],
    ['2020-10-06 09:00:00', 'REVOKE_ROLE', 'revoke role developer_role from group `developer_group`'],
    ['2020-10-06 10:00:00', 'DROP_ROLE', 'DROP ROLE steward'],
  ]; // biome-ignore format: a table
  for (const [when, statement_type, statement, status] of changes) {
    events.push({
      ms: Date.parse(`${when.replace(' ', 'T')}Z`), service: 'planner', request_id: `${hex(next, 16)}:${hex(next, 16)}`,
      user: 'admin', statement_type, statement, ...(status !== undefined && { status }),
    }); // biome-ignore format: a record
  }
  events.sort((a, b) => a.ms - b.ms);
  return days.flatMap((day) =>
    (['planner', 'worker'] as const).flatMap((service) => {
      const ofFile = events.filter(
        (event) => event.service === service && new Date(event.ms).toISOString().startsWith(day),
      );
      if (ofFile.length === 0) return [];
      const body = Buffer.from(ofFile.map((event) => JSON.stringify(auditRecord(event, next))).join('\n'));
      return [{ key: `ymd=${day}/${service}-10.1.10.181-0-731c5cf0-4917-4947-b199-7fb257efcfba_audit.log`, body }];
    }),
  );
}

function auditRecord(event: Event, next: () => number): object {
  const { ms, request_id, user, statement, statement_type, ae_table = '', rows = 0 } = event;
  return {
    request_time: `${new Date(ms).toISOString().replace('T', ' ').replace('Z', '')}${String(Math.floor(next() * 1e6)).padStart(6, '0')}`,
    request_id,
    session_id: `${hex(next, 16)}:${hex(next, 15)}`,
    start_unix_time: ms,
    end_unix_time: ms + Math.floor(next() * 900),
    auth_failure: event.auth_failure ?? false,
    status: event.status ?? 'ok',
    user,
    connected_user: 'root',
    client_network_address: `172.23.${Math.floor(next() * 4)}.80:40374`,
    client_application: ['presto (1.0.0)', 'okera-rest-server'][Math.floor(next() * 2)],
    num_results_returned: Math.floor(rows / 2),
    num_results_read: rows,
    bytes_scanned: rows * 1000,
    server_total_time_ms: 1,
    queue_time_ms: 0,
    planning_time_ms: 3,
    execution_time_ms: 0,
    statement_type,
    for_reporting: event.for_reporting ?? true,
    default_db: 'default',
    statement,
    ae_attribute: '',
    ae_database: ae_table.split('.')[0],
    ae_function: '',
    ae_path: '',
    ae_role: '',
    ae_table,
    ae_view: '',
  };
}

/** Side tables as rows; the same go into the logs as JSON lines. */
export const sideTables = {
  user_countries: [
    { subject: 'dr_evil', country: 'USA' },
    { subject: 'sarahsmith', country: 'USA' },
    { subject: 'sarahsmith', country: 'FRA' },
    { subject: 'zoë', country: 'ISL' },
  ],
  users: [
    { id: 1, user_name: 'janedoe' },
    { id: 2, user_name: 'johndoe' },
    { id: 3, user_name: 'root' },
    { id: 4, user_name: "o'hara" },
  ],
  groups: [
    { group_id: 1, group_name: 'finance' },
    { group_id: 2, group_name: 'marketing' },
    { group_id: 3, group_name: '__okera_public_group' },
  ],
  user_group_mappings: [
    { user_name_id: 1, group_name_id: 1, last_observed: '2020-09-15 09:00:00' },
    { user_name_id: 1, group_name_id: 3, last_observed: '2020-09-15 09:00:00' },
    { user_name_id: 1, group_name_id: 2, last_observed: '2020-11-02 12:00:00' },
    { user_name_id: 2, group_name_id: 2, last_observed: '2020-11-01 06:30:00' },
    { user_name_id: 2, group_name_id: 3, last_observed: '2020-11-01 06:30:00' },
    { user_name_id: 3, group_name_id: 1, last_observed: '2020-12-01 00:00:00' },
  ],
} as const;

export const sideLogs = (): LogObject[] =>
  Object.entries(sideTables).map(([name, rows]) => ({
    key: name === 'user_countries' ? 'countries/user_countries.jsonl' : `identities/${name}.jsonl`,
    body: Buffer.from(rows.map((row) => JSON.stringify(row)).join('\n')),
  }));
