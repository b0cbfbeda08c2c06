import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { producers } from './producers.ts';
import { decisionOf, readObject } from './read.ts';

describe('every producer gives each decision as a row, with its input as it is', () => {
  const records = ['a', 'b', 'c'].map((id) => decisionOf(id));

  test.each(producers.map((producer) => [producer.name, producer] as const))('%s', async (_, producer) => {
    const { rows, quarantined } = await readObject(producer.write(records));
    expect({ rows: rows.map(([id, input]) => [id, JSON.parse(input)]), quarantined }).toEqual({
      rows: records.map(({ decision_id: id, input }) => [id, input]),
      quarantined: [],
    });
  });
});

test('docs/inputs.md has the same producers, settings and forms', () => {
  const page = readFileSync('docs/inputs.md', 'utf8');
  const rows = page.split('\n').filter((line) => line.startsWith('| '));
  const cells = rows.map((row) => row.split('|').map((cell) => cell.trim())).map(([, ...row]) => row.slice(0, 3));
  expect(cells).toEqual(expect.arrayContaining(producers.map(({ name, settings, form }) => [name, settings, form])));
});
