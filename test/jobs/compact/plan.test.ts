import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { DeleteFile } from '../../../src/iceberg/row-deletes.ts';
import type { LiveFile } from '../../../src/iceberg/scan.ts';
import {
  type CompactionRules,
  type DayPlan,
  type PlannedTable,
  planTable,
  smallBytes,
} from '../../../src/jobs/compact/plan.ts';
import { compactedPrefix } from '../../../src/rewrite/without-rows.ts';

const rules: CompactionRules = {
  targetBytes: 1000,
  smallFiles: 3,
  excessFiles: 4,
  unsortedShare: 0.1,
  findDuplicates: true,
};
const table: PlannedTable = {
  name: 't',
  sortOrderId: 2,
  isPinned: (file) => file.path.includes('claim'),
  hasIdentity: true,
};

interface Drawn {
  readonly name: string;
  readonly ymd?: string | null;
  readonly size: number;
  readonly compacted?: boolean;
  readonly deletes?: readonly DeleteFile[];
}

const file = ({ name, ymd = '2026-01-01', size, compacted = false, deletes = [] }: Drawn): LiveFile => ({
  path: `s3://b/t/data/ymd=${ymd}/${compacted ? compactedPrefix : ''}${name}.parquet`,
  ymd,
  recordCount: Math.max(1, size >> 2),
  fileSize: size,
  columnSizes: new Map(),
  valueCounts: new Map(),
  nullCounts: new Map(),
  lowerBounds: new Map(),
  upperBounds: new Map(),
  splitOffsets: [],
  sortOrderId: compacted ? 2 : 1,
  format: 'PARQUET',
  specId: 0,
  deletes,
  sequenceNumber: 1,
  fileSequenceNumber: 1,
  snapshotId: 1n,
  manifest: 'm',
});

const plan = (files: readonly LiveFile[], with_: Partial<CompactionRules> = {}) =>
  planTable(table, files, { ...rules, ...with_ });

const names = (files: readonly LiveFile[]) => files.map((one) => /([\w-]+)\.parquet$/.exec(one.path)![1]);

const day = fc
  .array(
    fc.record({
      size: fc.integer({ min: 1, max: 3000 }),
      compacted: fc.boolean(),
      isClaim: fc.boolean(),
      ymd: fc.constantFrom('2026-01-01', '2026-01-02'),
    }),
    { maxLength: 20 },
  )
  .map((files) =>
    files.map(({ size, compacted, isClaim, ymd }, i) =>
      file({ name: `${isClaim ? 'claim' : 'file'}-${i}`, size, compacted: compacted && !isClaim, ymd }),
    ),
  );

/** What a run makes of the inputs: files of at least the target size, but for the last, of fewer bytes than before. */
function rewritten(planned: DayPlan, shrink: number): LiveFile[] {
  let left = Math.max(1, Math.floor(planned.bytes * shrink));
  const files: LiveFile[] = [];
  for (let i = 0; left > 0; i++) {
    const size = Math.min(left, rules.targetBytes + ((i * 37) % 300));
    files.push(file({ name: `new-${planned.day}-${i}`, ymd: planned.day, size, compacted: true }));
    left -= size;
  }
  return files;
}

describe('every plan', () => {
  test('rewrites live files of one day, none twice, none that is pinned, and keeps only compacted ones', () => {
    fc.assert(
      fc.property(day, (files) => {
        const { days, suspects } = plan(files);
        for (const planned of [...days, ...suspects]) {
          const chosen = [...planned.inputs, ...planned.kept];
          expect(new Set(chosen).size).toBe(chosen.length);
          expect(planned.inputs.length).toBeGreaterThan(0);
          for (const one of chosen) {
            expect(files).toContain(one);
            expect(one.ymd).toBe(planned.day);
            expect(one.path).not.toContain('claim');
          }
          for (const one of planned.kept) expect(one.path).toContain(compactedPrefix);
          expect(planned.rows).toBe(planned.inputs.reduce((sum, one) => sum + one.recordCount, 0));
          expect(planned.bytes).toBe(planned.inputs.reduce((sum, one) => sum + one.fileSize, 0));
        }
        const planned = [...days, ...suspects].map((one) => one.day);
        expect(new Set(planned).size).toBe(planned.length);
      }),
    );
  });

  test('does not depend on the order in which files are listed', () => {
    fc.assert(
      fc.property(
        day.chain((files) => fc.tuple(fc.constant(files), fc.shuffledSubarray(files, { minLength: files.length }))),
        ([files, shuffled]) => void expect(plan(shuffled)).toEqual(plan(files)),
      ),
    );
  });

  test('leaves nothing to do once it was carried out', () => {
    fc.assert(
      fc.property(day, fc.double({ min: 0.05, max: 1.2, noNaN: true }), (files, shrink) => {
        const { days } = plan(files);
        const gone = new Set(days.flatMap((planned) => planned.inputs));
        const after = [...files.filter((one) => !gone.has(one)), ...days.flatMap((one) => rewritten(one, shrink))];
        expect(plan(after).days).toEqual([]);
      }),
    );
  });
});

describe('a day', () => {
  test('of one sorted file is left alone, of one unsorted file is sorted', () => {
    expect(plan([file({ name: 'a', size: 900, compacted: true })]).days).toEqual([]);
    expect(plan([file({ name: 'a', size: 900 })]).days[0]?.reasons).toEqual(['unsorted']);
  });

  test('with few late rows is only looked through for duplicates, and its large files stay', () => {
    const large = [1, 2, 3].map((n) => file({ name: `large-${n}`, size: 1000, compacted: true }));
    const late = file({ name: 'late', size: 10 });
    const { days, suspects } = plan([...large, late]);
    expect(days).toEqual([]);
    expect(suspects).toHaveLength(1);
    expect(names(suspects[0]!.inputs)).toEqual(['late']);
    expect(suspects[0]!.kept).toEqual(large);
    expect(plan([...large, late], { findDuplicates: false }).suspects).toEqual([]);
  });

  test('with many late files has these merged, and its large files stay', () => {
    const large = [1, 2, 3].map((n) => file({ name: `large-${n}`, size: 1000, compacted: true }));
    const late = [1, 2, 3].map((n) => file({ name: `late-${n}`, size: 10 }));
    const { days } = plan([...large, ...late]);
    expect(days[0]?.reasons).toEqual(['small-files']);
    expect(days[0]?.inputs).toEqual(late);
    expect(days[0]?.kept).toEqual(large);
  });

  test('with much that came late is rewritten whole, so that its files do not overlap', () => {
    const files = [file({ name: 'large', size: 1000, compacted: true }), file({ name: 'late', size: 600 })];
    expect(plan(files).days[0]?.inputs).toHaveLength(2);
  });

  test('of files somewhat below the target is rewritten once there are many of them', () => {
    const middling = Array.from({ length: 7 }, (_, n) => file({ name: `m-${n}`, size: 400, compacted: true }));
    expect(smallBytes(rules)).toBeLessThan(400);
    expect(plan(middling).days[0]?.reasons).toEqual(['excess-files']);
    // None of them is small or unsorted, so it is their number alone that makes them inputs.
    expect(plan(middling).days[0]?.inputs).toEqual(middling);
    expect(plan(middling.slice(1)).days).toEqual([]);
  });

  test('is sorted from the very share on that is asked for', () => {
    const large = [1, 2, 3].map((n) => file({ name: `large-${n}`, size: 900, compacted: true }));
    expect(plan([...large, file({ name: 'late', size: 300 })]).days[0]?.reasons).toEqual(['unsorted']);
    expect(plan([...large, file({ name: 'late', size: 299 })]).days).toEqual([]);
  });

  test('that was compacted in an order of before counts as not compacted', () => {
    const before = { ...file({ name: 'a', size: 900, compacted: true }), sortOrderId: 1 };
    const after = file({ name: 'b', size: 900, compacted: true });
    expect(plan([before]).days[0]?.reasons).toEqual(['unsorted']);
    const { suspects } = plan([before, after], { unsortedShare: 0.6 });
    expect(suspects.map(({ inputs, kept }) => [inputs, kept])).toEqual([[[before], [after]]]);
    // And so does a file in the order of today that another engine has written: nobody has looked for its duplicates.
    const foreign = { ...file({ name: 'c', size: 900 }), sortOrderId: 2 };
    expect(plan([foreign]).days[0]?.reasons).toEqual(['unsorted']);
    expect(plan([foreign], { unsortedShare: 2 }).suspects).toEqual([]);
    expect(plan([foreign, after], { unsortedShare: 2 }).suspects[0]?.inputs).toEqual([foreign]);
  });

  test('whose rows another engine has deleted is compacted for that alone, and one that cannot be told is refused', () => {
    const deletes = [{ key: 'delete' } as DeleteFile];
    const files = [
      file({ name: 'a', size: 900, compacted: true }),
      file({ name: 'b', size: 900, compacted: true, deletes }),
    ];
    const { days } = plan(files);
    expect(days.map(({ reasons, inputs }) => [reasons, names(inputs)])).toEqual([
      [['row-level-deletes'], ['compacted-a', 'compacted-b']],
    ]);
    expect(plan(files.slice(0, 1)).days).toEqual([]);
    expect(plan([file({ name: 'a', size: 10, ymd: null })]).refused).toEqual([
      { table: 't', day: null, reason: expect.stringContaining('partition spec') },
    ]);
  });
});
