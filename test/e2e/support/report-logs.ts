/**
 * Logs for the report, with people in them who want to be more than a name on a page, and what the report has to say of
 * them: computed from the raw JSON, by other means than the product's.
 */
import type { LogObject } from './logs.ts';

/** Subjects, and how each has to show. */
export const subjects: Readonly<Record<string, string>> = {
  alice: 'alice',
  bob: 'bob',
  '</script><script>alert(1)</script>': '</script><script>alert(1)</script>',
  '"><img src=x onerror=alert(1)>': '"><img src=x onerror=alert(1)>',
  '</text></svg><b>&amp;': '</text></svg><b>&amp;',
  '\u202elive\u202c\u0007': '\\u{202e}live\\u{202c}\\u{7}',
  [`long ${'x'.repeat(5000)}`]: `long ${'x'.repeat(90)}…`,
  "'; DROP TABLE opa_decisions; --": "'; DROP TABLE opa_decisions; --",
  عمر: 'عمر',
  '': 'empty',
};

const start = Date.UTC(2023, 6, 10);
const everyMs = 431_000;
const count = 600;
const names = Object.keys(subjects);

interface RawDecision {
  readonly timestamp: string;
  readonly path: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly input: { subject?: string; action: string; resource: string; client_ip?: string };
  readonly result?: { readonly allowed?: boolean; readonly query?: string };
  readonly error?: object;
}

/** Three days: the outcomes of ten decisions in a row are six times allowed, twice denied, undefined, and one of the rest. */
const everyday: readonly RawDecision[] = Array.from({ length: count }, (_, i) => {
  const subject = i % 37 === 36 ? undefined : names[(i * i) % names.length]!;
  const address = [undefined, `10.0.${i % 4}.${i % 200}`, `10.0.${i % 4}.1`, `2001:db8:0:${i % 2}::${i % 9}`][
    (i % 5) % 4
  ];
  const outcome = i % 10;
  return {
    decision_id: `d-${i}`,
    timestamp: new Date(start + i * everyMs).toISOString(),
    labels: { id: 'eopa-1', region: ['us', 'eu<i>', 'eu<i>'][i % 3]! },
    path: ['authz/allow', 'authz/allow', '</title>&'][i % 3]!,
    input: {
      ...(subject !== undefined && { subject }),
      action: ['read', 'write'][i % 2]!,
      resource: `/r/${(i * 7) % 30}`,
      ...(address !== undefined && { client_ip: address }),
    },
    ...(outcome < 6 && { result: { allowed: true } }),
    ...((outcome === 6 || outcome === 7) && { result: { allowed: false } }),
    ...(outcome === 9 &&
      (i % 20 === 9 ? { error: { code: 'eval', message: 'x' } } : { result: { query: 'WHERE true' } })),
  };
});

/** Within half an hour of the last day, somebody whom nobody knows from somewhere else is denied something new. */
const attack: readonly RawDecision[] = Array.from({ length: 60 }, (_, i) => ({
  decision_id: `attack-${i}`,
  timestamp: new Date(start + 2.5 * 86_400_000 + i * 30_000).toISOString(),
  labels: { id: 'eopa-2' },
  path: 'authz/admin',
  input: { subject: 'm<u>allory', action: 'read', resource: '/"secret"', client_ip: `203.0.113.${i}` },
  result: { allowed: false },
}));

export const decisions = [...everyday, ...attack];

interface RawRequest {
  readonly request_time: string;
  readonly user: string;
  readonly statement_type: string;
  readonly status: string;
  readonly auth_failure: boolean;
  readonly ae_table: string;
  readonly ae_view: string;
  readonly statement: string;
}

export const requests: readonly RawRequest[] = Array.from({ length: 150 }, (_, i) => {
  const isGrant = i % 15 === 14;
  const ms = start + i * 1_700_000;
  return {
    request_time: new Date(ms).toISOString().replace('T', ' ').replace('Z', '000000'),
    request_id: `${(i + 1).toString(16)}:${(i + 7).toString(16)}`,
    start_unix_time: ms,
    end_unix_time: ms + 5,
    user: ['janedoe', 'johndoe', '<b>root</b>'][i % 3]!,
    statement_type: isGrant ? (i % 2 ? 'GRANT_ROLE' : 'REVOKE_ROLE') : 'PLAN',
    status: i % 11 === 0 ? 'Error: no such table' : 'ok',
    auth_failure: i % 7 === 0,
    client_network_address: `10.1.0.${i}:4000`,
    client_application: 'presto (1.0.0)',
    for_reporting: true,
    ae_database: 'sales',
    ae_table: isGrant ? '' : ['sales.orders', 'sales.orders,sales.customers'][i % 2]!,
    ae_view: i % 5 === 0 && !isGrant ? 'sales.<i>view</i>' : '',
    statement: isGrant
      ? `${i % 2 ? 'GRANT ROLE r_<u>1</u> TO' : 'REVOKE ROLE r_1 FROM'} GROUP g_${i}`
      : 'select * from sales.orders',
  };
});

export const brokenLines = 4;

/**
 * Decisions in objects of a hundred, the first with lines that are none, the last ones of a second source; requests in one
 * object a day.
 */
export function reportLogs(): { opa: LogObject[]; opa2: LogObject[]; okera: LogObject[] } {
  const objectsOf = (some: readonly RawDecision[]) =>
    Array.from({ length: Math.ceil(some.length / 100) }, (_, o) => ({
      key: `eopa=a/first_ts=${start / 1000}/last_ts=${start / 1000 + 60}/batch_id=${o}.jsonl`,
      lines: some.slice(o * 100, o * 100 + 100).map((one) => JSON.stringify(one)),
    }));
  const [opa, opa2] = [
    objectsOf(decisions.slice(0, firstOfSecondSource)),
    objectsOf(decisions.slice(firstOfSecondSource)),
  ];
  opa[0]!.lines.push('{"broken":', '{}', '[]', '{"decision_id":"no-time"}');
  const logs = (objects: typeof opa): LogObject[] =>
    objects.map(({ key, lines }) => ({ key, body: Buffer.from(lines.join('\n')) }));
  const byDay = Map.groupBy(requests, (request) => request.request_time.slice(0, 10));
  const okera = [...byDay].map(([day, ofDay]) => ({
    key: `ymd=${day}/planner-10.0.0.1-1-00000000-0000-4000-8000-000000000000_audit.log`,
    body: Buffer.from(ofDay.map((request) => JSON.stringify(request)).join('\n')),
  }));
  return { opa: logs(opa), opa2: logs(opa2), okera };
}

const firstOfSecondSource = 500;

/** Rows of keys and counts, the highest first, keys of the same count by their bytes. */
function ranked<T>(items: readonly T[], keyOf: (item: T) => string, counts: readonly ((item: T) => boolean)[]) {
  return [...Map.groupBy(items, keyOf)]
    .map(([key, group]) => ({ key, counts: counts.map((counted) => group.filter(counted).length) }))
    .sort((a, b) => b.counts[0]! - a.counts[0]! || Buffer.compare(Buffer.from(a.key), Buffer.from(b.key)));
}

const all = () => true;
const allowed = (decision: RawDecision) => decision.result?.allowed === true;
const denied = (decision: RawDecision) => decision.result?.allowed === false;
const shown = (subject: string | undefined): string =>
  subject === undefined ? 'none' : (subjects[subject] ?? subject);

/** What a report may be limited to. */
export interface Limits {
  readonly days?: readonly string[];
  readonly subject?: string;
  readonly path?: string;
  readonly source?: 'eopa' | 'eopa-2' | 'okera';
}

/** What the report has to show, of everything or of a part: cells as text. */
export function expectedReport({ days, subject, path, source }: Limits = {}) {
  const inDays = (time: string): boolean => days === undefined || days.includes(time.slice(0, 10));
  const ofAll = decisions.filter(
    (one, i) =>
      (subject === undefined || one.input.subject === subject) &&
      (path === undefined || one.path === path) &&
      (source === undefined || source === (i < firstOfSecondSource ? 'eopa' : 'eopa-2')),
  );
  const chosen = ofAll.filter(({ timestamp }) => inDays(timestamp));
  const asked = requests.filter(
    (one) =>
      inDays(one.request_time) &&
      (subject === undefined || one.user === subject) &&
      (source === undefined || source === 'okera'),
  );
  // A missing subject comes last of those with as many decisions; U+FFFF does so here too.
  const bySubject = ranked(chosen, ({ input }) => input.subject ?? '\uffff', [all, allowed, denied]);
  const datasets = asked.flatMap((request) =>
    [...request.ae_table.split(','), request.ae_view].filter((name) => name !== '').map((name) => ({ name, request })),
  );
  /** Values with decisions in the days and none before them: first time, decisions and denials. */
  const newOf = (read: (decision: RawDecision) => string | undefined) => {
    const known = new Set(ofAll.filter(({ timestamp }) => timestamp < days![0]!).map(read));
    const fresh = Map.groupBy(chosen, read);
    return [...fresh]
      .filter(([value]) => value !== undefined && !known.has(value))
      .map(([value, group]) => {
        const first = group.map(({ timestamp }) => timestamp).sort()[0]!;
        return [
          value!,
          first.slice(0, 19).replace('T', ' '),
          String(group.length),
          String(group.filter(denied).length),
        ];
      })
      .sort((a, b) => (a[1]! < b[1]! ? -1 : 1));
  };
  const byDenials = (rows: ReturnType<typeof ranked>) =>
    rows
      .toSorted((a, b) => b.counts[2]! - a.counts[2]! || b.counts[0]! - a.counts[0]! || (a.key < b.key ? -1 : 1))
      .map(({ key, counts }) => [key, ...counts.map(String)]);
  const labelled = chosen.flatMap((one) => Object.entries(one.labels).map(([name, value]) => ({ name, value, one })));
  return {
    decisions: chosen.length,
    outcomes: {
      allowed: chosen.filter(allowed).length,
      denied: chosen.filter(denied).length,
      undefined: chosen.filter(({ result, error }) => result === undefined && error === undefined).length,
      error: chosen.filter(({ error }) => error !== undefined).length,
      'no verdict': chosen.filter(({ result }) => result !== undefined && result.allowed === undefined).length,
    },
    subjects: bySubject.map(({ key, counts }) => [shown(key === '\uffff' ? undefined : key), ...counts.map(String)]),
    distinctSubjects: new Set(chosen.map(({ input }) => input.subject).filter((one) => one !== undefined)).size,
    resources: ranked(chosen, ({ input }) => input.resource, [all, allowed, denied])
      .slice(0, 20)
      .map(({ key, counts }) => [key, ...counts.map(String)]),
    denials: ranked(
      chosen.filter(denied),
      ({ input }) => JSON.stringify([input.subject ?? null, input.action, input.resource]),
      [all],
    ).map(({ key, counts }) => {
      const [who, action, resource] = JSON.parse(key) as [string | null, string, string];
      return [shown(who ?? undefined), action, resource, ...counts.map(String)];
    }),
    networks: ranked(chosen, ({ input }) => networkOf(input.client_ip), [all, allowed, denied]).map(
      ({ key, counts }) => [key, ...counts.map(String)],
    ),
    policies: byDenials(ranked(chosen, (one) => one.path, [all, allowed, denied])),
    labels: byDenials(
      ranked(
        labelled,
        ({ name, value }) => `${name} = ${value}`,
        [all, allowed, denied].map(
          (counted) =>
            ({ one }) =>
              counted(one),
        ),
      ),
    ),
    newSubjects: days && newOf(({ input }) => input.subject),
    newResources: days && newOf(({ input }) => input.resource),
    newNetworks: days && newOf(({ input }) => (input.client_ip === undefined ? undefined : networkOf(input.client_ip))),
    requests: asked.length,
    refused: asked.filter(({ auth_failure }) => auth_failure).length,
    tables: ranked(datasets, ({ name }) => name, [all, ({ request }) => request.auth_failure]).map(
      ({ key, counts }) => [key, ...counts.map(String)],
    ),
    users: ranked(asked, ({ user }) => user, [all, ({ auth_failure }) => auth_failure]).map(({ key, counts }) => [
      key,
      ...counts.map(String),
    ]),
    changes: asked.filter(({ statement_type }) => statement_type !== 'PLAN').map(({ statement }) => statement),
  };
}

function networkOf(address: string | undefined): string {
  if (address === undefined) return '(no address)';
  if (address.includes('.')) return address.replace(/\.\d+$/, '.0/24');
  return address.startsWith('2001:db8:0:0:') ? '2001:db8::/64' : '2001:db8:0:1::/64';
}
