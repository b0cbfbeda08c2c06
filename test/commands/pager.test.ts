import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { openPager } from '../../src/commands/shared/pager.ts';

const folder = mkdtempSync(join(tmpdir(), 'aw-pager-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** A terminal of five rows, and a pager that keeps what it is given in a file. */
async function page(lines: number, env: Record<string, string> = {}) {
  const file = join(folder, `${lines}-${Object.values(env).join('').length}`);
  let shown = '';
  let started = false;
  const terminal = {
    isTTY: true,
    rows: 5,
    columns: 80,
    write(text: string, done: () => void) {
      shown += text;
      done();
    },
  };
  const { stream, end } = openPager({
    terminal,
    env: { PATH: process.env.PATH, PAGER: `cat > '${file}'`, ...env },
    onStart: () => {
      started = true;
    },
  });
  for (let i = 1; i <= lines; i++) await new Promise<void>((resolve) => void stream.write(`${i}\n`, () => resolve()));
  await end();
  return { shown, paged: existsSync(file) ? readFileSync(file, 'utf8') : '', started };
}

describe('an answer on a terminal', () => {
  test('that fits is shown as it is', async () => {
    expect(await page(4)).toEqual({ shown: '1\n2\n3\n4\n', paged: '', started: false });
  });

  test('that is longer goes through the pager, from its first line', async () => {
    const { shown, paged, started } = await page(100);
    expect([shown, started]).toEqual(['', true]);
    expect(paged.split('\n')).toHaveLength(101);
    expect(paged.startsWith('1\n2\n')).toBe(true);
  });

  test('goes through none where the pager is cat or empty', async () => {
    for (const PAGER of ['cat', '']) expect((await page(100, { PAGER })).started).toBe(false);
  });

  test('says so where the pager is not there', async () => {
    await expect(page(7, { PAGER: 'no-such-pager-here 2>/dev/null' })).rejects.toThrow(/cannot be started|EPIPE/);
  });
});
