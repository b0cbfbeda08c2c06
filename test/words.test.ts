/**
 * Plain English: phrases that a reader stumbles over, with what to write instead. Holds the pages that strangers read, and the texts that the
 * program shows them. docs/glossary.md has the words that are meant.
 */
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';

const root = join(import.meta.dirname, '..');

const phrases: readonly (readonly [RegExp, string])[] = [
  [/\bwhoever\b/i, 'the one that, any process that'],
  [/\bof which\b/i, 'whose, or two sentences'],
  [/\b(?:one|none) an? (?:decision|record|batch|day|file|object|table|turn|row|call)\b/i, 'one per …'],
  [/\ba (?:run|process) is at it\b/i, 'in progress'],
  [/\bruns? that (?:is|are) gone\b/i, 'dead run'],
  [/\bthat (?:is|are) (?:none|no (?!longer|more)\w+)\b/i, 'that is not a …'],
  [/\b(?:they|which|it) (?:is|are) no (?!longer|more|doubt|different|way|need|one)\w+\b/i, 'is not a …'],
  [/\b(?:took|taken|takes|take) in\b/i, 'ingest'],
  [/\bin hand\b/i, 'in progress, in flight'],
  [/\bput aside\b/i, 'spilled'],
  [/\bbreaks? (?:it |them )?off\b/i, 'stop'],
  [/\bworked off\b/i, 'done, processed'],
  [/\bis no business of\b/i, 'does not concern'],
  [/\bwithout an object an?\b/i, 'without allocating an object per …'],
];

/** Decisions are records of their day and stay as they were written. */
const pages = [...globSync('*.md', { cwd: root }), ...globSync('docs/**/*.md', { cwd: root })].filter(
  (page) => !/^docs\/decisions\/\d/.test(page),
);

test.each([...pages, ...globSync('schemas/*.json', { cwd: root })].sort())('%s is written in plain English', (page) => {
  const found = readFileSync(join(root, page), 'utf8')
    .split('\n')
    .flatMap((line, i) =>
      phrases
        .filter(([phrase]) => phrase.test(line))
        .map(([phrase, better]) => `${page}:${i + 1}: "${phrase.exec(line)![0]}": ${better}`),
    );
  expect(found).toEqual([]);
});

test('the glossary gives every word one line, in alphabetical order', () => {
  const rows = readFileSync(join(root, 'docs/glossary.md'), 'utf8').match(/^\| (?!word|---).*$/gm)!;
  const words = rows.map((row) => row.split(' | ')[0]!.slice(2).toLowerCase());
  expect(words.length).toBeGreaterThan(40);
  expect(new Set(words).size).toBe(words.length);
  expect(words).toEqual(words.toSorted((a, b) => a.localeCompare(b)));
});
