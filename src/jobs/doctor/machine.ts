/** The machine: Node.js, memory against what the configuration lets a job take, disk, and the clock. */
import type { Config } from '../../config/config.ts';
import type { MachineProbes } from '../../probes/probes.ts';
import { type Finding, failed, formatSize, ok, warning } from './check.ts';

/** `needed` is `engines.node` of package.json, >=24. */
export function judgeNode(version: string, needed: string): Finding {
  const least = Number(/^>=(\d+)/.exec(needed)?.[1]);
  return Number.parseInt(version, 10) >= least
    ? ok(`Node.js ${version}`)
    : failed(`Node.js ${version}`, `install Node.js ${least} or newer`);
}

/** What a process takes besides what the configuration counts, by the peaks of docs/benchmarks.md, */
const base = 256 << 20;
/** or, where it ingests, without its threads, */
const ingestBase = 160 << 20;
/** and each of those: its heap, its code, the working set of an encoding. Bodies, columns and identities are shared out among them. */
const thread = 64 << 20;

/** Bytes that each kind of run may take. */
export const memoryBudgets = ({ batch, compact }: Config) => ({
  ingest: ingestBase + batch.threads * thread + batch.downloadBytes + 3 * batch.columnBytes + batch.identityBytes,
  compact: base + compact.memoryBytes + compact.targetBytes,
});

export function judgeMemory(config: Config, limit: number): Finding {
  const budgets = memoryBudgets(config);
  const [job, most] = budgets.ingest > budgets.compact ? ['ingest', budgets.ingest] : ['compact', budgets.compact];
  const found = `${formatSize(limit)} for the process; ingest takes up to ${formatSize(budgets.ingest)}, compact up to ${formatSize(budgets.compact)}`;
  const keys =
    job === 'ingest'
      ? 'batch.column_bytes, batch.download_bytes, batch.identity_bytes and batch.threads'
      : 'compact.memory and compact.target_bytes';
  if (most > limit) return failed(found, `give the process more memory, or lower ${keys}`);
  if (most > limit * 0.8)
    return warning(found, `little is left beside ${job}: give the process more memory, or lower ${keys}`);
  return ok(found);
}

/** Room for a few fetched data files and sorted runs; large days and wide queries need more. */
const littleDisk = 5 * 2 ** 30;

export async function checkDisk(machine: MachineProbes, folder: string, use: string): Promise<Finding> {
  const free = await machine.freeDisk(folder);
  const found = `${formatSize(free)} free in ${folder}, for ${use}`;
  return free < littleDisk ? warning(found, 'give it more room, or point TMPDIR to a larger disk') : ok(found);
}

/** AWS refuses signatures that are older, or younger, than five minutes. */
const skewFailed = 300_000;
const skewWarning = 60_000;

/** `clocks`: how far each service is ahead of this machine, in milliseconds. */
export function judgeClocks(clocks: ReadonlyMap<string, number>): Finding {
  if (clocks.size === 0)
    return warning('no service told its time', 'look at the other checks: none of them may be reachable');
  const seconds = (ms: number): string => `${Math.abs(ms / 1000).toFixed(Math.abs(ms) < 10_000 ? 1 : 0)} s`;
  const found = [...clocks]
    .map(([service, ms]) =>
      Math.abs(ms) < 1500
        ? `${service} agrees`
        : `this machine is ${seconds(ms)} ${ms > 0 ? 'behind' : 'ahead of'} ${service}`,
    )
    .join('; ');
  const most = Math.max(...[...clocks.values()].map(Math.abs));
  const advice = 'set the clock by NTP (timedatectl set-ntp true, chronyd)';
  if (most > skewFailed) return failed(found, `${advice}: AWS refuses signatures that are five minutes off`);
  return most > skewWarning ? warning(found, advice) : ok(found);
}
