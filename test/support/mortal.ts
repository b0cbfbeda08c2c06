/** Processes that die at a call to the store, and copies of what they leave behind. */
import { type MemoryHooks, MemoryStore } from '../../src/store/memory.ts';
import { collect } from './collect.ts';

export class Killed extends Error {}

export type When = 'before' | 'after';

/** Dies before or after the n-th call, and stays dead, as a process does. */
export function deathAt(call: number, when: When): MemoryHooks {
  let calls = 0;
  const die = (): void => {
    throw new Killed();
  };
  return when === 'before'
    ? { before: () => (++calls >= call ? die() : undefined) }
    : { before: () => (++calls > call ? die() : undefined), after: () => (calls >= call ? die() : undefined) };
}

export const mortal = (store: MemoryStore, call: number, when: When): MemoryStore => store.view(deathAt(call, when));

/** Another store with the same objects. */
export async function copyOf(store: MemoryStore, clock?: () => number): Promise<MemoryStore> {
  const copy = new MemoryStore({}, clock);
  for await (const { uri } of store.list('memory://test/')) {
    const { chunks } = await store.get(uri);
    await copy.put(uri, Buffer.concat(await collect(chunks)));
  }
  return copy;
}
