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

/** What is wrong with a place that is not usable, and what to write instead. */
export function whyUnusable(location: string): string {
  const usable = 'write s3://bucket/prefix or a folder';
  const arn = /^(?:s3:\/\/)?(arn:.*)$/i.exec(location)?.[1];
  if (arn === undefined) {
    const scheme = /^([a-z][a-z0-9+.-]+):/i.exec(location)?.[1];
    if (/^s3[an]?:\/\/[^/]/i.test(location))
      return `is not a place that can be used: a bucket is named by 3 to 63 lower-case letters, digits, dots and hyphens: ${usable}`;
    if (/^~/.test(location))
      return 'begins with ~, which only a shell knows: write the whole path, or ./~ for a folder of that name';
    return scheme === undefined || /^(s3|file)$/i.test(scheme)
      ? `is not a place that can be used: ${usable}`
      : `is not a place that can be used: ${usable}; a folder whose name has a colon is written ./${scheme}:…`;
  }
  const [, , service = '', , , resource = ''] = arn.split(':');
  if (service === 's3tables')
    return 'is the ARN of an S3 table bucket, which decides itself where the files of its tables are, and cannot hold the warehouse: write s3://bucket/prefix of a general purpose bucket';
  if (/^accesspoint[/:]/.test(arn.split(':').slice(5).join(':')))
    return 'is the ARN of an access point: write s3://ALIAS/prefix with its alias, which ends in -s3alias (aws s3control get-access-point)';
  if (service === 's3' && resource !== '') return `is an ARN: write s3://${resource.replace(/\*$/, '')}`;
  return `is an ARN, which names no place of objects: ${usable}`;
}

function toUri(given: string, folder: string): string | undefined {
  const location = asOthersWrite(given);
  if (/^s3:\/\//.test(location))
    return /^s3:\/\/[a-z0-9][a-z0-9.-]{1,62}(\/.*)?$/s.test(location) ? location : undefined;
  if (/^file:\/\//.test(location)) return /^file:\/\/\/./s.test(location) ? location : undefined;
  if (/^~(\/|$)/.test(location)) return undefined;
  // No folder by accident: an ARN, a scheme that nothing serves, a slash too few.
  if (/^[a-z][a-z0-9+.-]+:/i.test(location)) return undefined;
  const path = resolve(folder, location);
  return `file://${path}${/[/\\]$/.test(location) && path !== '/' ? '/' : ''}`;
}

/** Hadoop's names of the same places. */
const asOthersWrite = (location: string): string =>
  location.replace(/^s3[an]:\/\//, 's3://').replace(/^file:\/(?!\/)/, 'file:///');

/** Whether objects under one could also be under the other. */
export const overlap = (a: string, b: string): boolean => a.startsWith(b) || b.startsWith(a);
