/**
 * Decision logs of Open Policy Agent and Enterprise OPA: S3 sink, HTTP upload, console, and whatever a log shipper has put
 * around the lines of the latter (records/envelope/).
 */
import opaSchema from '../../../schemas/opa.schema.json' with { type: 'json' };
import type { AnnotatedSchema } from '../../tables/schema.ts';
import type { EventSource } from '../event-source.ts';
import { describeOpaObject, opaStreams } from './key.ts';
import { decisionMarks } from './marks.ts';
import { defaultShape, mappingOf } from './shapes.ts';

export const opa: EventSource = {
  schema: opaSchema as unknown as AnnotatedSchema,
  timeField: 'timestamp',
  zone: 'required',
  identityField: 'decision_id',
  mapping: mappingOf([defaultShape]),
  marks: decisionMarks,
  describeObject: describeOpaObject,
  streams: opaStreams,
  lookBack: 'lookBackSeconds',
};
