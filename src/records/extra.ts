/**
 * Collects what has no column of its own into one JSON object of exact texts, so that no byte of evidence goes away:
 * unknown members as they stand, members that their column cannot hold exactly, values that a map column cannot hold
 * (exactly) under the name of the map, values overridden by a later duplicate key as lists under `$shadowed` by JSON
 * pointer, what stood around the record under `$envelope`.
 *
 * A record may have members of these two names itself. They go under `$members`: otherwise a record could declare a part
 * of itself to be its envelope, which has no say in whether it is the same as another record.
 */
import { scanMembers } from './members.ts';

const envelopeGroup = '$envelope';
const shadowedGroup = '$shadowed';
const ownGroup = '$members';
/** Names that unknown members of a record do not keep in `extra`. */
export const reservedNames: readonly string[] = [envelopeGroup, shadowedGroup, ownGroup];

export class Extra {
  readonly #members: Buffer[] = [];
  readonly #groups = new Map<string, Buffer[]>();
  readonly #shadowed = new Map<string, Buffer[]>();
  #envelope: Buffer | null = null;

  /** An unknown member: key with its quotes, and value, as they stand; `name` is the key's text. */
  add(name: string, key: Buffer, value: Buffer): void {
    if (reservedNames.includes(name)) this.addTo(ownGroup, key, value);
    else this.#members.push(key, value);
  }

  /** A member of an object of its own inside of `extra`. */
  addTo(group: string, key: Buffer, value: Buffer): void {
    const members = this.#groups.get(group);
    if (members) members.push(key, value);
    else this.#groups.set(group, [key, value]);
  }

  /** What stands around the record, as a JSON object; null for nothing. */
  setEnvelope(text: Buffer | null): void {
    this.#envelope = text;
  }

  /** A value that a later duplicate of its key overrides. */
  shadow(pointer: string, value: Buffer): void {
    const values = this.#shadowed.get(pointer);
    if (values) values.push(value);
    else this.#shadowed.set(pointer, [value]);
  }

  /** The JSON text, null where nothing was collected. */
  toJson(): Buffer | null {
    const members = [...this.#members];
    for (const [group, inner] of this.#groups) members.push(quoted(group), objectText(inner));
    if (this.#envelope !== null) members.push(ENVELOPE_KEY, this.#envelope);
    if (this.#shadowed.size > 0) {
      const shadowed = [...this.#shadowed].flatMap(([pointer, values]) => [quoted(pointer), arrayText(values)]);
      members.push(quoted(shadowedGroup), objectText(shadowed));
    }
    return members.length > 0 ? objectText(members) : null;
  }
}

const quoted = (text: string): Buffer => Buffer.from(JSON.stringify(text));
const ENVELOPE_KEY = quoted(envelopeGroup);
const OPEN_OBJECT = Buffer.from('{');
const CLOSE_OBJECT = Buffer.from('}');
const OPEN_ARRAY = Buffer.from('[');
const CLOSE_ARRAY = Buffer.from(']');
const COLON = Buffer.from(':');
const COMMA = Buffer.from(',');

/** The text of an `extra` without the members of the wrapper; null where there is nothing else. */
export function withoutEnvelope(extra: Uint8Array): Uint8Array | null {
  const bytes = Buffer.from(extra.buffer, extra.byteOffset, extra.length);
  if (!bytes.includes(ENVELOPE_KEY)) return extra;
  const { ranges } = scanMembers(bytes);
  const kept: Buffer[] = [];
  for (let m = 0; m < ranges.length; m += 4) {
    const key = bytes.subarray(ranges[m], ranges[m + 1]);
    if (!key.equals(ENVELOPE_KEY)) kept.push(key, bytes.subarray(ranges[m + 2], ranges[m + 3]));
  }
  return kept.length > 0 ? objectText(kept) : null;
}

function objectText(members: readonly Buffer[]): Buffer {
  const parts: Buffer[] = [OPEN_OBJECT];
  for (let i = 0; i < members.length; i += 2) {
    if (i > 0) parts.push(COMMA);
    parts.push(members[i] as Buffer, COLON, members[i + 1] as Buffer);
  }
  parts.push(CLOSE_OBJECT);
  return Buffer.concat(parts);
}

function arrayText(values: readonly Buffer[]): Buffer {
  return Buffer.concat([OPEN_ARRAY, ...values.flatMap((value, i) => (i > 0 ? [COMMA, value] : [value])), CLOSE_ARRAY]);
}
