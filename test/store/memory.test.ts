import { describe, expect, test } from 'vitest';
import { type MemoryCall, MemoryStore } from '../../src/store/memory.ts';
import { storeContract } from '../contract/store.ts';
import { collect } from '../support/collect.ts';

describe('memory store', () => {
  storeContract(async () => ({ store: new MemoryStore(), root: 'memory://test/' }));
});

describe('memory store as a seam for faults', () => {
  const uri = 'memory://test/object';

  test('a call that dies before has no effect, one that dies after has', async () => {
    const store = new MemoryStore();
    const die = ({ index }: MemoryCall) => {
      if (index === 2) throw new Error('killed');
    };
    const before = store.view({ before: die });
    await before.put(uri, Buffer.from('1'));
    await expect(before.put(uri, Buffer.from('2'))).rejects.toThrow('killed');
    expect((await store.head(uri))!.size).toBe(1);
    const after = store.view({ after: die });
    await after.put(uri, Buffer.from('22'));
    await expect(after.put(uri, Buffer.from('333'))).rejects.toThrow('killed');
    expect((await store.head(uri))!.size).toBe(3);
  });

  test('hooks see every call around its effect, and can let another writer in between', async () => {
    const seen: string[] = [];
    const shared = new MemoryStore();
    const store = shared.view({
      before: async ({ operation }) => {
        seen.push(`before ${operation}`);
        if (operation === 'put') await shared.put(uri, Buffer.from('the other was first'));
      },
      after: ({ index, operation, uri: of }) => void seen.push(`after ${index} ${operation} ${of}`),
    });
    const failing = store.put(uri, Buffer.from('x'), { ifNoneMatch: '*' });
    await expect(failing).rejects.toMatchObject({ code: 'precondition-failed' });
    await collect(store.list('memory://test/'));
    await store.delete(uri);
    expect(seen).toEqual([
      'before put',
      `after 1 put ${uri}`,
      'before list',
      'after 2 list memory://test/',
      'before delete',
      `after 3 delete ${uri}`,
    ]);
    expect(store.calls).toBe(3);
  });
});
