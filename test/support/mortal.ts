/** Stores whose process dies at a call, for tests of what the next one makes of it. */
import { MemoryStore } from '../../src/store/memory.ts';
import { collect } from './collect.ts';

export class Killed extends Error {}

/** Dies before or after its k-th call and stays dead, as a process does. */
export function mortal(store: MemoryStore, at: number, when: 'before' | 'after'): MemoryStore {
  let calls = 0;
  const die = (): void => {
    throw new Killed();
  };
  return store.view(
    when === 'before'
      ? { before: () => (++calls >= at ? die() : undefined) }
      : { before: () => (++calls > at ? die() : undefined), after: () => (calls >= at ? die() : undefined) },
  );
}

export async function storeCopy(store: MemoryStore, prefix = 'memory://test/'): Promise<MemoryStore> {
  const copy = new MemoryStore();
  for await (const { uri } of store.list(prefix)) {
    const { chunks } = await store.get(uri);
    await copy.put(uri, Buffer.concat(await collect(chunks)));
  }
  return copy;
}
