import { StoreError } from './store.ts';

/**
 * Object URIs taken apart. Keys are raw text, never percent-encoded.
 */
export interface StoreUri {
  readonly scheme: string;
  /** Bucket of s3://, name of memory://, empty for file://. */
  readonly authority: string;
  /** What follows the slash after the authority; empty where nothing does. */
  readonly key: string;
}

const shape = /^([a-z][a-z0-9+.-]*):\/\/([^/]*)(?:\/(.*))?$/s;

/** Throws StoreError invalid-uri for what is no URI of an object, a prefix or a bucket. */
export function parseUri(uri: string): StoreUri {
  const match = shape.exec(uri);
  if (match === null) {
    throw new StoreError('invalid-uri', uri, 'not a URI such as s3://bucket/key or file:///path');
  }
  if (uri.includes('\0')) throw new StoreError('invalid-uri', uri.replaceAll('\0', '\\0'), 'the URI holds a NUL');
  if (!uri.isWellFormed())
    throw new StoreError('invalid-uri', uri.toWellFormed(), 'the URI is not well-formed Unicode');
  return { scheme: match[1]!, authority: match[2]!, key: match[3] ?? '' };
}

/** The same for an object: authority and key must be there. */
export function parseObjectUri(uri: string): StoreUri {
  const parsed = parseUri(uri);
  if (parsed.key === '') throw new StoreError('invalid-uri', uri, 'the URI names no object');
  return parsed;
}
