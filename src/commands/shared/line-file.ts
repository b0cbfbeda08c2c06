/** A file of JSON lines that is there whole or not at all. */
import { randomUUID } from 'node:crypto';
import { open, rename, rm } from 'node:fs/promises';

const linesAtATime = 1000;

/** Resolves as `make` does, which hands each line's value to `write`; where it throws, what was at `path` stays. */
export async function writeLines<T>(
  path: string,
  make: (write: (value: object) => Promise<void>) => Promise<T>,
): Promise<T> {
  const unfinished = `${path}.${randomUUID()}`;
  const file = await open(unfinished, 'wx', 0o600);
  try {
    let lines: string[] = [];
    const flush = async (): Promise<void> => {
      await file.appendFile(lines.join(''));
      lines = [];
    };
    const result = await make(async (value) => {
      lines.push(`${JSON.stringify(value)}\n`);
      if (lines.length === linesAtATime) await flush();
    });
    await flush();
    await file.sync();
    await file.close();
    await rename(unfinished, path);
    return result;
  } catch (error) {
    await file.close().catch(() => undefined);
    await rm(unfinished, { force: true });
    throw error;
  }
}
