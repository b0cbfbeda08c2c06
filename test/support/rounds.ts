/** Requests in a row: how many round trips something takes, however long each of them is. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { MemoryStore } from '../../src/store/memory.ts';

/** Longer than anything between two requests takes to compute. */
const roundMs = 30;

export interface Rounds {
  readonly store: MemoryStore;
  /** Round trips of the action; what is asked side by side is one. */
  count(action: () => Promise<unknown>): Promise<number>;
}

/** A view of the store whose requests are all answered at the end of the round that they were made in. */
export function inRounds(shared: MemoryStore): Rounds {
  let rounds = 0;
  let round: Promise<void> | undefined;
  const end = async (): Promise<void> => {
    await sleep(roundMs);
    rounds++;
    round = undefined;
  };
  return {
    store: shared.view({ before: () => (round ??= end()) }),
    async count(action) {
      const before = rounds;
      await action();
      return rounds - before;
    },
  };
}
