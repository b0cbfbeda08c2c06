/**
 * Files of several days: another engine has taken the partition by day off a table, and what it has written since cannot be
 * written anew by day, so no rows can be taken out of it. That has to be known before anything is claimed: a batch that is
 * staged has to be committed, and one that cannot be stands in the way of all others.
 */
import { liveFiles } from '../../iceberg/scan.ts';
import type { ConfiguredSource } from '../../ingest/plan.ts';
import type { Runtime } from '../../ingest/runtime.ts';
import { quarantine } from '../../tables/quarantine.ts';
import { logEvent } from '../../telemetry/events.ts';

export interface UnplacedRows {
  /** Of the source. */
  readonly uri: string;
  readonly message: string;
}

/** By the name of each source that has such files in its table or in quarantine. */
export async function unplacedRows(
  { catalog, store, log }: Runtime,
  sources: readonly ConfiguredSource[],
): Promise<Map<string, UnplacedRows>> {
  const files = new Map<string, string>();
  for (const name of new Set([quarantine.name, ...sources.map(({ source }) => source.table.name)])) {
    const loaded = await catalog.loadTable(name);
    if (loaded === undefined) continue;
    for await (const { ymd, path } of liveFiles(store, loaded.metadata)) if (ymd === null) files.set(name, path);
  }
  const found = new Map<string, UnplacedRows>();
  for (const { config, source } of sources) {
    const [table, path] = [...files].find(([name]) => name === source.table.name || name === quarantine.name) ?? [];
    if (path === undefined) continue;
    const message =
      `${path} holds several days, as table ${table} is not partitioned by ymd any more: ` +
      'have the engine that changed this partition it by ymd again and rewrite its files';
    logEvent(log, 'table-unusable', { table, source: config.name, err: new Error(message) });
    found.set(config.name, { uri: config.location, message });
  }
  return found;
}
