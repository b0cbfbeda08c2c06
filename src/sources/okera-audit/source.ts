/**
 * Audit logs of Okera ODAS: JSON objects, as lines or pretty-printed one behind the other, and operational logs with
 * audit records embedded (`… impala-server.cc:679] Audit.log: {…}`), whose other lines are skipped.
 */
import okeraSchema from '../../../schemas/okera-audit.schema.json' with { type: 'json' };
import type { AnnotatedSchema } from '../../tables/schema.ts';
import type { EventSource } from '../event-source.ts';
import { describeOkeraObject, okeraStreams } from './key.ts';
import { auditMarks } from './marks.ts';

export const okeraAudit: EventSource = {
  schema: okeraSchema as unknown as AnnotatedSchema,
  timeField: 'request_time',
  zone: 'utc',
  marks: auditMarks,
  describeObject: describeOkeraObject,
  streams: okeraStreams,
  // Files of a day also grow.
  lookBack: 'okeraLookBackSeconds',
};
