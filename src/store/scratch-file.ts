/** A file that has no name: readable by this process alone, and gone with it, however it ends. */
import { randomUUID } from 'node:crypto';
import { appendFileSync, closeSync, openSync, readSync, unlinkSync } from 'node:fs';
import { join } from 'node:path';

export class ScratchFile {
  readonly #file: number;
  #size = 0;

  constructor(folder: string) {
    const path = join(folder, `audit-warehouse-verify-${randomUUID()}`);
    this.#file = openSync(path, 'wx+', 0o600);
    unlinkSync(path);
  }

  get size(): number {
    return this.#size;
  }

  append(bytes: Uint8Array): void {
    appendFileSync(this.#file, bytes);
    this.#size += bytes.length;
  }

  /** Fills `target` from `position` on; what is asked for has to be there. */
  read(target: Uint8Array, position: number): void {
    for (let done = 0; done < target.length; ) {
      const read = readSync(this.#file, target, done, target.length - done, position + done);
      if (read === 0) throw new Error('a scratch file is shorter than what was written to it');
      done += read;
    }
  }

  close(): void {
    closeSync(this.#file);
  }
}
