import { createHash, randomUUID } from 'node:crypto';
import { readFileSync, readlinkSync, symlinkSync, unlinkSync } from 'node:fs';
import { hostname } from 'node:os';
import { basename, dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { StoreError } from './store.ts';

/**
 * Mutual exclusion of the processes of one machine over one file, for compare-and-replace in local.ts. Node has no
 * lock of the operating system to offer, so the lock is a symbolic link beside the file whose target says who holds it:
 * created with its content in one step, refused where it exists. A holder that has died is told by its process id and
 * start time, and its lock broken; a lock from another machine (a shared file system) is never broken, only waited for.
 */
export const reservedPrefix = '.audit-warehouse-';

export const isReserved = (name: string): boolean => name.startsWith(reservedPrefix);

const patienceMs = 30_000;

/** Runs `action` while no other caller runs one for this path. Throws StoreError transient where it cannot get the lock. */
export async function withLock<T>(path: string, action: () => Promise<T>): Promise<T> {
  const digest = createHash('sha256').update(basename(path)).digest('hex').slice(0, 32);
  return holding(`${dirname(path)}/${reservedPrefix}${digest}.lock`, path, action);
}

async function holding<T>(lock: string, path: string, action: () => Promise<T>): Promise<T> {
  const token = `${me} ${randomUUID()}`;
  const end = performance.now() + patienceMs;
  for (let wait = 1; !tryCreate(lock, token); wait = Math.min(wait * 2, 50)) {
    const holder = readHolder(lock);
    if (holder !== undefined && isDead(holder)) await breakLock(lock, holder, path);
    else if (performance.now() > end) {
      throw new StoreError(
        'transient',
        `file://${path}`,
        `the lock ${lock} has been held for ${patienceMs / 1000} s by "${holder ?? '?'}"; remove it if that process is gone`,
      );
    } else await sleep(wait * (0.5 + Math.random()));
  }
  try {
    return await action();
  } finally {
    unlinkSync(lock);
  }
}

/**
 * A process that would break a dead holder's lock first takes the lock that is named after that very holding, and looks again:
 * only then is it certain that what is unlinked is the dead one's lock and not a successor's.
 */
async function breakLock(lock: string, holder: string, path: string): Promise<void> {
  const digest = createHash('sha256').update(`${lock}\n${holder}`).digest('hex').slice(0, 32);
  await holding(`${dirname(lock)}/${reservedPrefix}${digest}.lock`, path, async () => {
    if (readHolder(lock) === holder) unlinkSync(lock);
  });
}

function tryCreate(lock: string, token: string): boolean {
  try {
    symlinkSync(token, lock);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

function readHolder(lock: string): string | undefined {
  try {
    return readlinkSync(lock);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

/** Start time of a process in clock ticks since boot (proc(5), /proc/pid/stat field 22), '-' where there is no /proc. */
function startTime(pid: number): string {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'latin1');
    // Fields are counted after the command's name, which is in parentheses and may hold anything.
    return text.slice(text.lastIndexOf(')') + 2).split(' ')[19] ?? '-';
  } catch {
    return '-';
  }
}

function bootId(): string {
  try {
    return readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').trim();
  } catch {
    return '-';
  }
}

const machine = hostname().replaceAll(' ', '_');
const boot = bootId();
const me = [machine, boot, process.pid, startTime(process.pid)].join(' ');

function isDead(holder: string): boolean {
  const [heldOn, heldBoot, pid, started] = holder.split(' ');
  if (heldOn !== machine) return false;
  if (heldBoot !== boot) return true;
  try {
    process.kill(Number(pid), 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ESRCH';
  }
  return startTime(Number(pid)) !== started;
}
