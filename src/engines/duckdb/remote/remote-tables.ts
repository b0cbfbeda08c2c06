/** The remote tables of one engine. Questions about one table take turns in fetching, so that the second finds what the first has fetched. */

import { join } from 'node:path';
import type { DuckDBConnection } from '@duckdb/node-api';
import pLimit, { type LimitFunction } from 'p-limit';
import { type OpenDuckDb, openDuckDb } from '../connection.ts';
import { isLocal, type NamedTable } from '../shown-table.ts';
import { literal } from '../sql-types.ts';
import type { FetchOptions } from './object-ranges.ts';
import { RemoteFiles, type RemoteFilesOptions } from './remote-files.ts';
import type { Scan } from './statement-scans.ts';
import { neededParts, type ShownPart } from './table-parts.ts';

export class RemoteTables {
  readonly #options: RemoteFilesOptions;
  readonly #files: RemoteFiles;
  readonly #turns = new Map<string, LimitFunction>();
  #asking: Promise<OpenDuckDb> | undefined;

  constructor(options: RemoteFilesOptions) {
    this.#options = options;
    this.#files = new RemoteFiles(options);
  }

  /** What the scans need of the remote files of a table, until it is released. Throws TooMuchToFetch, and StoreError. */
  async parts(
    { name, metadata, files }: NamedTable,
    scans: ReadonlyMap<string, readonly Scan[]> | undefined,
    options: FetchOptions,
  ): Promise<{ readonly shown: readonly ShownPart[]; readonly release: () => void }> {
    const remote = files.filter(({ path }) => !isLocal(path));
    if (remote.length === 0) return { shown: [], release: () => {} };
    const turn = this.#turns.get(name) ?? pLimit(1);
    this.#turns.set(name, turn);
    const context = { files: this.#files, connection: () => this.#connection(), options };
    const shown = await turn(() => neededParts({ name, metadata, files: remote, scans }, context));
    return {
      shown,
      release() {
        for (const { copy } of shown) if (copy !== undefined) copy.users--;
      },
    };
  }

  close(): void {
    void this.#asking?.then(({ close }) => close());
    this.#asking = undefined;
  }

  /** It may read what is in the folder of copies. */
  async #connection(): Promise<DuckDBConnection> {
    this.#asking ??= (async () => {
      const duckdb = await openDuckDb();
      const folder = join(await this.#options.scratch.folder(), 'files/');
      await duckdb.connection.run(`SET TimeZone = 'UTC'`);
      await duckdb.connection.run(`SET allowed_directories = [${literal(folder)}]`);
      await duckdb.connection.run('SET enable_external_access = false');
      return duckdb;
    })();
    return (await this.#asking).connection;
  }
}
