/** What the pages are made from. */
import type { Runtime } from '../ingest/runtime.ts';
import type { EngineTurns } from './engine-turns.ts';

export interface World {
  readonly runtime: Runtime;
  /** Before each page (jobs/moment.ts). */
  readonly renew: () => void;
  readonly engines: EngineTurns;
  readonly engineName: string;
  /** Milliseconds since the epoch. */
  readonly clock: () => number;
}
