import type { Logger } from 'pino';
import type { Catalog } from '../catalog/catalog.ts';
import type { Config } from '../config/config.ts';
import type { Owner } from '../ledger/owner.ts';
import type { Layout } from '../parquet/layout.ts';
import type { ObjectStore } from '../store/store.ts';
import type { Ingester } from './ingester.ts';

/** Everything that a job needs of the world. `wire.ts` makes the real one; tests make theirs. */
export interface Runtime {
  readonly config: Config;
  readonly store: ObjectStore;
  readonly catalog: Catalog;
  readonly layOut: Layout;
  /** May run on other threads. */
  readonly ingester: Ingester;
  readonly owner: Owner;
  readonly log: Logger;
  /** Milliseconds since the epoch. */
  readonly clock: () => number;
  /** Rejects early when the signal fires. */
  readonly sleep: (ms: number, signal?: AbortSignal) => Promise<void>;
  /** A new table's uuid. */
  readonly uuid: () => string;
}
