/** What the printed queries of the two documents have to answer, computed without SQL, by file of test/queries/seed. */
import { BlockList, isIPv4 } from 'node:net';
import { type Fact, groups, micros } from './facts.ts';
import { sideTables } from './logs.ts';
import { reporting } from './okera.ts';
import type { Facts } from './world.ts';

export interface Printed {
  /** Columns of the answer that are compared; the queries with `*` give all. */
  readonly columns: readonly string[];
  /** In no order. */
  readonly rows: (facts: Facts) => readonly Fact[];
}

/** from_iso8601_timestamp has milliseconds. */
const millis = (time: Fact[string] | undefined): number => Number(micros(time!) / 1000n);
const [start, end] = [Date.UTC(2023, 6, 11, 16, 55), Date.UTC(2023, 6, 11, 17)];
const inBreach = ({ decisions }: Facts): Fact[] =>
  decisions.filter(
    ({ first_ts, event_time }) =>
      Number(first_ts ?? 0) >= start / 1000 &&
      Number(first_ts ?? 0) <= end / 1000 &&
      millis(event_time) >= start &&
      millis(event_time) <= end,
  );
const block = new BlockList();
block.addSubnet('203.0.113.64', 27);
const ofEvil = (facts: Facts): Fact[] => inBreach(facts).filter(({ subject }) => subject === 'dr_evil');
const place = ['decision_id', 'source_uri', 'source_offset'];

const onDays = (from: string, to: string) => (fact: Fact) => String(fact.ymd) >= from && String(fact.ymd) <= to;
const september = (facts: Facts): Fact[] => reporting(facts).filter(onDays('2020-09-17', '2020-09-18'));
const october = (facts: Facts): Fact[] =>
  reporting(facts)
    .filter(onDays('2020-10-05', '2020-10-06'))
    .filter(({ statement_type }) => statement_type === 'GRANT_ROLE' || statement_type === 'REVOKE_ROLE');
const notBy =
  (...users: readonly string[]) =>
  ({ user }: Fact) =>
    user !== null && !users.includes(String(user));
const seconds = (unixMillis: Fact[string] | undefined): string =>
  `${new Date(Math.floor(Number(unixMillis) / 1000) * 1000).toISOString().slice(0, 19)}.000000Z`;

/** Counts of what has the same values in `by`, which may be more than what is shown. */
const counted = (facts: readonly Fact[], by: readonly string[]): Fact[] =>
  groups(facts, by).map((group) => ({
    ...group[0],
    query_table: group[0]!.ae_table!,
    query_user: group[0]!.user!,
    app: group[0]!.client_application!,
    count: group.length,
  }));

const userOf = (id: number): string => sideTables.users.find((user) => user.id === id)!.user_name;
const groupOf = (id: number): string => sideTables.groups.find((group) => group.group_id === id)!.group_name;
const observations = sideTables.user_group_mappings.map(({ user_name_id, group_name_id, last_observed }) => ({
  user_name: userOf(user_name_id),
  group_name: groupOf(group_name_id),
  last_observed: `${last_observed}.000000`,
}));

/** Of the days as printed: `2020-11-3` is text after `2020-11-29`. */
export const readsWithGroups = (facts: Facts, to: string): Fact[] =>
  reporting(facts)
    .filter(onDays('2020-11-01', to))
    .filter(({ statement_type, status }) => statement_type === 'PLAN' && status === 'ok')
    .filter(notBy('admin', 'okera'))
    .flatMap((fact) => {
      const own = observations.filter(({ user_name }) => user_name === fact.user);
      // Any earlier observation of the user lets all groups of the user through, later ones too.
      const isKnown = own.some(({ last_observed }) => last_observed < String(fact.start_time_utc));
      return isKnown ? own.map(({ user_name, group_name }): Fact => ({ ...fact, user_name, group_name })) : [];
    })
    .filter(({ group_name }) => group_name !== '__okera_public_group');

export const printed: Readonly<Record<string, Printed>> = {
  'article/time-range.sql': { columns: place, rows: inBreach },
  'article/subject.sql': { columns: place, rows: ofEvil },
  'article/cidr.sql': {
    columns: place,
    rows: (facts) =>
      ofEvil(facts).filter(({ client_ip }) => isIPv4(String(client_ip)) && block.check(String(client_ip))),
  },
  'article/countries.sql': {
    columns: place,
    rows: (facts) =>
      inBreach(facts).filter(({ subject, country, allowed, result }) => {
        const countries = sideTables.user_countries.filter((known) => known.subject === subject);
        // A result that is itself the verdict has no member `allowed`.
        const isObject = String(result).startsWith('{');
        return (
          countries.length > 0 &&
          country !== null &&
          isObject &&
          allowed === true &&
          !countries.some((known) => known.country === country)
        );
      }),
  },
  'tutorial/statement-types.sql': {
    columns: ['statement_type', 'cnt'],
    rows: ({ audits }) =>
      groups(audits, ['statement_type']).map((group) => ({
        statement_type: group[0]!.statement_type!,
        cnt: group[0]!.statement_type === null ? 0 : group.length,
      })),
  },
  'tutorial/correlate.sql': {
    columns: ['request_id', 'statement_type', 'statement'],
    rows: ({ audits }) =>
      audits.filter(({ statement_type }) => statement_type === 'PLAN' || statement_type === 'SCAN_END'),
  },
  'tutorial/events-in-time.sql': {
    columns: ['request_id', 'statement_type', 'user', 'start_time_utc', 'statement'],
    rows: (facts) =>
      september(facts)
        .filter(({ start_unix_time: at }) => Number(at) >= 1600300801197 && Number(at) <= 1600387206546)
        .filter(notBy('okera', 'admin')),
  },
  'tutorial/readable-dates.sql': {
    columns: ['start_time', 'end_time', 'auth_failure', 'status', 'user', 'client_application', 'statement_type'],
    rows: (facts) =>
      september(facts)
        .filter(({ start_unix_time: at }) => Number(at) >= Date.UTC(2020, 8, 17) && Number(at) <= Date.UTC(2020, 8, 18))
        .filter(notBy('okera', 'admin'))
        .map((fact) => ({ ...fact, start_time: seconds(fact.start_unix_time), end_time: seconds(fact.end_unix_time) })),
  },
  'tutorial/view-columns.sql': {
    columns: [
      'start_time_utc',
      'end_time_utc',
      'auth_failure',
      'status',
      'user',
      'client_application',
      'statement_type',
    ],
    rows: (facts) =>
      september(facts)
        .filter(({ start_time_utc: at }) => String(at) >= '2020-09-17' && String(at) <= '2020-09-18')
        .filter(notBy('okera', 'admin', 'root')),
  },
  'tutorial/permission-changes.sql': {
    columns: ['start_time_utc', 'user', 'statement_type', 'statement'],
    rows: october,
  },
  'tutorial/roles-and-groups.sql': {
    columns: ['start_time_utc', 'action', 'role', 'group', 'executing_user'],
    rows: (facts) =>
      october(facts).map((fact): Fact => {
        const [, role, group] = /role `?([^`]+?)`? (?:from|to) group `?([^`;]+)/i.exec(String(fact.statement))!;
        return { ...fact, action: fact.statement_type!, role: role!, group: group!, executing_user: fact.user! };
      }),
  },
  'tutorial/accesses.sql': {
    columns: ['query_table', 'query_user', 'app', 'ymd', 'count'],
    rows: (facts) => counted(september(facts), ['ae_table', 'user', 'client_application', 'ymd']),
  },
  'tutorial/accesses-of-users.sql': {
    columns: ['query_table', 'app', 'ymd', 'count'],
    rows: (facts) =>
      counted(
        september(facts).filter(({ user }) => user === 'janedoe' || user === 'johndoe'),
        ['ae_table', 'user', 'client_application', 'ymd'],
      ),
  },
  'tutorial/accesses-without-application.sql': {
    columns: ['query_table', 'query_user', 'count'],
    rows: (facts) => counted(september(facts), ['ae_table', 'user']),
  },
  'tutorial/accesses-with-statement.sql': {
    columns: ['query_user', 'query_table', 'statement', 'count'],
    rows: (facts) => counted(september(facts), ['user', 'ae_table', 'statement']),
  },
  'tutorial/reads-only.sql': {
    columns: ['query_user', 'query_table', 'statement', 'count'],
    rows: (facts) =>
      counted(
        september(facts).filter(({ statement_type }) => statement_type === 'PLAN'),
        ['user', 'ae_table', 'statement'],
      ),
  },
  'tutorial/groups-of-users.sql': { columns: ['user_name', 'group_name', 'last_observed'], rows: () => observations },
  'tutorial/reads-with-groups.sql': {
    columns: ['start_time_utc', 'user_name', 'group_name', 'statement'],
    rows: (facts) => readsWithGroups(facts, '2020-11-3'),
  },
};
