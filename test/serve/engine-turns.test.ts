import { describe, expect, test } from 'vitest';
import type { QueryEngine } from '../../src/engines/engine.ts';
import { EngineTurns } from '../../src/serve/engine-turns.ts';
import { TooMuchToFetch } from '../../src/sql/parameter.ts';

const signal = new AbortController().signal;

/** Engines by number, and what happened to them. */
function world() {
  const events: string[] = [];
  let opened = 0;
  const open = async (): Promise<QueryEngine> => {
    const name = `engine ${++opened}`;
    events.push(`${name} opened`);
    return {
      atOnce: 1,
      query: () => Promise.reject(new Error(name)),
      close: async () => {
        events.push(`${name} closed`);
      },
    };
  };
  const nameOf = (engine: QueryEngine): Promise<string> =>
    engine.query({ sql: '' }).then(String, (error: Error) => error.message);
  return { events, open, nameOf };
}

describe('an engine that is shared', () => {
  test('is opened at the first request and serves all, one after the other', async () => {
    const { events, open, nameOf } = world();
    const turns = new EngineTurns(open);
    expect(events).toEqual([]);
    let running = 0;
    const use = async (engine: QueryEngine): Promise<string> => {
      expect(++running).toBe(1);
      const name = await nameOf(engine);
      running--;
      return name;
    };
    const names = await Promise.all([1, 2, 3].map(() => turns.take(signal, use)));
    expect(names).toEqual(['engine 1', 'engine 1', 'engine 1']);
    await turns.close();
    expect(events).toEqual(['engine 1 opened', 'engine 1 closed']);
  });

  test('gives way to a fresh one when it may fetch no more, and the request is tried once again', async () => {
    const { events, open, nameOf } = world();
    const turns = new EngineTurns(open);
    await turns.take(signal, nameOf);
    const tried: string[] = [];
    const greedy = async (engine: QueryEngine): Promise<string> => {
      const name = await nameOf(engine);
      tried.push(name);
      if (name === 'engine 1') throw new TooMuchToFetch('too much');
      return name;
    };
    expect(await turns.take(signal, greedy)).toBe('engine 2');
    expect(tried).toEqual(['engine 1', 'engine 2']);
    expect(events).toEqual(['engine 1 opened', 'engine 1 closed', 'engine 2 opened']);
  });

  test('that is fresh and still may not fetch so much says so', async () => {
    const { events, open } = world();
    const turns = new EngineTurns(open);
    const greedy = () => Promise.reject(new TooMuchToFetch('too much'));
    await expect(turns.take(signal, greedy)).rejects.toThrow('too much');
    expect(events).toEqual(['engine 1 opened']);
  });

  test('is not kept when it could not be opened', async () => {
    const { open, nameOf } = world();
    let fails = true;
    const turns = new EngineTurns(() => (fails ? Promise.reject(new Error('not now')) : open()));
    await expect(turns.take(signal, nameOf)).rejects.toThrow('not now');
    fails = false;
    expect(await turns.take(signal, nameOf)).toBe('engine 1');
  });

  test('is not asked for a request that was given up while it waited', async () => {
    const { open } = world();
    const turns = new EngineTurns(open);
    const gone = new AbortController();
    let asked = false;
    const first = turns.take(signal, () => new Promise((resolve) => setImmediate(resolve)));
    const second = turns.take(gone.signal, async () => {
      asked = true;
    });
    gone.abort(new Error('gone'));
    await first;
    await expect(second).rejects.toThrow('gone');
    expect(asked).toBe(false);
  });
});
