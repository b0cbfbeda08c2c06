/**
 * Speed of the Parquet encoders on one generated batch that looks like decision logs: rows and MB (of values in
 * memory) a second, CPU time, and size.
 *
 *   npx node scripts/bench/encoder.ts [rows=262144] [encoder=columnar|parquetjs] [runs=5] [--columns]
 *   npx node --cpu-prof --cpu-prof-dir=/tmp/prof scripts/bench/encoder.ts     (open the profile in Chrome's DevTools)
 */
import type { ColumnBatch, ColumnData, ScalarData } from '../../src/columns/batch.ts';
import type { ColumnType, Value } from '../../src/columns/types.ts';
import { KernelTable } from '../../src/kernel/table.ts';
import type { FileColumn, ParquetEncoder } from '../../src/parquet/encoder.ts';
import { ParquetJsEncoder } from '../../src/parquet/rowwise/encoder.ts';
import { ColumnarEncoder } from '../../src/parquet/write/encoder.ts';

const [rows = 262_144, which = 'columnar', runs = 5] = [
  Number(process.argv[2] ?? 262_144),
  process.argv[3],
  Number(process.argv[4] ?? 5),
];
const rowGroupRows = 131_072;

let state = 42;
const random = (below: number): number => {
  state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
  return Math.floor((state / 4_294_967_296) * below);
};
const hex = (digits: number): string => Array.from({ length: digits }, () => random(16).toString(16)).join('');
const pick = (prefix: string, count: number): string => `${prefix}${Math.min(random(count), random(count))}`;

const text = { map: { key: 'string', value: 'string' } } as const;
const types: Record<string, ColumnType> = {
  event_time: 'timestamp', ymd: 'string', subject: 'string', action: 'string', resource: 'string', allowed: 'boolean',
  path: 'string', client_ip: 'string', client_ip_key: 'string', country: 'string', region: 'string', message: 'string',
  decision_id: 'string', batch_decision_id: 'string', trace_id: 'string', span_id: 'string', query: 'string',
  revision: 'string', requested_by: 'string', req_id: 'string', roles: { list: 'string' }, labels: text,
  metrics: { map: { key: 'string', value: 'long' } }, instance_id: 'string', opa_version: 'string',
  server_handler_ns: 'long', erased: { list: 'string' }, masked: { list: 'string' }, eopa: 'string', first_ts: 'string',
  last_ts: 'string', source_uri: 'string', source_offset: 'long', mapped_result: 'string', error: 'string',
  bundles: 'string', nd_builtin_cache: 'string', intermediate_results: 'string', custom: 'string',
  request_context: 'string', rule_labels: 'string', extra: 'string', timestamp: 'string', input: 'string',
  result: 'string',
}; // biome-ignore format: a list

const start = 1_700_000_000_000_000n;
const metricNames = ['counter_server_query_cache_hit', 'timer_rego_external_resolve_ns', 'timer_rego_input_parse_ns',
  'timer_rego_query_eval_ns', 'timer_server_handler_ns']; // biome-ignore format: a list

function record(row: number): { readonly [column: string]: Value } {
  const micros = start + BigInt(row * 311 + random(300));
  const day = new Date(Number(micros / 1000n)).toISOString();
  const ip = `10.${random(4)}.${random(256)}.${random(256)}`;
  const [subject, action, resource] = [pick('user-', 2000), pick('act', 6), pick('/records/patients/', 20_000)];
  const handler = 40_000n + BigInt(random(400_000));
  const object = Math.floor(row / 4000);
  return {
    event_time: micros, ymd: day.slice(0, 10), subject, action, resource, allowed: random(10) > 0, path: pick('authz/allow', 4),
    client_ip: ip, client_ip_key: `00000000000000000000ffff0a${hex(6)}`, country: pick('C', 30), region: pick('R', 200),
    decision_id: `${hex(8)}-${hex(4)}-4${hex(3)}-a${hex(3)}-${hex(12)}`, requested_by: `${ip}:${random(60_000)}`,
    req_id: String(row), roles: [pick('role-', 12), pick('role-', 12)].slice(random(3)),
    labels: Object.entries({ app: 'eopa', id: pick('3f2c', 8), version: '1.44.0' }),
    metrics: metricNames.map((name) => [name, name.startsWith('counter') ? 0n : handler / BigInt(1 + random(9))] as const),
    instance_id: pick('3f2c', 8), opa_version: '1.44.0', server_handler_ns: handler, eopa: pick('eopa-', 8),
    first_ts: String(object), last_ts: String(object + 1), source_uri: `s3://acme-eopa/prefix/${object}.jsonl`,
    source_offset: BigInt((row % 4000) * 690), timestamp: `${day.slice(0, 19)}.${String(micros % 1_000_000n).padStart(6, '0')}${random(1000)}Z`,
    input: JSON.stringify({ subject, action, resource, client_ip: ip, country: 'NL', context: { mfa: random(2) > 0,
      device: hex(12), session: hex(16), purpose: pick('treatment-', 40), path: ['v1', 'records', pick('p', 500)] } }),
    result: JSON.stringify({ allowed: true, message: '', roles: [pick('role-', 12)], score: random(1000) }),
  }; // biome-ignore format: a list
}

function batchOf(): { batch: ColumnBatch; columns: FileColumn[] } {
  let id = 0;
  const names = Object.keys(types);
  const table = new KernelTable(Object.entries(types).map(([name, type]) => ({ name, type, description: '' })));
  for (let row = 0; row < rows; row++) {
    const values = record(row);
    table.append(names.map((name) => values[name] ?? null));
  }
  const batch = table.batch();
  return {
    batch,
    columns: batch.columns.map(({ name, type }) => ({
      name,
      type,
      required: false,
      id: ++id,
      elementId: ++id,
      keyId: ++id,
    })),
  };
}

function scalarBytes(data: ScalarData): number {
  if (data.kind === 'fixed') return (data.length - data.nullCount) * (data.values?.BYTES_PER_ELEMENT ?? 0);
  let sum = 0;
  for (let slot = 0; slot < data.length; slot++) {
    if (data.nullCount === data.length || data.valid?.[slot] === 0) continue;
    const entry = data.codes === null ? slot : data.codes[slot]!;
    sum += data.offsets[entry + 1]! - data.offsets[entry]!;
  }
  return sum;
}

function valueBytes(data: ColumnData): number {
  if (data.kind === 'list') return scalarBytes(data.elements);
  return data.kind === 'map' ? scalarBytes(data.keys) + scalarBytes(data.values) : scalarBytes(data);
}

const { batch, columns } = batchOf();
const megabytes = batch.columns.reduce((sum, column) => sum + valueBytes(column.data), 0) / 1e6;
const encoder: ParquetEncoder = which === 'parquetjs' ? new ParquetJsEncoder() : new ColumnarEncoder();
console.log(`${rows} rows, ${columns.length} columns, ${megabytes.toFixed(0)} MB of values`);
for (let run = 0; run < runs; run++) {
  const cpu = process.cpuUsage();
  const main = process.threadCpuUsage();
  const began = performance.now();
  const file = await encoder.encode({
    columns,
    batch,
    rowGroupRows,
    sortedBy: ['event_time'],
    bloomColumns: ['decision_id', 'subject'],
    compressionLevel: 1,
  });
  const seconds = (performance.now() - began) / 1000;
  const { user, system } = process.cpuUsage(cpu);
  const own = process.threadCpuUsage(main);
  console.log(
    `${encoder.name}: ${(rows / seconds / 1e6).toFixed(2)} million rows/s, ${(megabytes / seconds).toFixed(0)} MB/s, ` +
      `wall ${((seconds * 1e6) / rows).toFixed(2)} and CPU ${((user + system) / rows).toFixed(2)} microseconds a row ` +
      `(main thread ${((own.user + own.system) / rows).toFixed(2)}), ` +
      `${(file.size / 1e6).toFixed(1)} MB (${(file.size / rows).toFixed(0)} bytes a row)`,
  );
  if (run === 0 && process.argv.includes('--columns')) {
    for (const column of columns) {
      const sizes = [column.id, column.elementId, column.keyId].map((id) => file.columns.get(id!)?.compressedSize ?? 0);
      console.log(`  ${column.name.padEnd(24)} ${((sizes[0]! + sizes[1]! + sizes[2]!) / rows).toFixed(2)} bytes a row`);
    }
  }
}
