/** What this machine has: memory, disk, the libraries that are not written in JavaScript. */
import { lstat, mkdir, mkdtemp, rmdir, statfs } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { processMemory } from '../engines/process-memory.ts';
import type { MachineProbes } from './probes.ts';

export const machineProbes = (): MachineProbes => ({
  nodeVersion: process.versions.node,
  memoryBytes: processMemory(),
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
