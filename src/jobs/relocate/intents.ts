/** Intents of batches, amendments and compactions name files of the warehouse: in a copy they have to name its own. */
import { stringifyJson } from '../../iceberg/json.ts';
import type { Runtime } from '../../ingest/runtime.ts';
import { amendmentPrefix } from '../../ledger/amendment.ts';
import { intentPrefix } from '../../ledger/batch-intent.ts';
import { isIntentUri, parseIntentJson } from '../../ledger/intent-json.ts';
import { readWhole } from '../../store/read.ts';
import { compactionPrefix } from '../steps/compaction-intent.ts';
import { type Move, moved } from './places.ts';

/** Returns how many there were to change. */
export async function relocateIntents({ store, config, sleep }: Runtime, move: Move): Promise<number> {
  let changed = 0;
  for (const prefix of [
    intentPrefix(config.warehouse),
    amendmentPrefix(config.warehouse),
    compactionPrefix(config.warehouse),
  ])
    for await (const info of store.list(prefix)) {
      if (!isIntentUri(info.uri)) continue;
      const json = parseIntentJson(await readWhole(store, info, { sleep }), info.uri);
      const next = stringifyJson(renamedIn(json, move));
      if (next === stringifyJson(json)) continue;
      await store.put(info.uri, Buffer.from(next), { contentType: 'application/json' });
      changed++;
    }
  return changed;
}

/** No source lies within a warehouse, so a text that does is a file of it. */
function renamedIn(value: unknown, move: Move): unknown {
  if (typeof value === 'string') return /^([a-z0-9]+:)?\//.test(value) ? (moved(value, move) ?? value) : value;
  if (Array.isArray(value)) return value.map((item) => renamedIn(item, move));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, renamedIn(item, move)]));
}
