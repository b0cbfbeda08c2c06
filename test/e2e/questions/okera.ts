/** What the questions about Okera's audit records have to answer, computed without SQL. */
import { between, by, type Fact, groups, micros, only } from './facts.ts';
import { sideTables } from './logs.ts';
import type { Case } from './opa.ts';
import type { Facts } from './world.ts';

const september = { from: '2020-09-17', to: '2020-09-18' };
const november = { from: '2020-11-01', to: '2020-11-03' };
const instants = { from: '2020-09-17T00:00:00Z', to: '2020-09-18T12:00:00Z' };
/** As answers write times, so that texts compare. */
const inInstants = (fact: Fact): boolean => between(fact, '2020-09-17T00:00:00.000000Z', '2020-09-18T12:00:00.000000Z');
const onDays =
  ({ from, to }: typeof september) =>
  (fact: Fact) =>
    String(fact.ymd) >= from && String(fact.ymd) <= to;
const oneOf = (column: string, values: readonly string[]) => (fact: Fact) => values.includes(String(fact[column]));
const any = (): boolean => true;
const logged = by('event_time', 'request_id', 'source_uri', 'source_offset');

/** What reporting_audit_logs shows. */
export function reporting({ audits }: Facts): Fact[] {
  return audits
    .filter(
      ({ for_reporting, service, statement_type: type }) =>
        for_reporting !== false &&
        service !== 'worker' &&
        type !== 'INTERNAL_API' &&
        type !== 'SCAN_START' &&
        (service !== null || type !== 'SCAN_END'),
    )
    .map((fact) => ({ ...fact, start_time_utc: utc(fact.start_time), end_time_utc: utc(fact.end_time) }));
}

const utc = (time: Fact[string] | undefined): string | null =>
  typeof time === 'string' ? time.replace('T', ' ').replace('Z', '') : null;

/** One row for each combination of `columns`, with how many there are. */
const counted = (facts: readonly Fact[], columns: readonly string[]): Fact[] =>
  groups(facts, columns).map((group) => ({ ...only(group[0]!, columns), count: group.length }));

const renamed = (fact: Fact): Fact => ({
  ...fact,
  query_table: fact.ae_table ?? null,
  query_user: fact.user ?? null,
  app: fact.client_application ?? null,
});

const accesses = (given: Record<string, string>, columns: readonly string[], fits: (fact: Fact) => boolean): Case => ({
  given: { ...september, ...given },
  columns: [...columns, 'count'],
  rows: (facts) =>
    counted(reporting(facts).map(renamed).filter(onDays(september)).filter(fits), columns).sort(by(...columns)),
});

/** Each of the optional parameters that accesses have. */
const narrowed = (columns: readonly string[]): Case[] => [
  accesses({}, columns, any),
  accesses({ users: 'janedoe,johndoe' }, columns, oneOf('user', ['janedoe', 'johndoe'])),
  accesses({ tables: '["hr.people,hr.salaries"]' }, columns, oneOf('ae_table', ['hr.people,hr.salaries'])),
  accesses({ types: 'PLAN' }, columns, oneOf('statement_type', ['PLAN'])),
];

const statementTypes = (given: Record<string, string>, fits: (fact: Fact) => boolean): Case => ({
  given,
  columns: ['statement_type', 'cnt'],
  rows: ({ audits }) =>
    groups(audits.filter(fits), ['statement_type'])
      .map(([first, ...rest]) => ({
        statement_type: first!.statement_type ?? null,
        cnt: first!.statement_type === null ? 0 : rest.length + 1,
      }))
      .sort(by(['desc', 'cnt'], 'statement_type')),
});

const queryEvents = (given: Record<string, string>, types: readonly string[], fits: (fact: Fact) => boolean): Case => ({
  given,
  columns: [
    'request_id', 'statement_type', 'event_time', 'user', 'num_results_returned', 'num_results_read', 'bytes_scanned', 'statement',
  ],
  rows: ({ audits }) =>
    audits
      .filter((fact) => oneOf('statement_type', types)(fact) && fits(fact))
      .sort(by('request_id_prefix', 'request_id_postfix', 'event_time', 'statement_type', 'source_uri', 'source_offset')),
}); // biome-ignore format: a list

const events = (given: Record<string, string>, fits: (fact: Fact) => boolean): Case => ({
  given: { ...instants, ...given },
  columns: [
    'start_time_utc', 'end_time_utc', 'auth_failure', 'status', 'user', 'client_application', 'statement_type', 'ae_table', 'request_id',
    'statement',
  ],
  rows: (facts) => reporting(facts).filter(inInstants).filter(fits).sort(logged),
}); // biome-ignore format: a list

const changeDays = { from: '2020-10-05', to: '2020-10-06' };
const permissionChanges = (given: Record<string, string>, fits: (fact: Fact) => boolean): Case => ({
  given: { ...changeDays, ...given },
  columns: ['start_time_utc', 'action', 'role', 'group', 'executing_user', 'status', 'statement'],
  rows: (facts) =>
    reporting(facts)
      .filter(onDays(changeDays))
      .filter(oneOf('statement_type', ['GRANT_ROLE', 'REVOKE_ROLE']))
      .map((fact): Fact => {
        const found = /(?:grant|revoke) role `?([^;`]+?)`? (?:from|to) group `?([^;`]+)/i.exec(String(fact.statement));
        return {
          ...fact,
          action: fact.statement_type!,
          executing_user: fact.user ?? null,
          role: found?.[1] ?? null,
          group: found?.[2] ?? null,
        };
      })
      .filter(fits)
      .sort(by('event_time', 'source_uri', 'source_offset')),
});

const observed = (mapping: (typeof sideTables.user_group_mappings)[number]): string =>
  `${mapping.last_observed}.000000`;
const nameOfGroup = (id: number): string => sideTables.groups.find(({ group_id }) => group_id === id)!.group_name;
const mappingsOf = (user: string) => {
  const id = sideTables.users.find(({ user_name }) => user_name === user)?.id;
  return sideTables.user_group_mappings.filter(({ user_name_id }) => user_name_id === id);
};

const userGroups = (given: Record<string, string>, users: readonly string[]): Case => ({
  given,
  columns: ['user_name', 'group_name', 'last_observed'],
  rows: () =>
    users
      .flatMap((user_name) =>
        mappingsOf(user_name).map(
          (mapping): Fact => ({
            user_name,
            group_name: nameOfGroup(mapping.group_name_id),
            last_observed: observed(mapping),
          }),
        ),
      )
      .sort(by('user_name', 'last_observed', 'group_name')),
});

const readsWithGroups = (given: Record<string, string>, fits: (fact: Fact) => boolean): Case => ({
  given: { ...november, ...given },
  columns: ['start_time_utc', 'user_name', 'group_name', 'statement'],
  rows: (facts) =>
    reporting(facts)
      .filter(onDays(november))
      .filter(({ statement_type, status }) => statement_type === 'PLAN' && status === 'ok')
      .flatMap((fact) => {
        const before = mappingsOf(String(fact.user)).filter(
          (mapping) => observed(mapping) <= String(fact.start_time_utc),
        );
        const latest = before.map(observed).sort().at(-1);
        return before
          .filter((mapping) => observed(mapping) === latest)
          .map((mapping): Fact => ({ ...fact, user_name: fact.user!, group_name: nameOfGroup(mapping.group_name_id) }));
      })
      .filter(fits)
      .sort(by('event_time', 'user_name', 'group_name', 'source_uri', 'source_offset')),
});

const total = (values: readonly (Fact[string] | undefined)[]): number | null => {
  const numbers = values.filter((value) => typeof value === 'number');
  return numbers.length === 0 ? null : numbers.reduce((sum, value) => sum + value, 0);
};
const last = (values: readonly (Fact[string] | undefined)[]): string | null =>
  values
    .filter((value) => typeof value === 'string')
    .sort()
    .at(-1) ?? null;
const first = (values: readonly (Fact[string] | undefined)[]): string | null =>
  values.filter((value) => typeof value === 'string').sort()[0] ?? null;

const queries = (given: Record<string, string>, fits: (fact: Fact) => boolean): Case => ({
  given: { ...instants, ...given },
  columns: [
    'request', 'user', 'planned_at', 'statement', 'ae_table', 'scans', 'unfinished_scans', 'first_scan_at', 'last_scan_at',
    'longest_scan_ms', 'scan_ms', 'rows_returned', 'rows_read', 'bytes_scanned',
  ],
  rows: ({ audits }) => {
    const ofQueries = audits
      .filter(inInstants)
      .filter(oneOf('statement_type', ['PLAN', 'SCAN_START', 'SCAN_END']))
      .filter((fact) => fact.request_id_prefix !== null && fits(fact));
    return groups(ofQueries, ['request_id_prefix'])
      .map((group): Fact => {
        const of = (type: string): Fact[] => group.filter((fact) => fact.statement_type === type);
        const scans = groups([...of('SCAN_START'), ...of('SCAN_END')], ['request_id']).map((scan) => ({
          started: first(scan.map((fact) => (fact.statement_type === 'SCAN_START' ? fact.event_time : null))),
          ended: last(scan.map((fact) => (fact.statement_type === 'SCAN_END' ? fact.event_time : null))),
        }));
        const whole = scans.flatMap(({ started, ended }) =>
          started === null || ended === null ? [] : [Number(micros(ended) / 1000n - micros(started) / 1000n)],
        );
        return {
          request: group[0]!.request_id_prefix!,
          user: last(group.map((fact) => fact.user)),
          planned_at: first(of('PLAN').map((fact) => fact.event_time)),
          statement: last(group.map((fact) => fact.statement)),
          ae_table: last(group.map((fact) => fact.ae_table)),
          scans: scans.filter(({ ended }) => ended !== null).length,
          unfinished_scans: scans.filter(({ started, ended }) => started !== null && ended === null).length,
          first_scan_at: first(scans.map(({ started }) => started)),
          last_scan_at: last(scans.map(({ ended }) => ended)),
          longest_scan_ms: whole.length === 0 ? null : Math.max(...whole),
          scan_ms: total(whole),
          rows_returned: total(of('SCAN_END').map((fact) => fact.num_results_returned)),
          rows_read: total(of('SCAN_END').map((fact) => fact.num_results_read)),
          bytes_scanned: total(of('SCAN_END').map((fact) => fact.bytes_scanned)),
          at: first(group.map((fact) => fact.event_time)),
        };
      })
      .sort(by('at', 'request'));
  },
}); // biome-ignore format: a list

const fortnights = { from: '2020-09-16T00:00:00Z', to: '2020-10-07T00:00:00Z' };
const authFailures = (given: Record<string, string>, fits: (fact: Fact) => boolean): Case => ({
  given: { ...fortnights, ...given },
  columns: [
    'event_time', 'user', 'connected_user', 'client_ip', 'client_application', 'statement_type', 'status', 'ae_database', 'ae_table',
    'statement', 'request_id', 'source_uri',
  ],
  rows: ({ audits }) =>
    audits
      .filter((fact) => fact.auth_failure === true && between(fact, '2020-09-16T00:00:00.000000Z', '2020-10-07T00:00:00.000000Z'))
      .filter(fits)
      .sort(logged),
}); // biome-ignore format: a list

const roleGroupsAt = (given: Record<string, string>, fits: (fact: Fact) => boolean): Case => ({
  given,
  columns: ['role', 'group', 'granted_at', 'granted_by'],
  rows: ({ audits }) => {
    const at = given.at!.replace('Z', '.000000Z');
    const held = new Map<string, Fact>();
    for (const fact of audits.filter((audit) => String(audit.event_time) <= at).sort(by('event_time'))) {
      if (String(fact.status).toLowerCase() !== 'ok' || fact.auth_failure === true) continue;
      const words = String(fact.statement).toLowerCase().replace(/;$/, '');
      const [, verb, role, , group] =
        /^(grant|revoke|drop) role `?([^`]+?)`?(?: (to|from) group `?([^`]+?)`?)?$/.exec(words) ?? [];
      const key = `${role}\n${group}`;
      if (verb === 'grant' && !held.has(key)) {
        held.set(key, { role: role!, group: group!, granted_at: fact.event_time!, granted_by: fact.user! });
      } else if (verb === 'revoke') held.delete(key);
      else if (verb === 'drop') for (const one of held.keys()) if (one.startsWith(`${role}\n`)) held.delete(one);
    }
    return [...held.values()].filter(fits).sort(by('role', 'group'));
  },
});

const actorEvents = (given: Record<string, string>, fits: (fact: Fact) => boolean): Case => ({
  given,
  columns: ['time', 'system', 'action', 'resource', 'allowed', 'reason', 'client_ip', 'id', 'source_uri'],
  rows: ({ decisions, audits }) =>
    [
      ...decisions.map(
        (fact): Fact => ({
          ...fact,
          system: 'opa',
          actor: fact.subject!,
          reason: fact.message!,
          id: fact.decision_id!,
        }),
      ),
      ...audits.map((fact): Fact => {
        const named = [fact.ae_table, fact.ae_view].filter(Boolean).join(',');
        return {
          ...fact,
          system: 'okera',
          actor: fact.user!,
          action: fact.statement_type!,
          resource: named || fact.ae_database || fact.ae_path || fact.ae_role || null,
          allowed: fact.auth_failure === null ? null : !fact.auth_failure,
          reason: fact.status!,
          id: fact.request_id!,
        };
      }),
    ]
      .map((fact) => ({ ...fact, time: fact.event_time! }))
      .filter((fact) => (fact as Fact).actor === given.actor && fits(fact))
      .sort(by('time', 'system', 'id', 'source_uri', 'source_offset')),
});

const days = { from: september.from, to: september.to };

/** By question. `request` is the id of a request of a query in the range of instants, with its leading zeros dropped. */
export const okeraCases = (request: string): Readonly<Record<string, readonly Case[]>> => {
  const prefix = request.split(':')[0]!.padStart(16, '0');
  const ofRequest = (fact: Fact): boolean => fact.request_id_prefix === prefix;
  return {
    'okera-statement-types': [statementTypes({}, any), statementTypes(days, onDays(days))],
    'okera-query-events': [
      queryEvents({}, ['PLAN', 'SCAN_END'], any),
      queryEvents({ ...instants, types: 'PLAN,SCAN_START,SCAN_END' }, ['PLAN', 'SCAN_START', 'SCAN_END'], inInstants),
      queryEvents({ request }, ['PLAN', 'SCAN_END'], ofRequest),
    ],
    'okera-events': [
      events({}, any),
      events({ except_users: 'okera,admin' }, (fact) => !oneOf('user', ['okera', 'admin'])(fact)),
      events({ users: `janedoe,o'hara` }, oneOf('user', ['janedoe', `o'hara`])),
      events(
        { tables: 'marketing.transactions,creditcard.transactions_cc', types: 'PLAN' },
        (fact) =>
          oneOf('ae_table', ['marketing.transactions', 'creditcard.transactions_cc'])(fact) &&
          fact.statement_type === 'PLAN',
      ),
    ],
    'okera-permission-changes': [
      permissionChanges({}, any),
      permissionChanges(
        { role: 'developer_role', group: 'marketing steward' },
        (fact) => fact.role === 'developer_role' && fact.group === 'marketing steward',
      ),
    ],
    'okera-accesses': narrowed(['query_table', 'query_user', 'app', 'ymd']),
    'okera-accesses-by-user': narrowed(['query_table', 'query_user']),
    'okera-statements': narrowed(['query_user', 'query_table', 'statement']),
    'okera-user-groups': [
      userGroups({}, ['janedoe', 'johndoe', 'root', `o'hara`]),
      userGroups({ users: 'johndoe,root' }, ['johndoe', 'root']),
    ],
    'okera-reads-with-groups': [
      readsWithGroups({}, any),
      readsWithGroups(
        { except_groups: '__okera_public_group', except_users: 'admin,okera' },
        (fact) => fact.group_name !== '__okera_public_group' && !oneOf('user', ['admin', 'okera'])(fact),
      ),
      readsWithGroups({ users: 'janedoe' }, oneOf('user', ['janedoe'])),
    ],
    'okera-queries': [
      queries({}, any),
      queries({ request: prefix }, ofRequest),
      queries({ users: 'janedoe,johndoe' }, oneOf('user', ['janedoe', 'johndoe'])),
    ],
    'okera-auth-failures': [authFailures({}, any), authFailures({ users: 'janedoe' }, oneOf('user', ['janedoe']))],
    'role-groups-at': [
      roleGroupsAt({ at: '2020-10-05T11:30:00Z' }, any),
      roleGroupsAt({ at: '2020-10-05T14:30:00Z', role: 'analyst', group: 'finance' }, (row) => row.role === 'analyst'),
      roleGroupsAt({ at: '2020-10-06T12:00:00Z' }, any),
    ],
    'actor-events': [
      actorEvents({ actor: 'janedoe' }, any),
      actorEvents({ actor: 'dr_evil', from: '2023-07-11T16:55:00Z', to: '2023-07-11T17:00:00Z' }, (fact) =>
        between(fact, '2023-07-11T16:55:00.000000Z', '2023-07-11T17:00:00.000000Z'),
      ),
    ],
  };
};
