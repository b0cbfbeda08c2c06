/**
 * Bytes of one record to a parsed JSON object, or the reason why not. Checks in this order: UTF-8, nesting depth
 * (before JSON.parse, by a scan that does not recurse), JSON grammar, being an object, being empty.
 */
import { isUtf8 } from 'node:buffer';
import { grammarErrorText } from './grammar.ts';
import type { Limits } from './limits.ts';
import { keyText, type Members, scanMembers } from './members.ts';
import type { Rejection } from './outcome.ts';

/** A record parsed, with its bytes: the values for typed columns, the bytes for columns of exact text. */
export interface JsonRecord {
  readonly bytes: Buffer;
  readonly value: Readonly<Record<string, unknown>>;
  readonly members: Members;
}

/** What bounds parsing: deeper values are never given to JSON.parse. */
export type ParseLimits = Pick<Limits, 'nestingDepth'>;

const DETAIL_VALUE_CHARS = 200;
/**
 * Up to this size the grammar is asked first: an error of JSON.parse costs as much as parsing some hundred bytes, which
 * an object that is millions of broken records of two bytes would turn into minutes.
 */
const SHORT_BYTES = 256;

export function parseRecord(bytes: Buffer, limits: ParseLimits): JsonRecord | Rejection {
  if (!isUtf8(bytes)) {
    const at = invalidUtf8Offset(bytes);
    return reject('invalid_utf8', '', `byte ${at} (0x${(bytes[at] ?? 0).toString(16).padStart(2, '0')}) is not UTF-8`);
  }
  const members = scanMembers(bytes);
  if (members.depth > limits.nestingDepth) {
    return reject(
      'nesting_too_deep',
      '',
      `nested ${members.depth} deep, limits.nesting_depth is ${limits.nestingDepth}`,
    );
  }
  const wrong = bytes.length <= SHORT_BYTES ? grammarErrorText(bytes) : null;
  if (wrong !== null) return reject('malformed_json', '', wrong);
  let value: unknown;
  try {
    value = JSON.parse(bytes.toString('utf8'));
  } catch {
    return reject('malformed_json', '', grammarErrorText(bytes) ?? 'not a JSON text');
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    return reject('not_an_object', '', `expected an object, found ${show(value)}`);
  }
  if (members.ranges.length === 0) return reject('empty_object', '', 'the object has no members');
  return { bytes, value: value as Record<string, unknown>, members };
}

export const isRejection = (parsed: JsonRecord | Rejection): parsed is Rejection => 'kind' in parsed;

export function reject(code: Rejection['code'], pointer: string, detail: string): Rejection {
  return { kind: 'quarantine', code, pointer, detail };
}

/** The exact text of a top-level member (of its last one, where the key is repeated), undefined where there is none. */
export function rawMember(record: JsonRecord, name: string): Buffer | undefined {
  const { bytes, members } = record;
  for (let m = members.ranges.length - 4; m >= 0; m -= 4) {
    const [keyStart, keyEnd, start, end] = members.ranges.slice(m, m + 4) as [number, number, number, number];
    if (keyText(bytes, keyStart, keyEnd) === name) return bytes.subarray(start, end);
  }
  return undefined;
}

/** A value for a message: its type and its JSON text, cut short. */
export function show(value: unknown): string {
  if (value === null) return 'null';
  const type = Array.isArray(value) ? 'array' : typeof value;
  // JSON has no text for a number that is too large for a double.
  const text = typeof value === 'number' ? String(value) : (JSON.stringify(value) ?? String(value));
  return `${type} ${text.length > DETAIL_VALUE_CHARS ? `${text.slice(0, DETAIL_VALUE_CHARS)}…` : text}`.toWellFormed();
}

/** Offset of the first byte that begins no valid UTF-8 sequence. */
function invalidUtf8Offset(bytes: Buffer): number {
  const text = bytes.toString('utf8');
  let from = 0;
  let offset = 0;
  for (let at = text.indexOf('\ufffd'); at >= 0; at = text.indexOf('\ufffd', from)) {
    offset += Buffer.byteLength(text.slice(from, at));
    if (bytes[offset] !== 0xef || bytes[offset + 1] !== 0xbf || bytes[offset + 2] !== 0xbd) return offset;
    offset += 3;
    from = at + 1;
  }
  return offset;
}
