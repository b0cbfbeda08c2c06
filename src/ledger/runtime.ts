import type { Config } from '../config/config.ts';
import type { Catalog } from '../iceberg/catalog.ts';
import type { CommitContext } from '../iceberg/commit.ts';
import type { ParquetEncoder } from '../parquet/encoder.ts';
import type { ObjectStore } from '../store/store.ts';
import type { Owner } from './owner.ts';

/** What the protocol of claims, intents and commits needs of the world. */
export interface LedgerRuntime {
  readonly config: Config;
  readonly store: ObjectStore;
  readonly catalog: Catalog;
  readonly encoder: ParquetEncoder;
  readonly owner: Owner;
  /** Milliseconds since the epoch. */
  readonly clock: () => number;
  /** Rejects early when the signal fires. */
  readonly sleep: (ms: number, signal?: AbortSignal) => Promise<void>;
  /** A new table's uuid. */
  readonly uuid: () => string;
  /** As CommitContext has it. */
  readonly later?: (rest: Promise<void>) => void;
}

export const commitContext = ({ catalog, store, clock, sleep, uuid, later }: LedgerRuntime): CommitContext => ({
  catalog,
  store,
  now: clock,
  sleep,
  uuid,
  ...(later && { later }),
});
