/**
 * Object keys of Okera's audit logs, below any prefix:
 *   [tenant=<t>/]ymd=YYYY-MM-DD/<service>-<ip>-<sequence>-<uuid>_audit.log
 */

import type { ObjectFacts } from '../../records/object-facts.ts';
import { utcMillis } from '../../records/time.ts';
import { hiveValue, isLogName, type KeyStreams, segmentsOf } from '../keys.ts';

const DAY_MILLIS = 86_400_000;
const fileName = /^(.+?)-[0-9a-f:.]+-\d+-[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}_audit\.log/i;

export function describeOkeraObject(uri: string): ObjectFacts {
  const segments = segmentsOf(uri);
  const tenant = hiveValue(segments, 'tenant');
  const service = fileName.exec(segments.at(-1) ?? '')?.[1];
  const range = dayRange(hiveValue(segments, 'ymd'));
  return {
    relevant: isLogName(segments),
    ...(range ? { range } : {}),
    columns: { tenant: tenant?.toWellFormed() || null, service: service?.toWellFormed() ?? null },
  };
}

function dayRange(ymd: string | undefined): readonly [number, number] | null {
  const match = /^(\d{4})-(\d{2})-(\d{2})$/.exec(ymd ?? '');
  if (!match) return null;
  const start = utcMillis(Number(match[1]), Number(match[2]), Number(match[3]));
  return start === null ? null : [start, start + DAY_MILLIS - 1];
}

/** Objects sort by day. */
export const okeraStreams: KeyStreams = {
  placeOf(uri) {
    const found = /^(.*\/ymd=)(\d{4}-\d{2}-\d{2})\//s.exec(uri);
    const position = found === null ? Number.NaN : Date.parse(found[2]!);
    return Number.isNaN(position) ? undefined : { stream: found![1]!, position };
  },
  firstAt: (stream, position) => stream + new Date(position).toISOString().slice(0, 10),
};
