import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Scalar } from '../../src/columns/types.ts';
import { commitTable } from '../../src/iceberg/commit.ts';
import { ensureTable } from '../../src/iceberg/ensure.ts';
import { readFile } from '../../src/iceberg/files.ts';
import { type FileFilter, liveFiles } from '../../src/iceberg/scan.ts';
import { isTableFault } from '../../src/iceberg/table-fault.ts';
import { compareValues } from '../../src/parquet/format/bounds.ts';
import { MemoryStore } from '../../src/store/memory.ts';
import { anyCharacter } from '../support/any-character.ts';
import { collect } from '../support/collect.ts';
import { propertyRuns } from '../support/thorough.ts';
import { append, events, type FileFacts, madeUpFile, memoryContext, names } from './fixture.ts';

async function tableOf(files: Readonly<Record<string, FileFacts>>, perCommit = 1) {
  const store = new MemoryStore();
  const context = memoryContext(store);
  let loaded = await ensureTable(context, events);
  const all = Object.entries(files).map(([name, facts]) => madeUpFile(loaded.metadata, name, facts));
  for (let start = 0; start < all.length; start += perCommit)
    ({ loaded } = await commitTable(context, 'events', () => append(...all.slice(start, start + perCommit))));
  const reads: string[] = [];
  const counting = store.view({ before: ({ operation, uri }) => void (operation === 'get' && reads.push(uri)) });
  const find = async (filter: FileFilter) => names(await collect(liveFiles(counting, loaded.metadata, filter)));
  return { find, reads, loaded, counting };
}

describe('a scan', () => {
  test('of a table without snapshots finds nothing', async () => {
    expect(await (await tableOf({})).find({})).toEqual([]);
  });

  test('of a range of days reads the manifests of these days alone', async () => {
    const days = Object.fromEntries(
      Array.from({ length: 20 }, (_, index) => [`d${index + 10}`, { ymd: `2024-01-${index + 10}` }]),
    );
    const { find, reads } = await tableOf(days);
    expect(await find({ ymd: { from: '2024-01-12', to: '2024-01-14' } })).toEqual(['d12', 'd13', 'd14']);
    expect(reads).toHaveLength(1 + 3);
    expect(await find({ ymd: { from: '2024-01-28' } })).toEqual(['d28', 'd29']);
    expect(await find({ ymd: { to: '2024-01-10' } })).toEqual(['d10']);
    expect(await find({ ymd: { from: '2025-01-01' } })).toEqual([]);
  });

  test('leaves out files by the bounds of any column, and keeps those without', async () => {
    const { find } = await tableOf({
      low: { bounds: { duration: [1n, 5n], subject: ['a', 'c'], score: [0.5, 1.5], allowed: [false, false] } },
      high: { bounds: { duration: [6n, 9n], subject: ['d'.repeat(30), 'f'], score: [2, 3], allowed: [true, true] } },
      unknown: {},
    });
    const by = (column: string, from?: Scalar, to?: Scalar) =>
      find({ bounds: [{ column, ...(from !== undefined && { from }), ...(to !== undefined && { to }) }] });
    expect(await by('duration', 6n)).toEqual(['high', 'unknown']);
    expect(await by('duration', 5n, 5n)).toEqual(['low', 'unknown']);
    expect(await by('duration', undefined, 0n)).toEqual(['unknown']);
    expect(await by('subject', 'cc', 'd')).toEqual(['unknown']);
    expect(await by('subject', Buffer.from('c'), 'd'.repeat(16))).toEqual(['high', 'low', 'unknown']);
    expect(await by('score', 1.6)).toEqual(['high', 'unknown']);
    expect(await by('allowed', true)).toEqual(['high', 'unknown']);
    expect(
      await find({
        bounds: [
          { column: 'duration', from: 6n },
          { column: 'subject', to: 'c' },
        ],
      }),
    ).toEqual(['unknown']);
    await expect(by('nothing', 1)).rejects.toThrow('no column nothing');
  });

  test('of an earlier snapshot finds its files', async () => {
    const { find, loaded } = await tableOf({ a: {}, b: {}, c: {} });
    expect(await find({ snapshot: loaded.metadata.snapshots[1]! })).toEqual(['a', 'b']);
  });

  test('decodes the entries of a manifest one after another: what is wrong behind them shows when it is reached', async () => {
    const files = Object.fromEntries(Array.from({ length: 200 }, (_, index) => [`f${index}`, {}]));
    const { loaded, counting } = await tableOf(files, 200);
    const [first] = await collect(liveFiles(counting, loaded.metadata));
    const bytes = await readFile(counting, first!.manifest);
    const cut = counting.view({});
    await cut.put(first!.manifest, bytes.subarray(0, bytes.length - 1));
    const found: string[] = [];
    const read = async (): Promise<void> => {
      for await (const { path } of liveFiles(cut, loaded.metadata)) found.push(path);
    };
    await expect(read()).rejects.toThrow(`${first!.manifest} cannot be read`);
    await expect(read()).rejects.toSatisfy(isTableFault);
    expect(found.length).toBeGreaterThan(0);
    const own = new Error('enough');
    const stop = async (): Promise<void> => {
      for await (const _ of liveFiles(cut, loaded.metadata)) throw own;
    };
    await expect(stop()).rejects.toBe(own);
  });

  test('may be left early', async () => {
    const { loaded, counting, reads } = await tableOf(
      Object.fromEntries(Array.from({ length: 60 }, (_, index) => [`f${index}`, {}])),
    );
    for await (const _file of liveFiles(counting, loaded.metadata)) break;
    expect(reads.length).toBeLessThan(15);
  });

  test('never leaves out a file that holds a matching row', async () => {
    const value = fc.string({ unit: anyCharacter, maxLength: 24 });
    await fc.assert(
      fc.asyncProperty(fc.array(fc.tuple(value, value), { maxLength: 8 }), value, value, async (pairs, a, b) => {
        const sorted = (x: string, y: string): [string, string] => (compareValues(x, y) <= 0 ? [x, y] : [y, x]);
        const files = Object.fromEntries(
          pairs.map(([x, y], index) => [`f${index}`, { bounds: { subject: sorted(x, y), id: sorted(x, y) } }]),
        );
        const { find } = await tableOf(files, 3);
        const [from, to] = sorted(a, b);
        const holding = pairs.flatMap(([x, y], index) =>
          [x, y].some((v) => compareValues(from, v) <= 0 && compareValues(v, to) <= 0) ? [`f${index}`] : [],
        );
        for (const column of ['subject', 'id'])
          expect(await find({ bounds: [{ column, from, to }] })).toEqual(expect.arrayContaining(holding));
      }),
      { numRuns: propertyRuns(60) },
    );
  });
});
