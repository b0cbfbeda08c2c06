/** What an erasure does not reach: snapshots that still show the rows, and objects that may give further ones. */
import pLimit from 'p-limit';
import { isGcEnabled } from '../../iceberg/metadata.ts';
import type { Runtime } from '../../ingest/runtime.ts';
import { compareText } from '../../text/order.ts';

export interface RemainingRows {
  /** Snapshots from before the erasure, which show the rows to anyone who asks for them. */
  readonly snapshots: number;
  /** Branches and tags among them, which `expire` leaves alone. */
  readonly refs: readonly string[];
  /** The table property `gc.enabled` is false: `expire` leaves all of them alone. */
  readonly gcDisabled?: true;
}

export interface Remains {
  /** By table. */
  readonly tables: Record<string, RemainingRows>;
  /**
   * From when on `expire` removes the snapshots and their files, ISO 8601: but for the newest `expire.keep_snapshots` of a
   * table, and for branches and tags.
   */
  readonly expiresFrom: string;
  /** Files outside of the warehouse that another engine has added, and that hold the rows still: nothing here deletes them. */
  readonly filesOutside: readonly string[];
}

/** Of tables that rows were erased from just now. */
export async function remainsOf(
  { catalog, config, clock }: Runtime,
  tables: Iterable<string>,
  filesOutside: readonly string[],
): Promise<Remains> {
  const remaining: Remains['tables'] = {};
  for (const name of tables) {
    const metadata = (await catalog.loadTable(name))?.metadata;
    if (metadata === undefined) continue;
    const current = metadata['current-snapshot-id'];
    const older = new Set(metadata.snapshots.map((snapshot) => snapshot['snapshot-id']).filter((id) => id !== current));
    const refs = Object.entries(metadata.refs)
      .filter(([, ref]) => older.has(ref['snapshot-id']))
      .map(([ref]) => ref)
      .sort(compareText);
    remaining[name] = { snapshots: older.size, refs, ...(!isGcEnabled(metadata) && { gcDisabled: true }) };
  }
  const { snapshotsSeconds, graceSeconds } = config.expire;
  const seconds = Math.max(snapshotsSeconds, graceSeconds);
  return { tables: remaining, expiresFrom: new Date(clock() + seconds * 1000).toISOString(), filesOutside };
}

const headsAtOnce = 16;

/**
 * Those of the objects that their writer may still add to: Okera's files, for as long as the configuration looks back for
 * changes of them. What they gain is ingested as new rows.
 */
export async function mayStillGrow({ store, config, clock }: Runtime, objects: Iterable<string>): Promise<string[]> {
  const growing = config.sources.filter(({ type }) => type === 'okera-audit');
  const since = clock() - config.worker.okeraLookBackSeconds * 1000;
  const limit = pLimit(headsAtOnce);
  const looked = [...objects]
    .filter((uri) => growing.some(({ location }) => uri.startsWith(location)))
    .map((uri) =>
      limit(async () => {
        const info = await store.head(uri);
        return info !== undefined && info.lastModified >= since ? [uri] : [];
      }),
    );
  return (await Promise.all(looked)).flat().sort(compareText);
}
