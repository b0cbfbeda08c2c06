/**
 * This process as the owner of claims. On Linux a process is known by boot, pid namespace, pid and start time, so that
 * a reused pid or another container is never taken for the one that made a claim; elsewhere only the claim's deadline
 * tells that an owner is gone.
 */
import { readFileSync, readlinkSync } from 'node:fs';
import { hostname } from 'node:os';
import type { Owner } from './owner.ts';

export function processOwner(): Owner {
  const machine = machineId();
  const started = startTime(process.pid);
  const id = [hostname(), process.pid, machine ?? '', started ?? ''].join('/');
  return {
    id,
    isDead(owner) {
      const [, pid, theirMachine, theirStart] = owner.split('/');
      if (machine === undefined || theirMachine !== machine || theirStart === '') return false;
      return startTime(Number(pid)) !== theirStart;
    },
  };
}

/** Boot id and pid namespace: within these, pids mean the same. */
function machineId(): string | undefined {
  try {
    const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
    const namespace = readlinkSync('/proc/self/ns/pid').replace(/\D/g, '');
    return `${boot}.${namespace}`;
  } catch {
    return undefined;
  }
}

/** Clock ticks since boot (proc(5), stat field 22); undefined where there is no such process. */
function startTime(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return fields[0] === 'Z' || fields[0] === 'X' ? undefined : fields[19];
  } catch {
    return undefined;
  }
}
