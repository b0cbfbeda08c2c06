/** Questions about the audit records of Okera ODAS, and about roles, groups and actors over both systems. */
import type { Parameter, Question } from './question.ts';

const table = 'okera_audit_logs';

const from: Parameter = {
  name: 'from',
  type: 'instant',
  description: 'first day, or instant, included',
  example: '2020-09-17T00:00:00Z',
  required: true,
  limits: [{ table, column: 'event_time', side: 'from' }],
};
const to: Parameter = {
  name: 'to',
  type: 'instant',
  description: 'last day, or instant, included',
  example: '2020-09-18T00:00:00Z',
  required: true,
  limits: [{ table, column: 'event_time', side: 'to' }],
};
const range = [from, to];

const optional = (parameter: Parameter): Parameter => ({ ...parameter, required: false });

const users: Parameter = {
  name: 'users',
  type: 'texts',
  description: 'only these users',
  example: 'janedoe,johndoe',
  limits: [{ table, column: 'user' }],
};
const exceptUsers: Parameter = {
  name: 'except_users',
  type: 'texts',
  description: 'not these users',
  example: 'okera,admin',
};
const tables: Parameter = {
  name: 'tables',
  type: 'texts',
  description: 'only records of exactly these tables',
  example: 'marketing.transactions,creditcard.transactions_cc',
  limits: [{ table, column: 'ae_table' }],
};
const types: Parameter = {
  name: 'types',
  type: 'texts',
  description: 'only these types of statement',
  example: 'PLAN',
  limits: [{ table, column: 'statement_type' }],
};
const request: Parameter = {
  name: 'request',
  type: 'request',
  description: 'id of a request, or its first half, which the events of a query share',
  example: '704d151f52e9f5f8',
  limits: [{ table, column: 'request_id_prefix' }],
};
const role: Parameter = { name: 'role', type: 'text', description: 'only this role', example: 'developer_role' };
const group: Parameter = { name: 'group', type: 'text', description: 'only this group', example: 'developer_group' };

export const okeraQuestions: readonly Question[] = [
  {
    name: 'okera-statement-types',
    origin: 'tutorial',
    summary: 'how often each type of statement was audited',
    parameters: range.map(optional),
  },
  {
    name: 'okera-query-events',
    origin: 'tutorial',
    summary: 'planning and scanning events, those of one query beside each other',
    parameters: [
      ...range.map(optional),
      request,
      { ...types, example: 'PLAN,SCAN_START,SCAN_END', default: 'PLAN,SCAN_END' },
    ],
  },
  {
    name: 'okera-events',
    origin: 'tutorial',
    summary: 'audit events for reporting in a time range, by user, table and type of statement',
    parameters: [...range, users, exceptUsers, tables, types],
  },
  {
    name: 'okera-permission-changes',
    origin: 'tutorial',
    summary: 'grants and revocations of roles, with role, group and who made them',
    parameters: [...range, role, group],
  },
  {
    name: 'okera-accesses',
    origin: 'tutorial',
    summary: 'accesses to tables, counted by user, application and day',
    parameters: [...range, users, tables, types],
  },
  {
    name: 'okera-accesses-by-user',
    origin: 'tutorial',
    summary: 'accesses to tables, counted by user',
    parameters: [...range, users, tables, types],
  },
  {
    name: 'okera-statements',
    origin: 'tutorial',
    summary: 'statements that users ran, counted by user and table; types=PLAN gives the reading ones only',
    parameters: [...range, users, tables, types],
  },
  {
    name: 'okera-user-groups',
    origin: 'tutorial',
    summary: 'all groups of all users at any time, with when they were observed',
    parameters: [{ name: 'users', type: 'texts', description: 'only these users', example: 'janedoe,johndoe' }],
  },
  {
    name: 'okera-reads-with-groups',
    origin: 'tutorial',
    summary: 'reading statements that succeeded, with the groups that the user had presented last before',
    parameters: [
      ...range,
      users,
      exceptUsers,
      { ...exceptUsers, name: 'except_groups', description: 'not these groups', example: '__okera_public_group' },
    ],
  },
  {
    name: 'okera-queries',
    origin: 'incident',
    summary: 'queries in a time range, one row each: statement, scans, how long they took, rows and bytes',
    parameters: [...range, request, users],
  },
  {
    name: 'okera-auth-failures',
    origin: 'incident',
    summary: 'requests that failed authentication or authorisation in a time range',
    parameters: [...range, users],
  },
  {
    name: 'role-groups-at',
    origin: 'incident',
    summary: 'which groups held which roles at an instant, and who had granted them when',
    parameters: [
      {
        name: 'at',
        type: 'instant',
        description: 'the instant, or the end of a day',
        example: '2020-10-05T12:00:00Z',
        default: 'now',
        // What happened later does not matter; what happened before does, ever since.
        limits: [{ table, column: 'event_time', side: 'to' }],
      },
      { ...role, description: 'only this role, in lower case' },
      { ...group, description: 'only this group, in lower case' },
    ],
  },
  {
    name: 'actor-events',
    origin: 'incident',
    summary: 'what an actor did in both systems, in order of time',
    parameters: [
      {
        name: 'actor',
        type: 'text',
        description: 'subject of decisions, user of Okera',
        example: 'janedoe',
        required: true,
        limits: [
          { table, column: 'user' },
          { table: 'opa_decisions', column: 'subject' },
        ],
      },
      ...range.map(optional).map((parameter) => ({
        ...parameter,
        limits: [
          ...(parameter.limits ?? []),
          ...(parameter.limits ?? []).map((limit) => ({ ...limit, table: 'opa_decisions' })),
        ],
      })),
    ],
  },
];
