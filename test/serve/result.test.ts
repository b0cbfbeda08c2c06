import { expect, it } from 'vitest';
import type { CellValue } from '../../src/engines/engine.ts';
import { readAnswer } from '../../src/serve/answer.ts';
import { renderResult } from '../../src/serve/result.ts';

async function shown(columns: readonly string[], rows: readonly (readonly CellValue[])[]): Promise<string> {
  const chunks = (async function* () {
    yield rows;
  })();
  const answer = await readAnswer({
    columns: columns.map((name) => ({ name, type: 'VARCHAR' })),
    chunks,
    bytesScanned: () => 0,
  });
  const span = { from: 0n, to: 86_399_999_999n };
  return renderResult(answer, { span }).text;
}

it.each([
  [
    'events of the first year and of the last one that can be logged',
    'event_time',
    '0001-01-01T00:00:00.000000Z',
    '9999-12-31T23:59:59.999999Z',
  ],
  ['days', 'time', '2023-07-10', '2023-07-11'],
  ['times of the views of Okera', 'start_time_utc', '2020-09-17 08:20:40.065979', '2020-09-18 00:00:00.000000'],
])('%s are shown over time', async (_what, column, ...texts) => {
  expect(
    await shown(
      [column],
      texts.map((text) => [text]),
    ),
  ).toContain('Rows over time');
});

it.each([
  ['any text', 'event_time', 'tomorrow', 'resource 12'],
  ['infinities', 'event_time', 'infinity', '-infinity'],
  ['years of more than four digits', 'time', '290000-01-01T00:00:00.000000Z', '0044-03-15 (BC) 12:00:00'],
  ['days that no month has', 'time', '2023-02-99', '2023-99-01'],
  ['intervals that are none', 'moment', 'a', 'b'],
  ['no intervals', 'moment', null, '2023-07-10'],
  ['numbers', 'moment', 1, 2],
])('%s in a column named as times are, are a table', async (_what, column, ...cells) => {
  const page = await shown(
    [column, 'decisions'],
    cells.map((cell, i) => [cell, i]),
  );
  expect(page).not.toContain('over time');
  expect(page).toContain('Answer: 2 rows');
});
