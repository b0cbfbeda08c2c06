/**
 * A folder in memory for what tests leave behind them for a while, on machines that have enough of it: most of what a test of
 * files waits for is a disk that syncs them, and no test here takes a disk's power away.
 */
import { accessSync, constants, mkdtempSync, rmSync, statfsSync, writeFileSync } from 'node:fs';
import { freemem } from 'node:os';
import { join } from 'node:path';

/** The largest tests write a few GB. */
const leastBytes = 12 * 2 ** 30;
const memory = '/dev/shm';

/** undefined where there is none. It is gone with this process. */
export function folderInMemory(): string | undefined {
  let folder: string | undefined;
  try {
    const { bavail, bsize } = statfsSync(memory);
    if (Math.min(bavail * bsize, freemem()) < leastBytes) return undefined;
    folder = mkdtempSync(join(memory, 'audit-warehouse-tests-'));
    // Not where programs are not allowed to run, of which tests install some.
    const program = join(folder, 'program');
    writeFileSync(program, '', { mode: 0o700 });
    accessSync(program, constants.X_OK);
  } catch {
    if (folder !== undefined) rmSync(folder, { recursive: true });
    return undefined;
  }
  process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
  return folder;
}
