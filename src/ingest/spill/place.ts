/**
 * Where the runs of a batch are spilled (`batch.spill`). Their names say which process made them, so that what a
 * killed one left is known by the next, and no two that work on the same batch meet.
 */
import type { Config } from '../../config/config.ts';
import type { Owner } from '../../ledger/owner.ts';
import type { ObjectStore } from '../../store/store.ts';
import type { SpillPlace } from './table-runs.ts';

/** Longer than any batch takes: for an unknown process, as one of before the machine was started anew. */
const forgottenMs = 86_400_000;

const common = (folder: string): string => `${folder}/audit-warehouse-ingest-`;
/** Ids of owners have slashes in them. */
const nameOf = (owner: string): string => encodeURIComponent(owner).replaceAll('_', '%5F');

/** undefined where the configuration wants none. */
export function spillPlace(
  { batch }: Pick<Config, 'batch'>,
  owner: string,
  label: string,
  signal: AbortSignal | undefined,
): SpillPlace | undefined {
  if (batch.spill === undefined) return undefined;
  const prefix = `${common(batch.spill)}${nameOf(owner)}_${label}`;
  return { prefix, bytes: batch.columnBytes, ...(signal && { signal }) };
}

/** Removes the runs of processes that are gone. */
export async function removeLeftRuns(
  store: ObjectStore,
  { batch }: Pick<Config, 'batch'>,
  owner: Owner,
  now: number,
): Promise<void> {
  if (batch.spill === undefined) return;
  const prefix = common(batch.spill);
  for await (const { uri, lastModified } of store.list(prefix)) {
    const maker = ownerIn(uri.slice(prefix.length));
    if (maker === undefined || maker === owner.id) continue;
    if (owner.isDead(maker) || now - lastModified > forgottenMs) await store.delete(uri);
  }
}

/** undefined: no name that was made here. */
function ownerIn(name: string): string | undefined {
  const [encoded, rest] = name.split('_', 2);
  try {
    return rest === undefined ? undefined : decodeURIComponent(encoded!);
  } catch {
    return undefined;
  }
}
