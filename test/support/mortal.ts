/** Processes that die at a call to the store, and what they leave behind. */
import { createHash } from 'node:crypto';
import type { MemoryCall, MemoryHooks, MemoryStore } from '../../src/store/memory.ts';
import { killPoints } from './thorough.ts';

export class Killed extends Error {}

export type When = 'before' | 'after';

/** Dies before or after the n-th call, and stays dead, as a process does. `onDeath` hears of each call of the dead. */
export function deathAt(call: number, when: When, onDeath: () => void = () => {}): MemoryHooks {
  let calls = 0;
  const die = (): void => {
    onDeath();
    throw new Killed();
  };
  return when === 'before'
    ? { before: () => (++calls >= call ? die() : undefined) }
    : { before: () => (++calls > call ? die() : undefined), after: () => (calls >= call ? die() : undefined) };
}

export const mortal = (store: MemoryStore, call: number, when: When): MemoryStore => store.view(deathAt(call, when));

export interface Left {
  /** What a job left behind, for the test to go on with. */
  readonly store: MemoryStore;
  /** When it died or was met by another, for the messages of assertions. */
  readonly at: string;
}

/**
 * Kills a job before and after calls of it (`killPoints`), each time on a copy of `start`; after those that read there is
 * nothing to kill, since they fail and leave the same as before them. A run that comes later has nothing but the objects
 * to go by, so that of deaths which leave the same ones the first alone is given. That needs a job whose names and times
 * are the same in every run. When the store took an object does not count: it is the same for all where the clock stands still.
 *
 * @param calls how many the job makes when nobody disturbs it
 * @throws where a job was not killed, since it made fewer calls, or was killed and ends as if nothing had happened, unless it
 *   `mayEnd`: what it does last may be tried and not insisted on
 */
export async function* deaths(
  start: MemoryStore,
  calls: number,
  job: (store: MemoryStore) => Promise<unknown>,
  { mayEnd = false } = {},
): AsyncGenerator<Left> {
  const isNew = firstOfEach();
  for (const call of killPoints(calls)) {
    let reads = false;
    for (const when of ['before', 'after'] as const) {
      if (when === 'after' && reads) continue;
      const store = start.copy();
      const at = `${when} call ${call} of ${calls}`;
      let died = false;
      const death = deathAt(call, when, () => {
        died = true;
      });
      const dying = store.view({
        ...death,
        before: (begun) => {
          if (begun.index === call) reads = !['put', 'delete'].includes(begun.operation);
          return death.before?.(begun);
        },
      });
      const ended = await job(dying).then(
        () => true,
        () => false,
      );
      if (!died) throw new Error(`a job was not killed ${at}: it made fewer calls`);
      if (ended && !mayEnd) throw new Error(`a job that was killed ${at} has ended well`);
      if (await isNew(store)) yield { store, at };
    }
  }
}

/**
 * Lets another job run from its start to its end before calls of a job (`killPoints`), each time on a copy of `start`. Of
 * pairs that end with the same objects the first alone is given; that needs names and times as `deaths` does.
 *
 * @param most calls in a sample
 */
export async function* meetings(
  start: MemoryStore,
  calls: number,
  job: (store: MemoryStore) => Promise<unknown>,
  other: (store: MemoryStore) => Promise<unknown>,
  most?: number,
): AsyncGenerator<Left> {
  const isNew = firstOfEach();
  for (const call of killPoints(calls, most)) {
    const store = start.copy();
    let met = 0;
    const before = async ({ index }: MemoryCall): Promise<void> => {
      if (index !== call) return;
      met++;
      await other(store);
    };
    await job(store.view({ before }));
    const at = `before call ${call} of ${calls}`;
    if (met !== 1) throw new Error(`a job met another ${met} times ${at}`);
    if (await isNew(store)) yield { store, at };
  }
}

/** Tells of stores, one after the other, whether no earlier one had the same objects. */
function firstOfEach(): (store: MemoryStore) => Promise<boolean> {
  const seen = new Set<string>();
  return async (store) => {
    const hash = createHash('sha256');
    for await (const { uri, etag } of store.list('memory://')) hash.update(`${uri} ${etag}\n`);
    return seen.size < seen.add(hash.digest('hex')).size;
  };
}
