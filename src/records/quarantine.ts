/**
 * The row of the quarantine table for a record that was rejected.
 */
import { isUtf8 } from 'node:buffer';
import { hash } from 'node:crypto';
import type { Value } from '../columns/types.ts';
import { quarantine } from '../tables/quarantine.ts';
import type { Frame } from './frame/frame.ts';
import type { ObjectFacts } from './object-facts.ts';
import type { Rejection } from './outcome.ts';
import { dayOfMicros, dayOfMillis } from './time.ts';

/** Bytes of a record that are kept in its quarantine row; the object still has the rest, at source_uri and source_offset. */
export const PAYLOAD_BYTES = 64 << 10;

export interface QuarantineContext {
  /** As the configuration has it. */
  readonly sourceType: string;
  readonly uri: string;
  readonly facts: ObjectFacts;
  /** Of the object, in milliseconds since the epoch. */
  readonly lastModified: number;
}

/** Values in the order of the quarantine table. */
export function quarantineRow(context: QuarantineContext, frame: Frame, rejection: Rejection): Value[] {
  const row: Record<string, Value> = {
    ymd: quarantineDay(context, rejection),
    reason: rejection.code,
    pointer: rejection.pointer.toWellFormed(),
    detail: rejection.detail.toWellFormed(),
    source_type: context.sourceType,
    source_uri: context.uri,
    ...valuesOf(frame),
  };
  return quarantine.columns.map(({ name }) => row[name] as Value);
}

/** What a row of quarantine has of the record itself, by column. */
function valuesOf(frame: Frame) {
  const bytes = frame.tooLarge?.length ?? frame.bytes.length;
  const { payload, encoding, kept } = payloadOf(frame.bytes);
  return {
    source_offset: BigInt(frame.offset),
    payload_encoding: encoding,
    payload_bytes: BigInt(bytes),
    payload_truncated: kept < bytes,
    payload,
  };
}

const keyColumns = ['source_offset', 'payload_bytes', 'payload_encoding', 'payload'] as const;
const keyAt = keyColumns.map((column) => quarantine.columns.findIndex(({ name }) => name === column));

/** The same for rows of quarantine, of one object, that hold the same bytes in the same place, whatever was wrong with them. */
export const frameKey = (values: readonly Value[]): string => keyOf(keyAt.map((at) => values[at]));

/** `frameKey` of the row of quarantine that a frame would be. */
export function keyOfFrame(frame: Frame): string {
  const values = valuesOf(frame);
  return keyOf(keyColumns.map((column) => values[column]));
}

function keyOf([offset, bytes, encoding, payload]: readonly (Value | undefined)[]): string {
  const text = (value: Value | undefined): Uint8Array =>
    value instanceof Uint8Array ? value : Buffer.from(String(value));
  return `${offset} ${bytes} ${Buffer.from(text(encoding)).toString()} ${hash('sha256', text(payload), 'base64')}`;
}

/** The day of the record where its time can be read, else the one that the key promises, else that of the object. */
export function quarantineDay(context: QuarantineContext, rejection: Rejection): string {
  if (rejection.eventTime !== undefined) return dayOfMicros(rejection.eventTime);
  return dayOfMillis(context.facts.range?.[0] ?? context.lastModified);
}

function payloadOf(bytes: Uint8Array): { payload: string | Uint8Array; encoding: string; kept: number } {
  if (bytes.length <= PAYLOAD_BYTES) {
    if (isUtf8(bytes)) return { payload: bytes, encoding: 'utf-8', kept: bytes.length };
    return { payload: Buffer.from(bytes).toString('base64'), encoding: 'base64', kept: bytes.length };
  }
  // The cut may fall into a character of up to four bytes: then it moves in front of it.
  for (let end = PAYLOAD_BYTES; end > PAYLOAD_BYTES - 4; end--) {
    const head = bytes.subarray(0, end);
    if (isUtf8(head)) return { payload: head, encoding: 'utf-8', kept: end };
  }
  const head = Buffer.from(bytes.subarray(0, PAYLOAD_BYTES));
  return { payload: head.toString('base64'), encoding: 'base64', kept: PAYLOAD_BYTES };
}
