/**
 * What is asked of both tables, and how few bytes are to be enough. The raw side has the article's table under the
 * article's names; ours is asked by the article's text with only the table's name changed, and by named questions.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { QueryRequest } from '../../../src/engines/engine.ts';
import { ask } from '../../../src/queries/questions.ts';
import { adapted } from '../../../test/queries/seed-changes.ts';

export interface Question {
  readonly name: string;
  /** Trino's SQL over the raw table. */
  readonly raw: string;
  readonly ours: QueryRequest;
  /** By name, columns of both answers, which have to hold the same rows in any order. */
  readonly columns: readonly string[];
  /** Of those, JSON text: compared as values, since the raw table gives documents as its SerDe writes them. */
  readonly json?: readonly string[];
  readonly target?: Target;
}

/** What ours may read at most, all of those that are given. */
export interface Target {
  /** Of the size of the raw objects: one so-manieth. */
  readonly ofWhole?: number;
  /** Of the bytes that the raw table reads for the same question. */
  readonly ofRaw?: number;
  readonly bytes?: number;
}

const rawTable = '"eopa_athena_tutorial_db"."eopa_athena_tutorial_table_01"';
const [from, to] = ['2023-07-11T16:55:00Z', '2023-07-11T17:00:00Z'];
const field = (document: 'input' | 'result', name: string): string => `json_extract_scalar(${document}, '$.${name}')`;

const rawColumns = ['decision_id', 'input', 'labels', 'metrics', 'path', 'result', 'timestamp'];
const documents = ['input', 'result'];

/** `decisionId` is one that exists, `days` are all that there are. */
export function questionsAbout(decisionId: string, days: readonly string[]): Question[] {
  return [...printedQuestions(), ...breachQuestions(), ...historyQuestions(), byDay(days), ...idQuestions(decisionId)];
}

/** The text of the article on both sides. */
const printedQuestions = (): Question[] =>
  ['time-range', 'subject', 'cidr', 'countries'].map((name) => {
    const file = `article/${name}.sql`;
    const text = readFileSync(join(import.meta.dirname, '../../../test/queries/seed', file), 'utf8');
    return {
      name: `article: ${name}`,
      raw: text,
      ours: { sql: adapted(file, text) },
      columns: [...rawColumns, 'eopa', 'first_ts', 'last_ts'],
      json: documents,
    };
  });

/**
 * The same by named questions, which go by the time of the decision: on the raw side, objects that began before the
 * range belong to it too.
 */
function breachQuestions(): Question[] {
  const inRange = `last_ts >= to_unixtime(from_iso8601_timestamp('${from}')) AND first_ts <= to_unixtime(from_iso8601_timestamp('${to}'))
    AND from_iso8601_timestamp_nanos(timestamp) BETWEEN from_iso8601_timestamp('${from}') AND from_iso8601_timestamp('${to}')`;
  const raw = (condition: string): string =>
    `SELECT decision_id, ${field('input', 'subject')} AS subject, ${field('input', 'action')} AS action,
      ${field('input', 'resource')} AS resource, ${field('input', 'client_ip')} AS client_ip, ${field('input', 'country')} AS country,
      ${field('input', 'region')} AS region, CAST(${field('result', 'allowed')} AS boolean) AS allowed,
      ${field('result', 'message')} AS message, path
    FROM ${rawTable} WHERE ${inRange}${condition}`;
  const columns = [
    ...['decision_id', 'subject', 'action', 'resource', 'client_ip'],
    ...['country', 'region', 'allowed', 'message', 'path'],
  ];
  const evil = `AND ${field('input', 'subject')} = 'dr_evil'`;
  const block = `AND contains('203.0.113.64/27', CAST(${field('input', 'client_ip')} AS IPADDRESS))`;
  const decisions = (...more: [string, string][]): QueryRequest =>
    ask('decisions', new Map([['from', from], ['to', to], ...more]));
  return [
    { name: 'five minutes', raw: raw(''), ours: decisions(), columns },
    { name: 'five minutes, subject', raw: raw(` ${evil}`), ours: decisions(['subject', 'dr_evil']), columns },
    {
      name: 'five minutes, subject, CIDR',
      raw: raw(` ${evil} ${block}`),
      ours: decisions(['subject', 'dr_evil'], ['cidr', '203.0.113.64/27']),
      columns,
      target: { ofRaw: 3, ofWhole: 500 },
    },
    {
      name: 'five minutes, countries',
      raw: `SELECT decs.decision_id FROM ${rawTable} AS decs JOIN (
          SELECT subject, array_agg(country) AS countries FROM "eopa_athena_tutorial_db"."eopa_athena_tutorial_user_countries" GROUP BY subject
        ) AS countries ON ${field('input', 'subject')} = countries.subject
        WHERE ${inRange} AND NOT contains(countries.countries, ${field('input', 'country')}) AND ${field('result', 'allowed')} = 'true'`,
      ours: ask(
        'allowed-outside-countries',
        new Map([
          ['from', from],
          ['to', to],
        ]),
      ),
      columns: ['decision_id'],
    },
  ];
}

/** Of all days. */
function historyQuestions(): Question[] {
  const counts = `count(*) AS decisions, count_if(${field('result', 'allowed')} = 'true') AS allowed,
    count_if(${field('result', 'allowed')} = 'false') AS denied, count_if(${field('result', 'allowed')} IS NULL) AS undecided,
    min(timestamp) AS first_time, max(timestamp) AS last_time`;
  const activity = (by: 'subject' | 'resource', value: string, label: string): Question => {
    const shown = [by === 'subject' ? 'resource' : 'subject', 'action'];
    const keys = shown.map((name) => `${field('input', name)} AS ${name}`).join(', ');
    return {
      name: `history of ${label}`,
      raw: `SELECT ${keys}, ${counts} FROM ${rawTable} WHERE ${field('input', by)} = '${value}' GROUP BY 1, 2`,
      ours: ask(`${by}-activity`, new Map([[by, value]])),
      columns: [...shown, 'decisions', 'allowed', 'denied', 'undecided', 'first_time', 'last_time'],
      target: { ofWhole: 60 },
    };
  };
  const aggregate = (name: string, keys: Readonly<Record<string, string>>, columns: string, rest = ''): Question => {
    const names = Object.keys(keys);
    const by = names.map((_, i) => i + 1).join(', ');
    const raw = Object.entries(keys).map(([key, expression]) => `${expression} AS ${key}`);
    return {
      name,
      raw: `SELECT ${raw.join(', ')}, count(*) AS decisions FROM ${rawTable} GROUP BY ${by}${rest}`,
      ours: { sql: `SELECT ${columns}, count(*) AS decisions FROM opa_decisions GROUP BY ${by}${rest}` },
      columns: [...names, 'decisions'],
      target: { ofWhole: 150 },
    };
  };
  const input = (name: string): string => field('input', name);
  const allowed = `CAST(${field('result', 'allowed')} AS boolean)`;
  return [
    activity('subject', 'dr_evil', 'a subject of five minutes'),
    activity('subject', 'igorsmith169', 'a subject'),
    activity('subject', 'sarahsmith', 'the busiest subject'),
    activity('resource', '/finance/ledger/15000', 'a resource seldom asked for'),
    activity('resource', '/hr/reviews/150', 'a resource'),
    activity('resource', '/hr/reviews/0', 'a busy resource'),
    aggregate('by subject and outcome', { subject: input('subject'), allowed }, 'subject, allowed'),
    aggregate('by action and outcome', { action: input('action'), allowed }, 'action, allowed'),
    aggregate('by country', { country: input('country') }, 'country'),
    aggregate('resources most asked for', { resource: input('resource') }, 'resource', ' ORDER BY 2 DESC, 1 LIMIT 50'),
  ];
}

/**
 * One count a day, since Trino answers `GROUP BY ymd` from metadata too, but reports the constant column that it makes
 * of each partition value, 15 bytes a row, as input.
 */
const byDay = (days: readonly string[]): Question => ({
  name: 'by day',
  raw: `SELECT substr(timestamp, 1, 10) AS ymd, count(*) AS decisions FROM ${rawTable} GROUP BY 1`,
  ours: {
    sql: days
      .map((day) => `SELECT '${day}' AS ymd, count(*) AS decisions FROM opa_decisions WHERE ymd = '${day}'`)
      .join(' UNION ALL '),
  },
  columns: ['ymd', 'decisions'],
  target: { bytes: 0 },
});

function idQuestions(id: string): Question[] {
  return [
    {
      name: 'who, what and when of a decision id',
      raw: `SELECT timestamp AS event_time, ${['subject', 'action', 'resource'].map((name) => `${field('input', name)} AS ${name}`)},
        CAST(${field('result', 'allowed')} AS boolean) AS allowed FROM ${rawTable} WHERE decision_id = '${id}'`,
      ours: {
        sql: 'SELECT event_time, subject, action, resource, allowed FROM opa_decisions WHERE decision_id = $id',
        parameters: { id },
      },
      columns: ['event_time', 'subject', 'action', 'resource', 'allowed'],
      target: { ofWhole: 300 },
    },
    {
      name: 'everything about a decision id',
      raw: `SELECT * FROM ${rawTable} WHERE decision_id = '${id}'`,
      ours: ask('decision-details', new Map([['id', id]])),
      columns: rawColumns.filter((name) => name !== 'timestamp'),
      json: documents,
      target: { ofWhole: 300 },
    },
  ];
}
