/**
 * Audit logs of Okera ODAS: JSON objects, as lines or pretty-printed one behind the other, and operational logs with
 * audit records embedded (`… impala-server.cc:679] Audit.log: {…}`), whose other lines are skipped.
 */
import okeraSchema from '../../../schemas/okera-audit.schema.json' with { type: 'json' };
import type { Value } from '../../columns/types.ts';
import { ipKey, splitAddress } from '../../records/address.ts';
import type { Frame } from '../../records/frame/frame.ts';
import type { Outcome } from '../../records/outcome.ts';
import { isRejection, parseRecord } from '../../records/parse.ts';
import { RowWriters } from '../../records/scan/row-writer.ts';
import { millisToMicros } from '../../records/time.ts';
import type { AnnotatedSchema } from '../../tables/schema.ts';
import {
  compileInterpreter,
  type OpenObject,
  type PromotedColumns,
  type Row,
  type SourceLimits,
  tooLarge,
  writerSpec,
} from '../interpreter.ts';
import type { Source } from '../source.ts';
import { okeraComputed } from './columns.ts';
import { describeOkeraObject } from './key.ts';

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
    openObject(uri, facts) {
      const object: OpenObject = { uri, facts, mismatches: new Map() };
      return {
        typeMismatches: object.mismatches,
        interpret(frame: Frame): Outcome {
          const cut = tooLarge(frame, limits);
          if (cut) return cut;
          const line = Buffer.from(frame.bytes.buffer, frame.bytes.byteOffset, frame.bytes.byteLength);
          const found = auditRecord(line);
          if (!found) return { kind: 'skip', reason: 'foreign-line' };
          const record = parseRecord(found, limits);
          return isRejection(record) ? record : interpreter.interpret(record, frame, object);
        },
      };
    },
    writers: new RowWriters(writerSpec({ ...spec, computed: okeraComputed }, interpreter.table, limits)),
  };
}

const OPEN_BRACE = 0x7b;
const AUDIT_PREFIX = Buffer.from('Audit.log: {');
/** The head of a line of Google's logging library, with the name of the stream in front where a supervisor wrote it. */
const glogLine = /^\s*(?:(?:proc )?std(?:err|out): )?[IWEF]\d{4} \d{2}:\d{2}:\d{2}/;
const GLOG_HEAD_BYTES = 64;

/** The JSON of a line; null where it is an operational line without any; the line itself where it is neither. */
function auditRecord(line: Buffer): Buffer | null {
  if (line[0] === OPEN_BRACE) return line;
  if (!glogLine.test(line.toString('latin1', 0, GLOG_HEAD_BYTES))) return line;
  const at = line.indexOf(AUDIT_PREFIX);
  return at < 0 ? null : line.subarray(at + AUDIT_PREFIX.length - 1);
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
