/**
 * Data files as paths that DuckDB can open. Local ones are read in place; others are fetched whole, once, into a private
 * folder that goes away with the engine. Data files never change under their name, so a file fetched is good for ever.
 */
import { createHash } from 'node:crypto';
import { mkdtemp, open, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import pLimit from 'p-limit';
import { TooMuchToFetch } from '../../sql/parameter.ts';
import { readObject } from '../../store/read.ts';
import { type ObjectStore, StoreError } from '../../store/store.ts';

export interface RemoteFile {
  readonly path: string;
  readonly fileSize: number;
}

export interface LocalFilesOptions {
  readonly store: ObjectStore;
  /** Bytes on disk at most; a question that needs more is refused. */
  readonly maxBytes: number;
  readonly downloads: number;
}

export class LocalFiles {
  readonly #options: LocalFilesOptions;
  readonly #fetched = new Map<string, Promise<string>>();
  #folder: Promise<string> | undefined;
  #bytes = 0;

  constructor(options: LocalFilesOptions) {
    this.#options = options;
  }

  /** Bytes fetched so far. */
  get bytesFetched(): number {
    return this.#bytes;
  }

  /** Paths in the order of `files`. */
  async open(files: readonly RemoteFile[], signal: AbortSignal | undefined): Promise<string[]> {
    const remote = files.filter((file) => !isLocal(file.path) && !this.#fetched.has(file.path));
    const needed = remote.reduce((sum, file) => sum + file.fileSize, this.#bytes);
    if (needed > this.#options.maxBytes) {
      throw new TooMuchToFetch(
        `the question needs ${remote.length} files of together ${needed} bytes, more than the ${this.#options.maxBytes} that ` +
          'are fetched at most: narrow it by time (ymd), or ask Athena or Trino',
      );
    }
    const limit = pLimit(this.#options.downloads);
    return Promise.all(
      files.map((file) => (isLocal(file.path) ? localPath(file.path) : limit(() => this.#fetch(file, signal)))),
    );
  }

  /** A folder that only this user can read, made on first use and removed by close. */
  scratch(): Promise<string> {
    this.#folder ??= mkdtemp(join(tmpdir(), 'audit-warehouse-'));
    return this.#folder;
  }

  async close(): Promise<void> {
    this.#fetched.clear();
    if (this.#folder) await rm(await this.#folder, { recursive: true, force: true });
    this.#folder = undefined;
  }

  #fetch(file: RemoteFile, signal: AbortSignal | undefined): Promise<string> {
    const known = this.#fetched.get(file.path);
    if (known) return known;
    const fetched = this.#download(file, signal);
    this.#fetched.set(file.path, fetched);
    return fetched;
  }

  async #download({ path: uri }: RemoteFile, signal: AbortSignal | undefined): Promise<string> {
    const { store } = this.#options;
    const path = join(await this.scratch(), `${createHash('sha256').update(uri).digest('hex')}.parquet`);
    const info = await store.head(uri);
    if (info === undefined) {
      throw new StoreError('not-found', uri, 'a data file of the current snapshot is missing');
    }
    const handle = await open(path, 'wx', 0o600);
    try {
      const wait = (ms: number, aborted?: AbortSignal): Promise<void> =>
        sleep(ms, undefined, aborted === undefined ? {} : { signal: aborted });
      for await (const chunk of readObject(store, info, { sleep: wait, ...(signal && { signal }) })) {
        await handle.writeFile(chunk);
        this.#bytes += chunk.length;
      }
    } finally {
      await handle.close();
    }
    return path;
  }
}

const scheme = 'file://';
const isLocal = (uri: string): boolean => uri.startsWith(scheme);
const localPath = (uri: string): string => uri.slice(scheme.length);
