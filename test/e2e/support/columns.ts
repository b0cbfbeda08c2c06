/**
 * The columns of the tables as the documentation promises them, in Trino's type names: the public interface, written
 * down a second time so that a change of it does not go unnoticed. And the one form in which values of all readers are
 * compared.
 */

type Names = string;
const columns = (types: Readonly<Record<string, Names>>): Readonly<Record<string, string>> =>
  Object.fromEntries(
    Object.entries(types).flatMap(([type, names]) =>
      names
        .trim()
        .split(/\s+/)
        .map((name) => [name, type]),
    ),
  );

const text = 'varchar';
const time = 'timestamp(6)';
const list = 'array(varchar)';
const texts = 'map(varchar, varchar)';
const longs = 'map(varchar, bigint)';

export const tables = {
  opa_decisions: columns({
    [text]: `ymd timestamp decision_id batch_decision_id trace_id span_id path query revision requested_by subject action
      resource client_ip client_ip_key country region message input result mapped_result error bundles nd_builtin_cache
      intermediate_results custom request_context rule_labels instance_id opa_version eopa source_uri extra`,
    [time]: 'event_time',
    boolean: 'allowed',
    bigint: 'req_id server_handler_ns first_ts last_ts source_offset',
    [list]: 'roles erased masked',
    [texts]: 'labels',
    [longs]: 'metrics',
  }),
  okera_audit_logs: columns({
    [text]: `ymd request_time request_id session_id status user connected_user client_network_address client_application
      statement_type default_db statement ae_attribute ae_database ae_function ae_path ae_role ae_table ae_view
      request_id_prefix request_id_postfix client_ip client_ip_key tenant service source_uri extra`,
    [time]: 'event_time start_time end_time',
    boolean: 'auth_failure for_reporting',
    integer: 'client_port',
    bigint: `start_unix_time end_unix_time num_results_returned num_results_read bytes_scanned server_total_time_ms
      queue_time_ms planning_time_ms execution_time_ms source_offset`,
  }),
  quarantine: columns({
    [text]: 'ymd reason pointer detail source_type source_uri payload_encoding payload',
    boolean: 'payload_truncated',
    bigint: 'source_offset payload_bytes',
  }),
  ingested_objects: columns({
    [text]: 'ymd uri etag source source_type batch state owner again mapping',
    [time]: 'last_modified claimed_at claimed_until committed_at first_committed_at min_event_time max_event_time',
    bigint: 'size records rows quarantined skipped request_lines response_lines duplicates bytes_decompressed',
  }),
} as const;

export type TableName = keyof typeof tables;

/**
 * A value as it is compared: bigint and timestamp as text (`2023-07-11 17:01:42.252749`), maps as pairs in order of
 * their keys, everything else as JSON has it.
 */
export type Comparable = null | boolean | number | string | readonly Comparable[];
export type Row = Readonly<Record<string, Comparable>>;

const byKey = ([a]: readonly Comparable[], [b]: readonly Comparable[]): number => (String(a) < String(b) ? -1 : 1);

/** From the JSON forms that readers give: integers as numbers or text, times with T or space, maps as objects or pairs. */
export function comparable(type: string, value: unknown): Comparable {
  if (value === null || value === undefined) return null;
  if (type === 'bigint') return String(value);
  if (type === 'array(bigint)') return (value as unknown[]).map(String);
  if (type === 'integer') return Number(value);
  if (type === time) return String(value).replace('T', ' ').replace('Z', '');
  if (!type.startsWith('map(')) return value as Comparable;
  const pairs = Array.isArray(value) ? (value as [string, unknown][]) : Object.entries(value as object);
  const inner = type === longs ? 'bigint' : text;
  return pairs.map(([key, entry]): Comparable[] => [key, comparable(inner, entry)]).sort(byKey);
}

/** A row with every column of `types`, null where `values` lacks one. */
export const rowOf = (types: Readonly<Record<string, string>>, values: Readonly<Record<string, unknown>>): Row =>
  Object.fromEntries(Object.entries(types).map(([name, type]) => [name, comparable(type, values[name])]));

/** What Trino is asked for, so that its JSON loses nothing. */
export function trinoSelect(types: Readonly<Record<string, string>>): string {
  return Object.entries(types)
    .map(([name, type]) => {
      if (type === 'bigint' || type === time) return `CAST("${name}" AS varchar)`;
      return type === longs ? `transform_values("${name}", (k, v) -> CAST(v AS varchar))` : `"${name}"`;
    })
    .join(', ');
}
