/**
 * Values of OpenTelemetry's JSON encoding (opentelemetry-proto, common.proto AnyValue), which name their type:
 * `{"stringValue":"…"}`, `{"kvlistValue":{"values":[{"key":…,"value":…}]}}`. As plain JSON texts, digits as they stand.
 */
import { keyText, scanMembers } from '../members.ts';

const typedNames: ReadonlySet<string> = new Set([
  'stringValue',
  'boolValue',
  'intValue',
  'doubleValue',
  'arrayValue',
  'kvlistValue',
  'bytesValue',
]);

/** The name of the type where the value is a typed one. */
export function typeName(value: unknown): string | undefined {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined;
  const names = Object.keys(value);
  return names.length === 1 && typedNames.has(names[0] as string) ? names[0] : undefined;
}

/** Whether a list is that of an object's members: `[{"key":…,"value":typed}, …]`. */
export function isKeyValueList(value: unknown): value is readonly { key: string; value: unknown }[] {
  return Array.isArray(value) && value.length > 0 && value.every(isKeyValue);
}

const isKeyValue = (element: unknown): boolean => {
  if (typeof element !== 'object' || element === null) return false;
  const { key, value } = element as Record<string, unknown>;
  return typeof key === 'string' && typeName(value) !== undefined;
};

/** A text, whichever way it is written. */
export const isTextual = (value: unknown): boolean =>
  typeof value === 'string' || typeName(value) === 'stringValue' || isByteList(value);

/** journald writes what is not printable as a list of bytes. */
export const isByteList = (value: unknown): value is readonly number[] =>
  Array.isArray(value) && value.length > 0 && value.every((byte) => Number.isInteger(byte) && byte >= 0 && byte <= 255);

/** The JSON text of a typed value, or of a list of members, that stands in `bytes`. */
export function plainJson(bytes: Buffer, value: unknown): Buffer {
  const parts: Buffer[] = [];
  if (isKeyValueList(value)) writeMembers(bytes, value, parts);
  else writeTyped(bytes, value as Record<string, unknown>, parts);
  return Buffer.concat(parts);
}

const comma = Buffer.from(',');
const colon = Buffer.from(':');

function writeTyped(bytes: Buffer, value: Readonly<Record<string, unknown>>, out: Buffer[]): void {
  const name = typeName(value);
  const raw = rawMembers(bytes).get(name ?? '');
  if (name === undefined || raw === undefined) {
    out.push(Buffer.from('null'));
    return;
  }
  const inner = value[name];
  if (name === 'arrayValue') writeArray(raw, inner, out);
  else if (name === 'kvlistValue') {
    const list = rawMembers(raw).get('values');
    const values = (inner as { values?: unknown } | null)?.values;
    if (list !== undefined && isKeyValueList(values)) writeMembers(list, values, out);
    else out.push(Buffer.from('{}'));
  } else if (name === 'intValue' && typeof inner === 'string' && /^-?\d+$/.test(inner)) out.push(Buffer.from(inner));
  else out.push(raw);
}

function writeArray(bytes: Buffer, value: unknown, out: Buffer[]): void {
  const list = rawMembers(bytes).get('values');
  const values = (value as { values?: unknown } | null)?.values;
  out.push(Buffer.from('['));
  if (list !== undefined && Array.isArray(values)) {
    for (const [i, element] of rawElements(list).entries()) {
      if (i > 0) out.push(comma);
      writeTyped(element, (values[i] ?? {}) as Record<string, unknown>, out);
    }
  }
  out.push(Buffer.from(']'));
}

function writeMembers(bytes: Buffer, values: readonly { key: string; value: unknown }[], out: Buffer[]): void {
  out.push(Buffer.from('{'));
  for (const [i, element] of rawElements(bytes).entries()) {
    const raw = rawMembers(element);
    if (i > 0) out.push(comma);
    out.push(raw.get('key') as Buffer, colon);
    writeTyped(raw.get('value') as Buffer, values[i]?.value as Record<string, unknown>, out);
  }
  out.push(Buffer.from('}'));
}

function rawMembers(bytes: Buffer): Map<string, Buffer> {
  const { ranges } = scanMembers(bytes);
  const members = new Map<string, Buffer>();
  for (let m = 0; m < ranges.length; m += 4) {
    const key = keyText(bytes, ranges[m] as number, ranges[m + 1] as number);
    members.set(key, bytes.subarray(ranges[m + 2], ranges[m + 3]));
  }
  return members;
}

/** The elements of an array, as they stand; `offsets` in the bytes given. */
export function rawElements(bytes: Buffer): Buffer[] {
  return elementRanges(bytes).map(([start, end]) => bytes.subarray(start, end));
}

/** Where the elements of the array stand that the bytes are, which JSON.parse has accepted. */
export function elementRanges(bytes: Buffer): [start: number, end: number][] {
  const ranges: [number, number][] = [];
  let depth = 0;
  let start = -1;
  let end = 0;
  for (let i = 0; i < bytes.length; i++) {
    const byte = bytes[i] as number;
    if (byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09) continue;
    if (depth === 1 && (byte === 0x2c || byte === 0x5d)) {
      if (start >= 0) ranges.push([start, end]);
      start = -1;
      if (byte === 0x5d) break;
      continue;
    }
    if (depth === 1 && start < 0) start = i;
    if (byte === 0x22) {
      for (i++; i < bytes.length && bytes[i] !== 0x22; i++) if (bytes[i] === 0x5c) i++;
    } else if (byte === 0x7b || byte === 0x5b) depth++;
    else if (byte === 0x7d || byte === 0x5d) depth--;
    end = i + 1;
  }
  return ranges;
}
