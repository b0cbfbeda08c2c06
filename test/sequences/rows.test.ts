import { expect, test } from 'vitest';
import { toRows } from '../../src/sequences/rows.ts';
import { sequences } from '../../src/tables/sequences.ts';

test('the last moment of 9999, which no double has, stays in a year that every reader has', () => {
  const lastTime = Number(253_402_300_799_999_999n);
  const owner = {
    ymd: '9999-12-31',
    source: 's',
    instanceKey: 0n,
    instance: null,
    kind: 'decision',
    batch: null,
  } as const;
  const [row] = toRows({ ...owner, firstTime: 1, lastTime, ranges: [] });
  const at = (name: string) => row![sequences.columns.findIndex((column) => column.name === name)];
  expect([at('first_time'), at('last_time')]).toEqual([1n, 253_402_300_799_999_999n]);
});
