/**
 * What the tables have to hold, computed straight from the JSON of the logs by JSON.parse and the documentation, with
 * nothing of the product: for logs as Enterprise OPA, OPA's console and Okera write them (no wrappers, no duplicate
 * keys, IPv4, UTC). The rows that fixture folders expect are the truth for everything else.
 */
import { type Row, rowOf, tables } from './columns.ts';

export interface RawRecord {
  readonly text: string;
  /** In bytes of the decompressed object. */
  readonly offset: number;
}

/** Records of an object: lines, the elements of one array on one line, or one object. */
export function rawRecords(body: string): RawRecord[] {
  if (!body.startsWith('[{')) {
    let offset = 0;
    return body.split('\n').flatMap((text) => {
      const record = { text, offset };
      offset += Buffer.byteLength(text) + 1;
      return text === '' ? [] : [record];
    });
  }
  return spans(body).map(([start, end]) => ({
    text: body.slice(start, end),
    offset: Buffer.byteLength(body.slice(0, start)),
  }));
}

/** The outermost elements between the first bracket and the last, as [start, end) in the text. */
function spans(text: string): [number, number][] {
  const found: [number, number][] = [];
  let [depth, start, quoted] = [0, -1, false];
  for (let i = 0; i < text.length; i++) {
    const c = text[i]!;
    if (quoted) {
      if (c === '\\') i++;
      else if (c === '"') quoted = false;
      continue;
    }
    if (c === '"') quoted = true;
    else if (c === '}' || c === ']') depth--;
    if (depth === 0 || (depth === 1 && c === ',')) {
      if (start >= 0 && start < i) found.push([start, i]);
      start = -1;
    } else if (depth === 1 && start < 0) start = i;
    if (c === '{' || c === '[') {
      depth++;
      if (depth === 1) start = i + 1;
    }
  }
  return found;
}

/** Key and exact text of each member of an object. */
export const rawMembers = (text: string): [key: string, value: string][] =>
  spans(text).map(([start, end]) => {
    const member = text.slice(start, end);
    const key = /^"(?:[^"\\]|\\.)*"/.exec(member)![0];
    return [JSON.parse(key), member.slice(key.length + 1)];
  });

export interface Where {
  readonly uri: string;
  readonly columns: Readonly<Record<string, unknown>>;
}

const plainFields = [
  'decision_id', 'timestamp', 'batch_decision_id', 'trace_id', 'span_id', 'path', 'query', 'revision', 'requested_by', 'req_id', 'labels', 'metrics',
]; // biome-ignore format: a list
const textFields = [
  'input', 'result', 'mapped_result', 'error', 'bundles', 'nd_builtin_cache', 'intermediate_results', 'custom', 'request_context', 'rule_labels',
]; // biome-ignore format: a list
const inputFields = ['subject', 'action', 'resource', 'client_ip', 'country', 'region'];
const known = new Set([...plainFields, ...textFields, 'erased', 'masked']);

const asText = (value: unknown): string | null => (typeof value === 'string' ? value : null);

export function decisionRow({ text, offset }: RawRecord, { uri, columns }: Where): Row {
  const record = JSON.parse(text);
  const members = rawMembers(text);
  const raw = new Map(members);
  const unknown = members.filter(([key]) => !known.has(key));
  const fields = Object.fromEntries(inputFields.map((name) => [name, asText(record.input?.[name])]));
  const { result = null } = record;
  return rowOf(tables.opa_decisions, {
    ...Object.fromEntries(plainFields.map((name) => [name, record[name]])),
    ...Object.fromEntries(textFields.map((name) => [name, raw.get(name)])),
    ...fields,
    ...momentOf(record.timestamp),
    client_ip_key: keyOf(fields.client_ip ?? null),
    allowed: typeof result === 'boolean' ? result : (result?.allowed ?? result?.allow),
    message: asText(result?.message),
    roles: result?.roles,
    instance_id: record.labels?.id,
    opa_version: record.labels?.version,
    server_handler_ns: record.metrics?.timer_server_handler_ns,
    erased: record.erased?.flat(),
    masked: record.masked?.flat(),
    extra:
      unknown.length === 0 ? null : `{${unknown.map(([key, value]) => `${JSON.stringify(key)}:${value}`).join(',')}}`,
    source_uri: uri,
    source_offset: offset,
    ...columns,
  });
}

export function auditRow({ text, offset }: RawRecord, { uri, columns }: Where): Row {
  const record = JSON.parse(text);
  const [prefix, postfix] = record.request_id.split(':');
  const [ip, port] = record.client_network_address.split(':');
  const millis = (value: number): string => new Date(value).toISOString().replace('Z', '000');
  return rowOf(tables.okera_audit_logs, {
    ...record,
    ...momentOf(record.request_time),
    request_id_prefix: prefix.padStart(16, '0'),
    request_id_postfix: postfix.padStart(16, '0'),
    start_time: millis(record.start_unix_time),
    end_time: millis(record.end_unix_time),
    client_ip: ip,
    client_port: Number(port),
    client_ip_key: keyOf(ip),
    source_uri: uri,
    source_offset: offset,
    ...columns,
  });
}

/** Of a time in UTC; digits past the microsecond are cut. */
function momentOf(timestamp: string): { ymd: string; event_time: string } {
  const [, day, clock, fraction = ''] = /^(\S{10})[T ](\d\d:\d\d:\d\d)(?:\.(\d+))?Z?$/.exec(timestamp)!;
  return { ymd: day!, event_time: `${day} ${clock}.${fraction.slice(0, 6).padEnd(6, '0')}` };
}

function keyOf(ip: string | null): string | null {
  if (!ip) return null;
  const hex = ip.split('.').map((part) => Number(part).toString(16).padStart(2, '0'));
  return `00000000000000000000ffff${hex.join('')}`;
}
