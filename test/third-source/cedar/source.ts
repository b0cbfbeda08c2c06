/** Authorisation decisions of a service that uses Cedar: JSON lines. */
import schema from '../../../schemas/cedar.schema.json' with { type: 'json' };
import type { AnnotatedSchema } from '../../tables/schema.ts';
import type { EventSource } from '../event-source.ts';
import { isLogName, segmentsOf } from '../keys.ts';

export const cedar: EventSource = {
  schema: schema as unknown as AnnotatedSchema,
  timeField: 'at',
  zone: 'required',
  marks: {
    isRecord: (value) => Object.hasOwn(value, 'principal') && Object.hasOwn(value, 'decision'),
    isOtherLine: () => false,
    idOf: ({ id }) => (typeof id === 'string' ? id : undefined),
    valued: [],
    hints: ['principal'],
    tellingKey: 'principal',
  },
  describeObject: (uri) => ({ relevant: isLogName(segmentsOf(uri)), columns: {} }),
  lookBack: 'lookBackSeconds',
};
