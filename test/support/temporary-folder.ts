/**
 * A folder in memory for what tests leave behind them for a while, on machines that have enough of it: most of what a test of
 * files waits for is a disk that syncs them, and no test here takes a disk's power away.
 */
import { accessSync, constants, mkdtempSync, readdirSync, rmSync, statfsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** The largest tests write a few GB. */
const leastBytes = 12 * 2 ** 30;
const memory = '/dev/shm';
const prefix = 'audit-warehouse-tests-';
const ofProcess = new RegExp(`^${prefix}(\\d+)-`);

/** undefined where there is none. It is gone with this process, or with a later one where this is killed. */
export function folderInMemory(): string | undefined {
  let folder: string | undefined;
  try {
    removeAbandoned();
    const { bavail, bsize } = statfsSync(memory);
    // What a container may take counts, too.
    if (Math.min(bavail * bsize, process.availableMemory()) < leastBytes) return undefined;
    folder = mkdtempSync(join(memory, `${prefix}${process.pid}-`));
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

/** Memory that nobody uses any more is not given back by itself. */
function removeAbandoned(): void {
  for (const name of readdirSync(memory)) {
    const pid = ofProcess.exec(name)?.[1];
    if (pid !== undefined && isGone(Number(pid))) rmSync(join(memory, name), { recursive: true, force: true });
  }
}

function isGone(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return false;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ESRCH';
  }
}
