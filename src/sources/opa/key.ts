/**
 * Object keys of Enterprise OPA's S3 sink (pkg/plugins/decision_logs/config.go), below any prefix:
 *   eopa=<id>/first_ts=<s>/last_ts=<s>/batch_id=<uuid>.json[l][.gz]   batches
 *   eopa=<id>/ts=<s>/decision_id=<id>.json                            single decisions
 *   YYYY/MM/DD/HH/<decision_id>.json                                  before July 2023
 * Others write by hour too, and mean something else: Firehose's is the hour at which the oldest record arrived, in any
 * time zone. Only a UUID for a name says that the hour is that of the decision.
 * Any of the values may be `null`, where the first or last record of a batch was blank. first_ts and last_ts follow the
 * order of arrival, so first_ts can lie behind last_ts, and records a little outside of both.
 */

import type { ObjectFacts } from '../../records/object-facts.ts';
import { isSecondInRange, utcMillis } from '../../records/time.ts';
import { hiveValue, isLogName, type KeyStreams, segmentsOf, unixSeconds } from '../keys.ts';

const HOUR_MILLIS = 3_600_000;

export function describeOpaObject(uri: string): ObjectFacts {
  const segments = segmentsOf(uri);
  const eopa = hiveValue(segments, 'eopa');
  const single = unixSeconds(hiveValue(segments, 'ts'));
  const first = unixSeconds(hiveValue(segments, 'first_ts')) ?? single;
  const last = unixSeconds(hiveValue(segments, 'last_ts')) ?? single;
  const range = secondsRange(first, last) ?? hourRange(segments);
  return {
    relevant: isLogName(segments),
    ...(range ? { range } : {}),
    columns: {
      eopa: eopa === undefined || eopa === 'null' ? null : eopa.toWellFormed(),
      first_ts: first,
      last_ts: last,
    },
  };
}

/** Both ends have to be there: with `last_ts=null` nobody knows how far the object reaches. */
function secondsRange(first: bigint | null, last: bigint | null): readonly [number, number] | null {
  if (first === null || last === null) return null;
  const [from, to] = first <= last ? [Number(first), Number(last)] : [Number(last), Number(first)];
  return isSecondInRange(from) && isSecondInRange(to) ? [from * 1000, to * 1000 + 999] : null;
}

const decisionName = /^[\da-f]{8}(?:-[\da-f]{4}){3}-[\da-f]{12}\.json$/i;

function hourRange(segments: readonly string[]): readonly [number, number] | null {
  if (!decisionName.test(segments.at(-1) ?? '')) return null;
  const path = segments.slice(-5, -1).join('/');
  const match = /^(\d{4})\/(\d{2})\/(\d{2})\/(\d{2})$/.exec(path);
  if (!match) return null;
  const start = utcMillis(Number(match[1]), Number(match[2]), Number(match[3]), Number(match[4]));
  return start === null ? null : [start, start + HOUR_MILLIS - 1];
}

/** Objects of one instance sort by the time of their first decision. */
export const opaStreams: KeyStreams = {
  placeOf(uri) {
    const found = /^(.*\/eopa=[^/]*\/(?:first_ts|ts)=)(\d{10})\//s.exec(uri);
    return found === null ? undefined : { stream: found[1]!, position: Number(found[2]) * 1000 };
  },
  firstAt: (stream, position) => stream + String(Math.floor(position / 1000)).padStart(10, '0'),
};
