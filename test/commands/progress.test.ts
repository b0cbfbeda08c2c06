import { expect, test } from 'vitest';
import type { Output } from '../../src/commands/shared/context.ts';
import { showProgress } from '../../src/commands/shared/progress.ts';

test('a terminal that only writes lines gets lines', () => {
  let written = '';
  const write = async (text: string): Promise<void> => {
    written += text;
  };
  const stderr: Output = {
    write,
    writeStyled: write,
    writeJson: write,
    writeData: write,
    isTTY: true,
    columns: 80,
  };
  let now = 0;
  const progress = showProgress({ stderr, clock: () => now, env: { TERM: 'dumb' } }, true);
  now = 10_000;
  progress.update({ phase: 'ingesting', objectsDone: 1, objectsTotal: 2, bytesDone: 10, bytesTotal: 20, rows: 3 });
  progress.stop();
  expect(written).toMatch(/^ingesting: 1 of 2 objects, 10 B of 20 B, 3 rows.*\n$/);
});
