/** What the pages are made from. */
import type { EngineName } from '../engines/index.ts';
import type { Runtime } from '../ingest/runtime.ts';
import type { Moment } from '../jobs/moment.ts';
import type { EngineTurns } from './engine-turns.ts';

export interface World {
  readonly runtime: Runtime;
  /** For each page (jobs/moment.ts). */
  readonly during: Moment<Runtime>['during'];
  readonly engines: EngineTurns;
  readonly engineName: EngineName;
  /** Milliseconds since the epoch. */
  readonly clock: () => number;
}
