/**
 * Sources that cannot be what was meant: a folder of this machine that is not there is a mistake, told before anything is
 * read or written; a bucket or a folder without any object may be a new one, and is a warning.
 */
import type { Logger } from 'pino';
import { UsageError } from '../config/errors.ts';
import { type ObjectStore, StoreError } from '../store/store.ts';
import { logEvent } from '../telemetry/events.ts';
import { objectsAt } from './plan.ts';

interface Place {
  readonly name: string;
  readonly location: string;
}

/** What a report says that nobody may have meant. */
export interface Warning {
  readonly code:
    | 'source-empty'
    | 'objects-archived'
    | 'source-stale'
    | 'no-rows'
    | 'columns-null'
    | 'column-promoted-later';
  readonly source: string;
  readonly message: string;
}

/** Throws UsageError for a source in a folder, or a file, that is not there. Buckets are asked when they are listed. */
export async function requireFolders(store: ObjectStore, sources: readonly Place[]): Promise<void> {
  for (const { name, location } of sources) {
    if (!location.startsWith('file://')) continue;
    try {
      for await (const _ of objectsAt(store, location)) break;
    } catch (error) {
      // What may not be listed is told by the listing.
      if (!(error instanceof StoreError) || error.code !== 'not-found') continue;
      throw new UsageError(`sources[].location of source ${name}: ${error.message}; make it, or correct the location`, {
        cause: error,
      });
    }
  }
}

/** Tells the log as well. */
export function archivedObjects(log: Logger, { name, location }: Place, objects: number): Warning {
  logEvent(log, 'objects-archived', { source: name, location, objects });
  const what = objects === 1 ? 'one object is' : `${objects} objects are`;
  return {
    code: 'objects-archived',
    source: name,
    message: `${what} archived (GLACIER, DEEP_ARCHIVE) and cannot be read: restore what you need ("aws s3api restore-object", or S3 Batch Operations for many) and run the same command again while the copies last`,
  };
}

/** Tells the log as well. */
export function emptySource(log: Logger, { name, location }: Place, prefix?: string): Warning {
  logEvent(log, 'source-empty', { source: name, location, ...(prefix !== undefined && { prefix }) });
  const where = prefix === undefined ? location : `${location}, prefix ${prefix}`;
  return {
    code: 'source-empty',
    source: name,
    message: `no object at ${where}: right for a new source; otherwise look for a mistyped bucket or prefix`,
  };
}
