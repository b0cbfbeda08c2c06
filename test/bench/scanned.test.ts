/** What scripts/bench/scanned says of figures; the figures themselves come from running it. */
import { describe, expect, test } from 'vitest';
import { type Answer, difference } from '../../scripts/bench/lib/scanned-answers.ts';
import { daysOf } from '../../scripts/bench/lib/scanned-input.ts';
import { parseLayout } from '../../scripts/bench/lib/scanned-layouts.ts';
import { questionsAbout } from '../../scripts/bench/lib/scanned-questions.ts';
import {
  embeddedVerdicts,
  type Measured,
  type Reading,
  type Results,
  table,
  verdicts,
} from '../../scripts/bench/lib/scanned-report.ts';

const results = (...questions: Measured[]): Results => ({
  input: { records: 10, objects: 2, bytes: 6_000_000, shares: [1, 5, 1] },
  states: [{ layout: 'default', stage: 'compacted', files: 3, bytes: 700_000 }],
  questions,
});
const read = (bytes: number, embedded = 0, httpfs?: number): Reading[] => [
  { bytes, seconds: 1, embedded: { bytes: embedded, seconds: 1 }, ...(httpfs !== undefined && { httpfs }) },
];
const answer = (...rows: string[]): Answer => ({ bytes: 1, seconds: 1, rows });

describe('targets', () => {
  test('are shares of all raw bytes, of what the raw table reads, or bytes; the strictest counts', () => {
    const target = { ofWhole: 60, ofRaw: 3 };
    const found = verdicts(
      results(
        { question: 'whole', target: { ofWhole: 60 }, rows: 1, rawBytes: 6_000_000, ours: read(100_000) },
        { question: 'more', target: { ofWhole: 60 }, rows: 1, rawBytes: 6_000_000, ours: read(100_001) },
        { question: 'pruned', target, rows: 1, rawBytes: 270_000, ours: read(90_001) },
        { question: 'nothing', target: { bytes: 0 }, rows: 1, rawBytes: 6_000_000, ours: read(0) },
        { question: 'free', rows: 1, rawBytes: 6_000_000, ours: read(5_000_000) },
      ),
    );
    expect(found.map(({ question, passed }) => [question, passed])).toEqual([
      ['whole', true],
      ['more', false],
      ['pruned', false],
      ['nothing', true],
    ]);
  });

  test('of what the raw table reads count for nothing where it was not asked', () => {
    const target = { ofWhole: 60, ofRaw: 3 };
    expect(verdicts(results({ question: 'a', target, rows: 1, ours: read(100_000) }))).toMatchObject([
      { passed: true },
    ]);
  });

  test('are set for each kind of question', () => {
    const questions = questionsAbout('an-id', daysOf([1, 5, 1]));
    expect(new Set(questions.flatMap(({ target }) => (target ? [JSON.stringify(target)] : [])))).toEqual(
      new Set(['{"ofRaw":3,"ofWhole":500}', '{"ofWhole":60}', '{"ofWhole":150}', '{"ofWhole":300}', '{"bytes":0}']),
    );
    expect(new Set(questions.map(({ name }) => name)).size).toBe(questions.length);
  });
});

test('the embedded engine is held to httpfs, or without that to Trino', () => {
  const found = embeddedVerdicts(
    results(
      { question: 'as httpfs', rows: 1, ours: read(100_000, 300_000, 200_000) },
      { question: 'above httpfs', rows: 1, ours: read(9_000_000, 300_001, 200_000) },
      { question: 'as Trino', rows: 1, ours: read(1_000_000, 1_200_000) },
      { question: 'above Trino', rows: 1, ours: read(1_000_000, 1_200_001) },
      { question: 'next to nothing', rows: 1, ours: read(0, 60_000) },
    ),
  );
  expect(found.map(({ passed }) => passed)).toEqual([true, false, true, false, true]);
});

test('the table has the bytes of each state and their shares', () => {
  expect(table(results({ question: 'a', rows: 1000, rawBytes: 3_000_000, ours: read(20_000) }))).toContain(
    '| a | 1,000 | 3.00 | 0.02 (1/150, 1/300) | 0.00 |',
  );
  const compared = table(results({ question: 'a', rows: 1, ours: read(20_000, 1_500_000, 2_000_000) }));
  expect(compared).toContain('| question | rows | raw MB | default, compacted | embedded | httpfs |');
  expect(compared).toContain('| a | 1 |  | 0.02 (1/300) | 1.50 | 2.00 |');
});

test('rows that only one side has are told', () => {
  expect(difference(answer('1', '2'), answer('1', '2'))).toBeUndefined();
  expect(difference(answer('1', '2'), answer('1'))).toContain('the first that differ: 2');
  expect(difference(answer('1'), answer('0', '1'))).toContain('1 rows');
});

test('the busiest day is that of the breach', () => {
  expect(daysOf([1, 5, 1])).toEqual(['2023-07-10', '2023-07-11', '2023-07-12']);
  expect(daysOf([2])).toEqual(['2023-07-11']);
});

test('a layout is a name, settings and an order of rows', () => {
  expect(parseLayout('small compact.row_group_rows=20480 clustering=hour(event_time)+subject')).toEqual({
    name: 'small',
    settings: ['compact.row_group_rows=20480'],
    clustering: ['hour(event_time)', 'subject'],
  });
  expect(() => parseLayout('No Name')).toThrow('starts with a name');
});
