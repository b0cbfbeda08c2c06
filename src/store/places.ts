/**
 * Whether one URI lies within another, however they are written: other engines say s3a:// or s3n:// for s3://, `file:/…`
 * or a bare path for `file:///…`, double slashes in local paths, and a local folder may be known by a symbolic link.
 */
import { realpathSync } from 'node:fs';
import { dirname } from 'node:path';

/** The one way to write a URI in which two are compared as texts. */
export function canonical(path: string): string {
  if (path.startsWith('/')) return `file://${singleSlashes(path)}`;
  const match = /^([a-z0-9]+):(\/.*)$/s.exec(path);
  if (match === null) return path;
  const [, scheme, rest] = match as unknown as [string, string, string];
  if (scheme === 's3' || scheme === 's3a' || scheme === 's3n') return `s3:${rest}`;
  if (scheme === 'file') return `file://${singleSlashes(rest.replace(/^\/+/, '/'))}`;
  return rest.startsWith('//') ? `${scheme}://${singleSlashes(rest.slice(2))}` : path;
}

const singleSlashes = (path: string): string => path.replace(/\/{2,}/g, '/');

/** Whether the URI is the folder itself or something below it. */
export function isWithin(uri: string, folder: string): boolean {
  const [inner, outer] = [withoutSlash(canonical(uri)), withoutSlash(canonical(folder))];
  if (isBelow(inner, outer)) return true;
  const [file, root] = [localPath(inner), localPath(outer)];
  return file !== undefined && root !== undefined && isBelow(realPath(file), realPath(root));
}

const isBelow = (path: string, folder: string): boolean => path === folder || path.startsWith(`${folder}/`);

const withoutSlash = (uri: string): string => uri.replace(/\/+$/, '');

const localPath = (uri: string): string | undefined =>
  uri.startsWith('file:///') ? uri.slice('file://'.length) : undefined;

/** Without symbolic links, as far as the path exists. */
function realPath(path: string): string {
  try {
    return realpathSync.native(path);
  } catch {
    const parent = dirname(path);
    return parent === path
      ? path
      : realPath(parent).replace(/\/$/, '') + path.slice(parent === '/' ? 0 : parent.length);
  }
}
