/**
 * Audit logs of Okera ODAS: JSON objects, as lines or pretty-printed one behind the other, and operational logs with
 * audit records embedded (`… impala-server.cc:679] Audit.log: {…}`), whose other lines are skipped.
 */
import okeraSchema from '../../../schemas/okera-audit.schema.json' with { type: 'json' };
import type { Value } from '../../columns/types.ts';
import { ipKey, splitAddress } from '../../records/address.ts';
import { RowWriters } from '../../records/scan/row-writer.ts';
import { millisToMicros } from '../../records/time.ts';
import type { AnnotatedSchema } from '../../tables/schema.ts';
import {
  compileInterpreter,
  openReader,
  type PromotedColumns,
  type Row,
  type SourceLimits,
  writerSpec,
} from '../interpreter.ts';
import type { Source } from '../source.ts';
import { okeraComputed } from './columns.ts';
import { describeOkeraObject } from './key.ts';
import { auditMarks } from './marks.ts';

export function okeraAuditSource(promoted: PromotedColumns, limits: SourceLimits): Source {
  const spec = {
    schema: okeraSchema as unknown as AnnotatedSchema,
    promoted,
    timeField: 'request_time',
    zone: 'utc',
  } as const;
  const interpreter = compileInterpreter({ ...spec, derive });
  return {
    type: 'okera-audit',
    table: interpreter.table,
    describeObject: describeOkeraObject,
    openObject: (uri, facts) => openReader(interpreter, auditMarks, limits, uri, facts),
    writers: new RowWriters(writerSpec({ ...spec, computed: okeraComputed }, interpreter.table, limits)),
  };
}

const requestId = /^([0-9a-f]{1,16}):([0-9a-f]{1,16})$/i;

function derive(row: Row): void {
  const id = requestId.exec(row.get('request_id') as string);
  if (id) {
    row.set('request_id_prefix', padded(id[1] as string));
    row.set('request_id_postfix', padded(id[2] as string));
  }
  row.set('start_time', timeOf(row.get('start_unix_time')));
  row.set('end_time', timeOf(row.get('end_unix_time')));
  const address = row.get('client_network_address');
  if (typeof address !== 'string') return;
  const { ip, port } = splitAddress(address);
  row.set('client_ip', ip);
  row.set('client_port', port);
  if (ip !== null) row.set('client_ip_key', ipKey(ip));
}

const padded = (hex: string): string => hex.toLowerCase().padStart(16, '0');
const timeOf = (millis: Value): bigint | null => (typeof millis === 'bigint' ? millisToMicros(millis) : null);
