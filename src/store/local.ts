import { randomUUID } from 'node:crypto';
import {
  type BigIntStats,
  closeSync,
  type Dirent,
  fstatSync,
  fsync,
  futimesSync,
  linkSync,
  lstatSync,
  mkdirSync,
  openSync,
  read,
  readdirSync,
  renameSync,
  statSync,
  unlinkSync,
  writeFile as writeToFile,
  writev,
} from 'node:fs';
import { lstat, readdir } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import { promisify } from 'node:util';
import { compareText } from '../text/order.ts';
import { nextTurn } from './event-loop.ts';
import { isReserved, reservedPrefix, withLock } from './local-lock.ts';
import { openFilesHint } from './open-files.ts';
import {
  type GetOptions,
  type ListOptions,
  type ObjectBody,
  type ObjectInfo,
  type ObjectStore,
  type PutOptions,
  StoreError,
  type StoreErrorCode,
} from './store.ts';
import { parseObjectUri, parseUri } from './uri.ts';

/**
 * Files as objects: `file:///absolute/path`. A write goes to a temporary file beside its goal, is synced, and then
 * linked or renamed into place, so that a crash leaves the old object, the new one or none, never a half of one.
 *
 * Limits, against S3: a name cannot be a file and a folder at once; a symbolic link is read where a URI names it, but
 * never listed (it may lead out of the tree, or in a circle); replacing and deleting are atomic against writers that go
 * through this class on the same machine (local-lock.ts), not against other programs, whereas creating (`ifNoneMatch`)
 * is atomic against everyone; the ETag is made of size, time and inode, so a program that changes a file in place and
 * sets its time back goes unnoticed. Files and folders that it makes are its user's alone (0600, 0700), whatever the umask
 * allows; folders that exist keep their mode. Names that begin with `.audit-warehouse-` are kept for temporary files.
 *
 * Bytes and syncs, which may wait for the disk, go to libuv's threads, and listings where they have had to wait. To hand one of
 * the other calls over costs ten times as much as the call itself.
 */
export class LocalStore implements ObjectStore {
  async *list(prefix: string, options: ListOptions = {}): AsyncIterable<ObjectInfo> {
    if (options.root !== undefined) await expectFolder(options.root);
    const wanted = pathOf(prefix, parseUri(prefix).key);
    const after = options.startAfter === undefined ? '' : options.startAfter.slice('file://'.length);
    yield* walk(new FolderReader(), wanted.slice(0, wanted.lastIndexOf('/')), wanted, after);
  }

  async *leftovers(prefix: string): AsyncIterable<ObjectInfo> {
    const wanted = pathOf(prefix, parseUri(prefix).key);
    yield* walk(new FolderReader(), wanted.slice(0, wanted.lastIndexOf('/')), wanted, '', isTemporary);
  }

  async *listFolders(prefix: string): AsyncIterable<string> {
    const directory = pathOf(prefix, parseUri(prefix).key).replace(/\/$/, '');
    for (const entry of await new FolderReader().entries(directory)) {
      const name = entry.isDirectory() ? nameOf(entry, directory) : reservedPrefix;
      if (!isReserved(name)) yield `file://${directory}/${name}/`;
    }
  }

  async head(uri: string): Promise<ObjectInfo | undefined> {
    const path = objectPath(uri);
    try {
      const stats = statSync(path, { bigint: true });
      return stats.isFile() ? infoOf(path, stats) : undefined;
    } catch (error) {
      if (isMissing(error)) return undefined;
      throw storeError(error, uri, 'cannot look at the file');
    }
  }

  async get(uri: string, options: GetOptions = {}): Promise<ObjectBody> {
    options.signal?.throwIfAborted();
    const info = await this.head(uri);
    if (info === undefined) throw new StoreError('not-found', uri, 'cannot read a file that does not exist');
    if (options.ifMatch !== undefined && options.ifMatch !== info.etag) {
      throw new StoreError(
        'precondition-failed',
        uri,
        `cannot read version ${options.ifMatch}, the file changed; ${whileWritten}`,
      );
    }
    const [start, end] = options.range ?? [0, info.size];
    return { info, chunks: readFile(objectPath(uri), info, start, Math.min(end, info.size), options) };
  }

  async put(
    uri: string,
    body: Uint8Array | readonly Uint8Array[],
    options: PutOptions = {},
  ): Promise<{ readonly etag: string }> {
    const path = objectPath(uri);
    try {
      await makeDirectory(dirname(path));
      const temporary = `${dirname(path)}/${reservedPrefix}${randomUUID()}${temporarySuffix}`;
      try {
        const etag = await writeFile(temporary, body instanceof Uint8Array ? [body] : body);
        if (options.ifNoneMatch !== undefined) create(temporary, path, uri);
        else {
          await withLock(path, async () => {
            if (options.ifMatch !== undefined && options.ifMatch !== (await this.head(uri))?.etag) {
              throw new StoreError(
                'precondition-failed',
                uri,
                `cannot replace version ${options.ifMatch}, the file changed`,
              );
            }
            renameSync(temporary, path);
          });
        }
        await syncDirectory(dirname(path));
        return { etag };
      } finally {
        removeTemporary(temporary);
      }
    } catch (error) {
      throw storeError(error, uri, 'cannot write the file');
    }
  }

  async delete(uri: string): Promise<void> {
    const path = isTemporary(basename(uri)) ? pathOf(uri, parseObjectUri(uri).key) : objectPath(uri);
    try {
      await withLock(path, async () => unlinkSync(path));
    } catch (error) {
      if (!isMissing(error)) throw storeError(error, uri, 'cannot delete the file');
    }
  }
}

const temporarySuffix = '.tmp';
const isTemporary = (name: string): boolean => isReserved(name) && name.endsWith(temporarySuffix);

/** Only another object counts as existing: where a folder is in the way, the caller would find no object that was faster. */
function create(temporary: string, path: string, uri: string): void {
  try {
    linkSync(temporary, path);
  } catch (error) {
    if (codeOf(error) !== 'EEXIST' || statSync(path, { throwIfNoEntry: false })?.isDirectory()) throw error;
    throw new StoreError('precondition-failed', uri, 'cannot create a file that exists already', { cause: error });
  }
}

async function expectFolder(uri: string): Promise<void> {
  const path = pathOf(uri, parseUri(uri).key);
  try {
    if (statSync(path).isDirectory()) return;
  } catch (error) {
    if (!isMissing(error)) throw storeError(error, uri, 'cannot look at the folder');
  }
  throw new StoreError('not-found', uri, 'there is no such folder');
}

function objectPath(uri: string): string {
  const path = pathOf(uri, parseObjectUri(uri).key);
  if (path.endsWith('/')) throw new StoreError('invalid-uri', uri, 'the URI names a folder, not a file');
  if (isReserved(basename(path))) {
    throw new StoreError('invalid-uri', uri, `names that begin with ${reservedPrefix} are kept for temporary files`);
  }
  return path;
}

/** The path that a URI stands for, refused where the file system would read it as another one than it says. */
function pathOf(uri: string, key: string): string {
  const { scheme, authority } = parseUri(uri);
  if (scheme !== 'file' || authority !== '') {
    throw new StoreError('invalid-uri', uri, 'a local file is written file:///absolute/path');
  }
  const segments = key.split('/');
  if (
    segments.some((segment, i) => segment === '..' || segment === '.' || (segment === '' && i < segments.length - 1))
  ) {
    throw new StoreError('invalid-uri', uri, 'a path must have no empty, "." or ".." segment');
  }
  return `/${key}`;
}

/**
 * Files at and below `directory` whose path starts with `wanted` and comes after `after`, in byte order of paths.
 * A folder sorts as its name with the slash that all of its paths go on with.
 */
async function* walk(
  folders: FolderReader,
  directory: string,
  wanted: string,
  after: string,
  isShown = (name: string): boolean => !isReserved(name),
): AsyncGenerator<ObjectInfo> {
  const entries: { path: string; folder: boolean }[] = [];
  for (const entry of await folders.entries(directory)) {
    const folder = entry.isDirectory();
    if (!folder && !entry.isFile()) continue;
    const name = nameOf(entry, directory);
    if (folder ? isReserved(name) : !isShown(name)) continue;
    const path = folder ? `${directory}/${name}/` : `${directory}/${name}`;
    if (!path.startsWith(wanted) && !(folder && wanted.startsWith(path))) continue;
    if (compareText(path, after) <= 0 && !(folder && after.startsWith(path))) continue;
    entries.push({ path, folder });
  }
  entries.sort((a, b) => compareText(a.path, b.path));
  for (let at = 0; at < entries.length; ) {
    if (entries[at]!.folder) {
      yield* walk(folders, entries[at]!.path.slice(0, -1), wanted, after, isShown);
      at += 1;
      continue;
    }
    const run: string[] = [];
    while (at < entries.length && !entries[at]!.folder && run.length < statsAtOnce) run.push(entries[at++]!.path);
    for (const info of await Promise.all(run.map((path) => folders.listed(path)))) if (info !== undefined) yield info;
  }
}

const statsAtOnce = 64;

/**
 * What a listing asks of the file system: here, as long as that comes out of memory, and on libuv's threads once a call has
 * had to wait. Where every object has a folder of its own, as Enterprise OPA's have, handing two calls over for each
 * costs a fortieth of all that a backfill does.
 */
class FolderReader {
  #hasWaited = false;
  #turnEndsAt = performance.now() + turnMs;

  async entries(directory: string): Promise<readonly Entry[]> {
    const options = { withFileTypes: true, encoding: 'buffer' } as const;
    const path = directory === '' ? '/' : directory;
    try {
      const read = this.#hasWaited ? readdir(path, options) : this.#here(() => readdirSync(path, options));
      return await read.catch((error) => (isMissing(error) ? remainingEntries(path) : Promise.reject(error)));
    } catch (error) {
      if (isMissing(error)) return [];
      throw storeError(error, `file://${directory}/`, 'cannot list the folder');
    }
  }

  /** undefined where the file went away, or became something else, since its folder was read. */
  async listed(path: string): Promise<ObjectInfo | undefined> {
    const options = { bigint: true } as const;
    try {
      const stats = await (this.#hasWaited ? lstat(path, options) : this.#here(() => lstatSync(path, options)));
      return stats.isFile() ? infoOf(path, stats) : undefined;
    } catch (error) {
      if (isMissing(error)) return undefined;
      throw storeError(error, `file://${path}`, 'cannot look at the file');
    }
  }

  /** Lets others have a turn before it takes theirs. */
  async #here<T>(call: () => T): Promise<T> {
    if (performance.now() > this.#turnEndsAt) {
      await nextTurn();
      this.#turnEndsAt = performance.now() + turnMs;
    }
    const start = performance.now();
    try {
      return call();
    } finally {
      this.#hasWaited ||= performance.now() - start > waitMs;
    }
  }
}

type Entry = Pick<Dirent<Buffer>, 'name' | 'isFile' | 'isDirectory'>;

/**
 * Where folders do not say what their entries are (many file systems in user space), Node looks at each, and fails for all of
 * them once one is gone.
 */
async function remainingEntries(path: string): Promise<Entry[]> {
  const found = (await readdir(path, 'buffer')).map(async (name) => {
    try {
      return [Object.assign(await lstat(Buffer.concat([Buffer.from(`${path}/`), name])), { name })];
    } catch (error) {
      if (isMissing(error)) return [];
      throw error;
    }
  });
  return (await Promise.all(found)).flat();
}

/** No call takes so long, but in a folder of some thousands, that is not answered out of memory. */
const waitMs = 2;
const turnMs = 10;

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

function nameOf(entry: Entry, directory: string): string {
  try {
    return utf8.decode(entry.name);
  } catch (cause) {
    const uri = `file://${directory}/${entry.name.toString()}`;
    throw new StoreError('invalid-uri', uri, 'the file name is not UTF-8; rename the file', { cause });
  }
}

const readBytes = promisify(read);
const writeChunks = promisify(writev);
const writeBytes = promisify(writeToFile);
const sync = promisify(fsync);

/** A version is read whole or not at all: what has been written of the next one may end in the middle of a record. */
const whileWritten = 'one that is written to all the time is read once it is left alone, as after it was rotated';

/** Most objects are read in one piece. */
const bytesAtOnce = 4 << 20;

/** Opens only when it is read, so that a body nobody reads holds no file; the version is checked then and at the end. */
async function* readFile(
  path: string,
  info: ObjectInfo,
  start: number,
  end: number,
  { signal, into, memory }: GetOptions,
): AsyncGenerator<Uint8Array> {
  let file: number | undefined;
  const expectUnchanged = (): void => {
    if (etagOf(fstatSync(file!, { bigint: true })) === info.etag) return;
    throw new StoreError('precondition-failed', info.uri, `the file changed while it was read; ${whileWritten}`);
  };
  try {
    file = openSync(path, 'r');
    expectUnchanged();
    for (let at = start; at < end; ) {
      signal?.throwIfAborted();
      const length = Math.min(bytesAtOnce, end - at);
      const chunk =
        into?.subarray(at - start, at - start + length) ??
        memory?.().subarray(0, end - at) ??
        Buffer.allocUnsafeSlow(length);
      const { bytesRead } = await readBytes(file, chunk, 0, chunk.length, at);
      if (bytesRead === 0) break;
      at += bytesRead;
      yield chunk.subarray(0, bytesRead);
    }
    expectUnchanged();
  } catch (error) {
    signal?.throwIfAborted();
    throw storeError(error, info.uri, 'cannot read the file');
  } finally {
    if (file !== undefined) closeSync(file);
  }
}

/** What Linux takes in one call (IOV_MAX): a Parquet file has some hundred parts. */
const chunksAtOnce = 1024;

/** A call may write a part only. */
async function writeAll(file: number, chunks: readonly Uint8Array[]): Promise<void> {
  let { bytesWritten } = await writeChunks(file, chunks);
  for (const chunk of chunks) {
    if (bytesWritten < chunk.length) await writeBytes(file, chunk.subarray(bytesWritten));
    bytesWritten = Math.max(0, bytesWritten - chunk.length);
  }
}

/** Writes and syncs a new file. Its ETag stays the same through link and rename. */
async function writeFile(path: string, chunks: readonly Uint8Array[]): Promise<string> {
  const file = openSync(path, 'wx', 0o600);
  try {
    for (let i = 0; i < chunks.length; i += chunksAtOnce) await writeAll(file, chunks.slice(i, i + chunksAtOnce));
    // The kernel's own stamp moves on in steps of milliseconds, in which a freed inode could come back with the same
    // size; this one has the resolution of the clock.
    const seconds = (performance.timeOrigin + performance.now()) / 1000;
    futimesSync(file, seconds, seconds);
    await sync(file);
    return etagOf(fstatSync(file, { bigint: true }));
  } finally {
    closeSync(file);
  }
}

/** Creates a folder with its parents, so that they outlive a crash: an entry is durable once its folder is synced. */
async function makeDirectory(directory: string): Promise<void> {
  const first = mkdirSync(directory, { recursive: true, mode: 0o700 });
  if (first === undefined) return;
  for (let made = directory; made.length >= first.length; made = dirname(made)) await syncDirectory(dirname(made));
}

async function syncDirectory(directory: string): Promise<void> {
  const folder = openSync(directory, 'r');
  try {
    await sync(folder);
  } finally {
    closeSync(folder);
  }
}

const etagOf = (stats: BigIntStats): string => `${stats.size}-${stats.mtimeNs}-${stats.ino}`;

const infoOf = (path: string, stats: BigIntStats): ObjectInfo => ({
  uri: `file://${path}`,
  size: Number(stats.size),
  etag: etagOf(stats),
  lastModified: Number(stats.mtimeNs / 1_000_000n),
});

const codeOf = (error: unknown): string | undefined => (error as NodeJS.ErrnoException | undefined)?.code;

const isMissing = (error: unknown): boolean => codeOf(error) === 'ENOENT' || codeOf(error) === 'ENOTDIR';

/** Renamed into place, it is no longer there. */
function removeTemporary(path: string): void {
  try {
    unlinkSync(path);
  } catch {
    // It is not what the write failed of, nor does it undo one that held; `expire` removes what stays.
  }
}

const codes: Readonly<Record<string, StoreErrorCode>> = {
  ENOENT: 'not-found',
  EACCES: 'access-denied',
  EPERM: 'access-denied',
  EROFS: 'access-denied',
  ENAMETOOLONG: 'invalid-uri',
  EMFILE: 'transient',
  ENFILE: 'transient',
  EIO: 'transient',
  ESTALE: 'transient',
};

function storeError(error: unknown, uri: string, doing: string): StoreError {
  if (error instanceof StoreError) return error;
  const code = codeOf(error);
  const hint = code === 'EMFILE' ? `; ${openFilesHint}` : '';
  return new StoreError(codes[code ?? ''] ?? 'other', uri, `${doing} (${code ?? error}${hint})`, { cause: error });
}
