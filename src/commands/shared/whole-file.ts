/**
 * A file that is there whole or not at all: it is written under another name and then takes its own. It shows the content of
 * logs, so only its owner may read it.
 */
import { randomUUID } from 'node:crypto';
import { type FileHandle, open, realpath, rename, rm, stat } from 'node:fs/promises';

/**
 * Resolves as `fill` does; where that throws, what was at `path` stays. A pipe or a device, such as `/dev/null`, `/dev/stdout` and what a
 * shell makes of `>(gzip)`, is written to as it stands: a file must never take its place. A link goes on leading where it led.
 */
export async function writeWhole<T>(path: string, fill: (file: FileHandle) => Promise<T>): Promise<T> {
  const present = await stat(path).catch(() => undefined);
  if (present !== undefined && !present.isFile()) {
    const stream = await open(path, 'w');
    return fill(stream).finally(() => stream.close());
  }
  const target = present === undefined ? path : await realpath(path);
  const unfinished = `${target}.${randomUUID()}`;
  const file = await open(unfinished, 'wx', 0o600);
  try {
    const result = await fill(file);
    await file.sync();
    await file.close();
    await rename(unfinished, target);
    return result;
  } catch (error) {
    await file.close().catch(() => undefined);
    await rm(unfinished, { force: true });
    throw error;
  }
}

export const writeText = (path: string, text: string): Promise<void> =>
  writeWhole(path, (file) => file.appendFile(text));

const linesAtATime = 1000;

/** A file of JSON lines: `make` hands each line's value to `write`. */
export function writeLines<T>(path: string, make: (write: (value: object) => Promise<void>) => Promise<T>): Promise<T> {
  return writeWhole(path, async (file) => {
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
    return result;
  });
}
