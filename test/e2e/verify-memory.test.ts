/** What docs/operations.md promises of the memory of `verify`: it grows with the number of objects, by a fixed amount for each. */
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { expect, test } from 'vitest';

const script = join(import.meta.dirname, 'support/verify-memory.ts');

function held(objects: number): number {
  const output = execFileSync(process.execPath, ['--expose-gc', script, String(objects)], { encoding: 'utf8' });
  const { bytes, ...rest } = JSON.parse(output);
  expect(rest).toEqual({ listed: objects + 1, ok: true });
  return bytes;
}

test('verify holds no more than 300 bytes of each object', () => {
  const [few, many] = [10_000, 60_000];
  const perObject = (held(many) - held(few)) / (many - few);
  expect(perObject).toBeLessThan(300);
  // Their names alone: less than that was not measured.
  expect(perObject).toBeGreaterThan(100);
});
