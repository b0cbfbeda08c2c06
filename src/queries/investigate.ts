/**
 * What one actor did, over both systems, in order of time: each decision and statement with the place of its record, and with
 * what makes it worth a look. "First" means: not seen of this actor since the beginning of the look-back.
 */
import type { CellValue, QueryEngine } from '../engines/engine.ts';
import type { Runtime } from '../ingest/runtime.ts';
import type { IdentityTable } from '../tables/names.ts';
import { formatSeconds } from '../text/humanize.ts';
import { compareText } from '../text/order.ts';
import { dayOf, microsOfDay } from '../text/time.ts';
import { shellWord } from './command.ts';

export interface InvestigateOptions {
  /** Microseconds since the epoch, both included. */
  readonly from: bigint;
  readonly to: bigint;
  /** Days before the range in which what was seen is not new. */
  readonly lookBackDays: number;
  /** How soon after a denial an approval of the same counts as following it. */
  readonly minutes: number;
  /** Lines at most, of each system, the earliest first. */
  readonly limit: number;
  readonly signal?: AbortSignal;
}

export interface TimelineEntry {
  readonly time: string;
  readonly system: 'opa' | 'okera';
  readonly kind: 'decision' | 'statement' | 'permission-change';
  readonly action: string | null;
  readonly resource: string | null;
  readonly allowed: boolean | null;
  /** The message of the policy, or the status and text of the statement. */
  readonly detail: string | null;
  readonly clientIp: string | null;
  readonly country: string | null;
  readonly id: string | null;
  readonly marks: readonly string[];
  /** `source_uri#offset` of the record. */
  readonly place: string;
  /** Prints that record. */
  readonly command: string;
}

export interface Timeline {
  readonly actor: string;
  readonly entries: readonly TimelineEntry[];
  /** Systems that have more in the range than the limit. */
  readonly cut: readonly string[];
  readonly bytesScanned: number;
}

type Row = Readonly<Record<string, CellValue>>;

interface System {
  readonly name: TimelineEntry['system'];
  readonly table: string;
  readonly actor: string;
  /** Columns of the SELECT beside those that both have. */
  readonly columns: string;
  readonly resource: string;
  /** What may be new, by what it is called. */
  readonly firsts: Readonly<Record<string, string>>;
}

/** 32 hex digits: those of IPv4 start with ::ffff:, and 30 digits are a /24; of IPv6 16 digits are a /64. */
const network =
  "CASE WHEN client_ip_key LIKE '00000000000000000000ffff%' THEN substr(client_ip_key, 1, 30) ELSE substr(client_ip_key, 1, 16) END";
const okeraResource =
  "coalesce(nullif(ae_table, ''), nullif(ae_view, ''), nullif(ae_database, ''), nullif(ae_path, ''), nullif(ae_role, ''))";

const systems: readonly System[] = [
  {
    name: 'opa',
    table: 'opa_decisions',
    actor: 'subject',
    columns: 'action, allowed, message AS detail, country, decision_id AS id',
    resource: 'resource',
    firsts: { network, country: 'country', resource: 'resource' },
  },
  {
    name: 'okera',
    table: 'okera_audit_logs',
    actor: '"user"',
    columns:
      "statement_type AS action, NOT auth_failure AS allowed, concat_ws(': ', status, statement) AS detail, CAST(NULL AS varchar) AS country, request_id AS id",
    resource: okeraResource,
    firsts: { network, resource: okeraResource },
  },
];

export async function investigate(
  { catalog }: Pick<Runtime, 'catalog'>,
  engine: QueryEngine,
  actor: string,
  options: InvestigateOptions,
): Promise<Timeline> {
  const existing = await catalog.listTables();
  const entries: { readonly entry: TimelineEntry; readonly at: string }[] = [];
  const cut: string[] = [];
  let bytesScanned = 0;
  for (const system of systems.filter(({ table }) => existing.includes(table))) {
    const ask = async (sql: string, since: bigint): Promise<Row[]> => {
      const { rows, bytes } = await read(engine, system, sql, actor, since, options);
      bytesScanned += bytes;
      return rows;
    };
    const events = await ask(eventsSql(system, options.limit + 1), options.from);
    if (events.length > options.limit) cut.push(system.name);
    const news = new Map<string, Set<string>>();
    const since = options.from - BigInt(options.lookBackDays) * microsOfDay;
    for (const [what, expression] of Object.entries(system.firsts)) {
      const rows = events.length === 0 ? [] : await ask(firstsSql(system, expression), since);
      news.set(what, new Set(rows.map(({ value }) => String(value))));
    }
    const denied = new Map<string, number>();
    for (const row of events.slice(0, options.limit)) {
      const marks = [...firstMarks(row, news), ...deniedBefore(row, denied, options.minutes)];
      entries.push({ entry: entryOf(system, row, marks), at: String(row.time) });
    }
  }
  const { changes, bytes } = await changesOfGroups(existing, engine, actor, options);
  bytesScanned += bytes;
  entries.push(...changes.slice(0, options.limit));
  if (changes.length > options.limit && !cut.includes('okera')) cut.push('okera');
  entries.sort((a, b) => compareText(a.at, b.at));
  return { actor, entries: entries.map(({ entry }) => entry), cut, bytesScanned };
}

const eventsSql = ({ table, actor, columns, resource }: System, limit: number): string => `
SELECT event_time AS "time", ${columns}, ${resource} AS resource, client_ip, ${network} AS network, source_uri, source_offset
FROM ${table}
WHERE ymd BETWEEN $from_ymd AND $to_ymd AND event_time BETWEEN $from AND $to AND ${actor} = $actor
ORDER BY event_time, source_uri, source_offset
LIMIT ${limit}`;

/** Values whose first row since the beginning of the look-back lies in the range. */
const firstsSql = ({ table, actor }: System, expression: string): string => `
SELECT ${expression} AS value, min(event_time) AS first_time
FROM ${table}
WHERE ymd BETWEEN $from_ymd AND $to_ymd AND event_time <= $to AND ${actor} = $actor AND ${expression} IS NOT NULL
GROUP BY 1
HAVING min(event_time) >= $from`;

/** Tables that say who is in which group, where Okera's exports are a source. */
const groupTables = ['users', 'groups', 'user_group_mappings'] satisfies IdentityTable[];

/** What others did to roles of groups that the actor has ever been seen in: one more than the limit where there are more. */
async function changesOfGroups(
  existing: readonly string[],
  engine: QueryEngine,
  actor: string,
  options: InvestigateOptions,
): Promise<{ changes: { readonly entry: TimelineEntry; readonly at: string }[]; bytes: number }> {
  const okera = systems.find(({ name }) => name === 'okera')!;
  if (![okera.table, ...groupTables].every((table) => existing.includes(table))) return { changes: [], bytes: 0 };
  const { rows, bytes } = await read(
    engine,
    { table: okera.table },
    groupsSql(okera, options.limit + 1),
    actor,
    options.from,
    options,
  );
  const changes = rows.map((row) => {
    const marks = [`by ${row.by ?? 'nobody named'}, of a group that ${actor} is in: ${row.group_name}`];
    return { entry: entryOf(okera, row, marks), at: String(row.time) };
  });
  return { changes, bytes };
}

/** The group of a statement is found as in the view role_group_history. */
const groupsSql = ({ table, columns, resource }: System, limit: number): string => `
SELECT * FROM (
  SELECT event_time AS "time", ${columns}, ${resource} AS resource, client_ip, source_uri, source_offset, "user" AS "by",
    lower(regexp_extract(statement, '(?is)\\s(?:TO|FROM)\\s+GROUP\\s+[\`"]?([^;\`"]+?)[\`"]?(?:\\s+WITH\\s+GRANT\\s+OPTION)?[\\s;]*$', 1)) AS group_name
  FROM ${table}
  WHERE ymd BETWEEN $from_ymd AND $to_ymd AND event_time BETWEEN $from AND $to
    AND statement_type IN ('GRANT_ROLE', 'REVOKE_ROLE', 'DDL') AND coalesce("user", '') <> $actor
) AS changes
WHERE group_name IN (
  SELECT lower(g.group_name)
  FROM users AS u JOIN user_group_mappings AS m ON m.user_name_id = u.id JOIN "groups" AS g ON g.group_id = m.group_name_id
  WHERE u.user_name = $actor
)
ORDER BY "time", source_uri, source_offset
LIMIT ${limit}`;

/** `actor`: the column by which files without the actor are left out. */
async function read(
  engine: QueryEngine,
  { table, actor: column }: Pick<System, 'table'> & Partial<System>,
  sql: string,
  actor: string,
  since: bigint,
  { from, to, signal }: InvestigateOptions,
): Promise<{ rows: Row[]; bytes: number }> {
  const days = { from: dayOf(since), to: dayOf(to) };
  const bounds = column === undefined ? [] : [{ column: column.replaceAll('"', ''), from: actor, to: actor }];
  const answer = await engine.query({
    sql,
    parameters: { actor, from: { micros: from }, to: { micros: to }, from_ymd: days.from, to_ymd: days.to },
    prune: { [table]: { ymd: days, bounds } },
    ...(signal && { signal }),
  });
  const names = answer.columns.map(({ name }) => name);
  const rows: Row[] = [];
  for await (const chunk of answer.chunks)
    for (const cells of chunk) rows.push(Object.fromEntries(names.map((name, i) => [name, cells[i]!])));
  return { rows, bytes: answer.bytesScanned() };
}

/** Each value is new once. */
function firstMarks(row: Row, news: ReadonlyMap<string, Set<string>>): string[] {
  const marks: string[] = [];
  for (const [what, values] of news) {
    const value = row[what];
    if (value !== null && value !== undefined && values.delete(String(value))) marks.push(`first of this ${what}`);
  }
  return marks;
}

function deniedBefore(row: Row, denied: Map<string, number>, minutes: number): string[] {
  const key = JSON.stringify([row.action, row.resource]);
  const at = Date.parse(String(row.time));
  if (row.allowed === false) {
    denied.set(key, at);
    return ['denied'];
  }
  const before = denied.get(key);
  if (row.allowed !== true || before === undefined || at - before > minutes * 60_000) return [];
  denied.delete(key);
  return [`allowed ${formatSeconds((at - before) / 1000)} after it was denied`];
}

/** Okera's statements that change who may do what. */
const permissionChange = /^(GRANT|REVOKE|CREATE_ROLE|DROP_ROLE)/;

function entryOf({ name }: System, row: Row, marks: readonly string[]): TimelineEntry {
  const text = (column: string): string | null => (row[column] === null ? null : String(row[column]));
  const place = `${row.source_uri}#${row.source_offset}`;
  const action = text('action');
  const isChange = name === 'okera' && permissionChange.test(action ?? '');
  return {
    time: String(row.time),
    system: name,
    kind: name === 'opa' ? 'decision' : isChange ? 'permission-change' : 'statement',
    action,
    resource: text('resource'),
    allowed: typeof row.allowed === 'boolean' ? row.allowed : null,
    detail: text('detail'),
    clientIp: text('client_ip'),
    country: text('country'),
    id: text('id'),
    marks: isChange ? [...marks, 'changes permissions'] : marks,
    place,
    command: `audit-warehouse raw ${shellWord(place)}`,
  };
}
