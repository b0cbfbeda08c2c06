/** What this machine has: memory, disk, the libraries that are not written in JavaScript. */
import { mkdir, mkdtemp, rmdir, statfs } from 'node:fs/promises';
import { tmpdir, totalmem } from 'node:os';
import { join } from 'node:path';
import type { MachineProbes } from './probes.ts';

export const machineProbes = (): MachineProbes => ({
  nodeVersion: process.versions.node,
  memoryBytes: memoryLimit(),
  temporaryFolder: tmpdir(),
  async freeDisk(folder) {
    await mkdir(folder, { recursive: true });
    await rmdir(await mkdtemp(join(folder, 'audit-warehouse-doctor-')));
    const { bavail, bsize } = await statfs(folder);
    return bavail * bsize;
  },
  async duckDb() {
    return (await import('@duckdb/node-api')).version();
  },
});

/** Without a limit, Node gives 0 or a number beyond all memory. */
function memoryLimit(): number {
  const limit = process.constrainedMemory();
  return limit > 0 ? Math.min(limit, totalmem()) : totalmem();
}
