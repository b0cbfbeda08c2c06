/**
 * A compaction that is asked to stop, at any call to the store: it commits what it has rewritten, says so, leaves no file
 * of its own behind, and the next run does the rest.
 */
import { expect, test } from 'vitest';
import { liveFiles } from '../../src/iceberg/scan.ts';
import { type CompactReport, compact } from '../../src/jobs/compact/compact.ts';
import { compactedPrefix } from '../../src/rewrite/without-rows.ts';
import type { MemoryStore } from '../../src/store/memory.ts';
import { collect } from '../support/collect.ts';
import { meetings } from '../support/mortal.ts';
import { ingested, state, world } from './compacted-world.ts';

const tables = ['opa_decisions'];
const isCompacted = (path: string): boolean => path.includes(`/opa_decisions/data/`) && path.includes(compactedPrefix);

async function liveCompacted(store: MemoryStore) {
  const { metadata } = (await world(store).catalog.loadTable('opa_decisions'))!;
  return (await collect(liveFiles(store, metadata))).filter(({ path }) => isCompacted(path));
}

const cuts = [
  ['one file', {}],
  ['several files', { targetBytes: 1, rowGroupRows: 2 }],
] as const;

test.each(cuts)(
  'a compaction to %s a day, stopped at any call, has committed what it says and leaves the rest',
  async (_, options) => {
    const start = await ingested();
    const untouched = await state(world(start));
    const whole = start.copy();
    const view = whole.view();
    await compact(world(view, options), { tables });
    const expected = await state(world(whole));

    let stop = new AbortController();
    let report: CompactReport | undefined;
    const job = async (on: MemoryStore): Promise<void> => {
      stop = new AbortController();
      report = await compact(world(on, options), { tables, signal: stop.signal });
    };
    const daysBySize = new Map<number, number>();
    for await (const { store, at } of meetings(
      start,
      view.calls,
      job,
      async () => stop.abort(new Error('stopped')),
      60,
    )) {
      const { days, stopped = false, overtaken } = report!;
      daysBySize.set(days.length, (daysBySize.get(days.length) ?? 0) + 1);
      expect(overtaken, at).toEqual([]);
      if (days.length < 2) expect(stopped, at).toBe(true);

      const live = await liveCompacted(store);
      expect([...new Set(live.map(({ ymd }) => ymd))].sort(), at).toEqual(days.map(({ day }) => day).sort());
      const stored = (await collect(store.list('memory://'))).map(({ uri }) => uri);
      expect(stored.filter(isCompacted).sort(), at).toEqual(live.map(({ path }) => path).sort());
      expect(
        stored.filter((uri) => uri.includes('/spill/')),
        at,
      ).toEqual([]);
      const { events } = await state(world(store));
      expect([untouched.events, expected.events], at).toContainEqual(events);

      const rest = await compact(world(store, options), { tables });
      expect(rest.stopped, at).toBeUndefined();
      expect(rest.days.length + days.length, at).toBe(2);
      expect(await state(world(store)), at).toEqual(expected);
    }
    // Stopped before the first day, between the two, and behind them.
    expect([...daysBySize.keys()].sort()).toEqual([0, 1, 2]);
  },
);
