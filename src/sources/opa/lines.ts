/**
 * What stands around a decision in a log: text prefixes, container-log and Splunk wrappers, and the other lines that
 * OPA and its neighbours write into the same stream.
 */
import { keyText } from '../../records/members.ts';
import type { JsonRecord } from '../../records/parse.ts';

const OPEN_BRACE = 0x7b;
const DECISION_PREFIX = Buffer.from('Decision Log {');

/** `… | INFO | Decision Log {json}`, as OPAL prints: the JSON alone. Any other line as it is. */
export function stripPrefix(line: Buffer): Buffer {
  if (line[0] === OPEN_BRACE) return line;
  const at = line.indexOf(DECISION_PREFIX);
  return at < 0 || firstByte(line) === OPEN_BRACE ? line : line.subarray(at + DECISION_PREFIX.length - 1);
}

/**
 * A line of OPA's logger that is no decision ("Received request.", status records): level and msg, but neither a
 * decision id nor the marks of a decision log.
 */
export function isForeign({ value }: JsonRecord): boolean {
  if (typeof value.level !== 'string' || typeof value.msg !== 'string') return false;
  if (value.msg === 'Decision Log' || value.type === 'openpolicyagent.org/decision_logs') return false;
  return !Object.hasOwn(value, 'decision_id');
}

/** `{"event":{…},"time":…}` of Enterprise OPA's Splunk output: the event, and the other members. */
export function splunkEvent(record: JsonRecord): { bytes: Buffer; envelope: Buffer[] } | null {
  const { value } = record;
  if (typeof value.event !== 'object' || value.event === null || Object.hasOwn(value, 'decision_id')) return null;
  const { taken, others } = takeMember(record, 'event');
  return { bytes: taken, envelope: others };
}

export type ContainerLine = WrappedRecord | { readonly kind: 'other-program' } | { readonly kind: 'continuation' };

export interface WrappedRecord {
  readonly kind: 'record';
  readonly bytes: Buffer;
  /** Members of the wrapper beside `log`: stream, time, kubernetes and so on; key and value each. */
  readonly envelope: Buffer[];
  readonly stream: unknown;
  /** Without its line end: the runtime may have split the line (Docker at 16 KiB). */
  readonly open: boolean;
}

/**
 * Unwraps `{"log":"…","stream":"stderr","time":…}` of Docker's json-file driver, Kubernetes and Fluent Bit. Remembers
 * per stream whether a record was broken off without a line end: the pieces that follow belong to it, and are no lines
 * of another program.
 */
export class Containers {
  readonly #openStreams = new Set<unknown>();

  /** null where the record is no such wrapper. */
  unwrap(record: JsonRecord): ContainerLine | null {
    const { value } = record;
    const { log, stream } = value;
    if (typeof log !== 'string' || Object.hasOwn(value, 'decision_id') || Object.hasOwn(value, 'msg')) return null;
    const open = !log.endsWith('\n');
    if (this.#openStreams.has(stream)) {
      if (!open) this.#openStreams.delete(stream);
      return { kind: 'continuation' };
    }
    const bytes = stripPrefix(Buffer.from(log.trim().toWellFormed()));
    if (bytes[0] !== OPEN_BRACE) return { kind: 'other-program' };
    return { kind: 'record', bytes, envelope: takeMember(record, 'log').others, stream, open };
  }

  /** Says that the text of an unwrapped line is no JSON. */
  broken(line: WrappedRecord): void {
    if (line.open) this.#openStreams.add(line.stream);
  }
}

/** The last member of a name, and all others (key and value each). */
function takeMember({ bytes, members: { ranges } }: JsonRecord, name: string): { taken: Buffer; others: Buffer[] } {
  let taken = bytes.subarray(0, 0);
  const others: Buffer[] = [];
  for (let m = 0; m < ranges.length; m += 4) {
    const key = bytes.subarray(ranges[m], ranges[m + 1]);
    const value = bytes.subarray(ranges[m + 2], ranges[m + 3]);
    if (keyText(key, 0, key.length) === name) taken = value;
    else others.push(key, value);
  }
  return { taken, others };
}

function firstByte(line: Buffer): number | undefined {
  return line.find((byte) => byte !== 0x20 && byte !== 0x09);
}
