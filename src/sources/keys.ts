/**
 * What object keys say, for all sources. A key is an outsider's text: everything is matched as a whole path segment,
 * anywhere in the key, and what does not fit is ignored.
 */

/** The key part of a URI: what follows the bucket or the scheme. Keys are raw, not percent-encoded. */
export function segmentsOf(uri: string): string[] {
  return uri.replace(/^[a-z0-9]+:\/\//, '').split('/');
}

/** Value of a `name=value` segment, undefined where there is none. The last one wins: it is nearest to the object. */
export function hiveValue(segments: readonly string[], name: string): string | undefined {
  const prefix = `${name}=`;
  return segments.findLast((segment) => segment.startsWith(prefix))?.slice(prefix.length);
}

/** Whether an object can be a log at all: no folder marker, hidden or temporary file, or file of a table. */
export function isLogName(segments: readonly string[]): boolean {
  const name = segments.at(-1) ?? '';
  if (name === '' || name.endsWith('_$folder$')) return false;
  if (name.startsWith('.') || name.startsWith('_')) return false;
  return !/\.(parquet|avro|orc|crc|metadata\.json)$|^version-hint\.text$/.test(name);
}

/** Unix seconds in a key: null for `null`, for what is not an integer and for what a long cannot hold. */
export function unixSeconds(text: string | undefined): bigint | null {
  if (text === undefined || !/^-?\d{1,19}$/.test(text)) return null;
  const seconds = BigInt(text);
  return BigInt.asIntN(64, seconds) === seconds ? seconds : null;
}

export interface Place {
  /** Everything of the key in front of its time. */
  readonly stream: string;
  /** Milliseconds since the epoch. */
  readonly position: number;
}

/** Keys that sort by stream and then by time. */
export interface KeyStreams {
  /** undefined for a key that does not say its time. */
  placeOf(uri: string): Place | undefined;
  /** The least key of a stream at a time, or something in front of it. */
  firstAt(stream: string, position: number): string;
}

/** Names of the `name=value` segments. */
export const hiveNames = (uri: string): string[] =>
  segmentsOf(uri).flatMap((segment) => /^([^=]+)=/.exec(segment)?.[1] ?? []);
