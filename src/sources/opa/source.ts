/**
 * Decision logs of Open Policy Agent and Enterprise OPA: S3 sink, HTTP upload, console, and whatever a log shipper has put
 * around the lines of the latter (records/envelope/).
 */
import opaSchema from '../../../schemas/opa.schema.json' with { type: 'json' };
import { ipKey } from '../../records/address.ts';
import { RowWriters } from '../../records/scan/row-writer.ts';
import type { Mapping } from '../../tables/mapping.ts';
import type { AnnotatedSchema } from '../../tables/schema.ts';
import { compileInterpreter, openReader, type PromotedColumns, type SourceLimits, writerSpec } from '../interpreter.ts';
import type { Source } from '../source.ts';
import { opaComputed } from './columns.ts';
import { describeOpaObject } from './key.ts';
import { decisionMarks } from './marks.ts';
import { defaultShape, mappingOf } from './shapes.ts';

export function opaSource(promoted: PromotedColumns, limits: SourceLimits, mapping: Mapping = articleMapping): Source {
  const spec = {
    schema: opaSchema as unknown as AnnotatedSchema,
    promoted,
    mapping,
    timeField: 'timestamp',
    zone: 'required',
    identityField: 'decision_id',
  } as const;
  const interpreter = compileInterpreter({
    ...spec,
    derive(row) {
      const clientIp = row.get('client_ip');
      if (typeof clientIp === 'string') row.set('client_ip_key', ipKey(clientIp));
    },
  });
  return {
    type: 'opa',
    table: interpreter.table,
    describeObject: describeOpaObject,
    openObject: (uri, facts) => openReader(interpreter, decisionMarks, limits, uri, facts),
    writers: new RowWriters(writerSpec({ ...spec, computed: opaComputed }, interpreter.table, limits)),
  };
}

const articleMapping = mappingOf([defaultShape]);
