/**
 * A folder for what an engine keeps on the disk for its time: only this user can read it, and `remove` takes it away. What
 * processes that died have left behind is removed by the next one.
 */
import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { processOwner } from '../../../ledger/process-owner.ts';

const prefix = 'audit-warehouse-';
/** Says which process the folder belongs to. */
const ownerFile = 'owner';

export class Scratch {
  #folder: Promise<string> | undefined;

  /** Made on first use. */
  folder(): Promise<string> {
    this.#folder ??= make();
    return this.#folder;
  }

  async remove(): Promise<void> {
    const folder = this.#folder;
    this.#folder = undefined;
    if (folder !== undefined) await rm(await folder, { recursive: true, force: true });
  }
}

async function make(): Promise<string> {
  await removeStale();
  const folder = await mkdtemp(join(tmpdir(), prefix)).catch((cause) => {
    throw new Error('questions need a folder for temporary files: point TMPDIR to one that can be written', { cause });
  });
  await writeFile(join(folder, ownerFile), processOwner().id, { mode: 0o600, flag: 'wx' });
  await mkdir(join(folder, 'files'), { mode: 0o700 });
  return folder;
}

/** Folders of this user whose process is known to be gone. What cannot be looked at is left alone. */
async function removeStale(): Promise<void> {
  const uid = process.getuid?.() ?? -1;
  const owner = processOwner();
  const names = await readdir(tmpdir()).catch(() => []);
  for (const name of names.filter((one) => one.startsWith(prefix))) {
    const folder = join(tmpdir(), name);
    try {
      if (uid >= 0 && (await stat(folder)).uid !== uid) continue;
      if (owner.isDead(await readFile(join(folder, ownerFile), 'utf8'))) await rm(folder, { recursive: true });
    } catch {
      // Not one of ours, or another process was faster.
    }
  }
}
