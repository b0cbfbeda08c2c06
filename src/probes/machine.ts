/** What this machine has: memory, disk, the libraries that are not written in JavaScript. */
import { lstat, mkdir, mkdtemp, rmdir, statfs } from 'node:fs/promises';
import { tmpdir, totalmem } from 'node:os';
import { dirname, join } from 'node:path';
import type { MachineProbes } from './probes.ts';

export const machineProbes = (): MachineProbes => ({
  nodeVersion: process.versions.node,
  memoryBytes: memoryLimit(),
  temporaryFolder: tmpdir(),
  async missingFolders(folders) {
    const missing = new Set<string>();
    for (const folder of folders)
      for (let at = folder; at !== dirname(at) && !(await isThere(at)); at = dirname(at)) missing.add(at);
    return [...missing];
  },
  async removeFolders(folders) {
    // The innermost first.
    for (const folder of [...new Set(folders)].sort((a, b) => b.length - a.length)) await rmdir(folder).catch(() => {});
  },
  async freeDisk(folder) {
    await mkdir(folder, { recursive: true, mode: 0o700 });
    await rmdir(await mkdtemp(join(folder, 'audit-warehouse-doctor-')));
    const { bavail, bsize } = await statfs(folder);
    return bavail * bsize;
  },
  async duckDb() {
    return (await import('@duckdb/node-api')).version();
  },
});

const isThere = (path: string): Promise<boolean> =>
  lstat(path).then(
    () => true,
    () => false,
  );

/** Without a limit, Node gives 0 or a number beyond all memory. */
function memoryLimit(): number {
  const limit = process.constrainedMemory();
  return limit > 0 ? Math.min(limit, totalmem()) : totalmem();
}
