/** Where things are: turns what a person writes into the URIs of the object store port, and tells nested ones apart. */
import { resolve } from 'node:path';

/** Tells a folder from a single file, where the path exists. */
export type IsFile = (path: string) => boolean;

/** `s3://bucket/prefix` or `file:///path` without trailing slash; relative paths start at `folder`. undefined: not usable. */
export function warehouseUri(location: string, folder: string): string | undefined {
  const uri = toUri(location, folder);
  return uri?.replace(/\/+$/, '');
}

/**
 * The prefix that all objects of a source start with. A folder gets its trailing slash, so that `logs` does not take
 * `logs-old` in; an S3 prefix is taken as written, only a bare bucket gets one.
 */
export function sourceUri(location: string, folder: string, isFile: IsFile): string | undefined {
  const uri = toUri(location, folder);
  if (uri === undefined) return undefined;
  if (uri.startsWith('s3://')) return uri.indexOf('/', 5) < 0 ? `${uri}/` : uri;
  return uri.endsWith('/') || isFile(uri.slice('file://'.length)) ? uri : `${uri}/`;
}

function toUri(location: string, folder: string): string | undefined {
  if (/^s3:\/\//.test(location))
    return /^s3:\/\/[a-z0-9][a-z0-9.-]{1,62}(\/.*)?$/s.test(location) ? location : undefined;
  if (/^file:\/\//.test(location)) return /^file:\/\/\/./s.test(location) ? location : undefined;
  if (/^[a-z][a-z0-9+.-]+:\/\//i.test(location)) return undefined;
  const path = resolve(folder, location);
  return `file://${path}${/[/\\]$/.test(location) && path !== '/' ? '/' : ''}`;
}

/** Whether objects under one could also be under the other. */
export const overlap = (a: string, b: string): boolean => a.startsWith(b) || b.startsWith(a);
