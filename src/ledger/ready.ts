/** Which open batches only wait for their commit, whichever process they belong to. */
import { mapAhead } from '../iceberg/files.ts';
import { type Intent, intentPrefix, readIntent } from './batch-intent.ts';
import type { LedgerEntry } from './entry.ts';
import type { Ledger } from './ledger.ts';
import { lostFile } from './lost-files.ts';
import type { LedgerRuntime } from './runtime.ts';

export interface ReadyBatches {
  /** In the order of their claims. */
  readonly ready: readonly { readonly intent: Intent; readonly claimed: number }[];
  /** An entry of each batch without an intent. */
  readonly open: readonly LedgerEntry[];
}

/** More are looked for by listing the intents, a thousand a request. */
const mostAsked = 500;
const askedAtATime = 32;
/** Each asks for its files side by side. */
const lookedAtATime = 4;

export async function readyIntents(
  { store, config }: Pick<LedgerRuntime, 'store' | 'config'>,
  ledger: Pick<Ledger, 'openClaims'>,
): Promise<ReadyBatches> {
  const claims = (await ledger.openClaims()).sort(([a], [b]) => a!.claimedAt - b!.claimedAt);
  const listed = claims.length > mostAsked ? new Set<string>() : undefined;
  if (listed !== undefined) for await (const { uri } of store.list(intentPrefix(config.warehouse))) listed.add(uri);
  const read = async (entries: readonly LedgerEntry[]) => {
    const { batch } = entries[0]!;
    const isThere = listed === undefined || listed.has(`${intentPrefix(config.warehouse)}${batch}.json`);
    return { entries, intent: isThere ? await readIntent(store, config.warehouse, batch) : undefined };
  };
  const ready: { intent: Intent; claimed: number }[] = [];
  const open: LedgerEntry[] = [];
  for await (const { entries, intent } of mapAhead(claims, askedAtATime, read)) {
    if (intent === undefined) open.push(entries[0]!);
    else ready.push({ intent, claimed: new Set(entries.map(({ object }) => object.uri)).size });
  }
  return { ready, open };
}

/** Those whose files are all there. */
export async function intactAmong(
  runtime: Pick<LedgerRuntime, 'store' | 'catalog'>,
  ledger: Pick<Ledger, 'openClaims'>,
  ready: ReadyBatches['ready'],
): Promise<ReadyBatches['ready']> {
  const intact: ReadyBatches['ready'][number][] = [];
  const looks = mapAhead(ready, lookedAtATime, async (one) => ({
    one,
    lost: await lostFile(runtime, ledger, one.intent),
  }));
  for await (const { one, lost } of looks) if (lost === undefined) intact.push(one);
  return intact;
}
