/** Statements of earlier sessions: a private file, one a line, the oldest first. */
import { appendFile, mkdir, open, readFile, rename, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { dirname, isAbsolute, join } from 'node:path';

export const mostEntries = 1000;

/** XDG Base Directory Specification: relative paths count as unset. */
export function historyFile(env: Readonly<Record<string, string | undefined>>): string {
  const state = env.XDG_STATE_HOME;
  const folder = state && isAbsolute(state) ? state : join(env.HOME || homedir(), '.local', 'state');
  return join(folder, 'audit-warehouse', 'sql-history');
}

export class History {
  readonly #file: string;

  constructor(file: string) {
    this.#file = file;
  }

  /** The newest first, as readline keeps them. None where the file cannot be read. */
  async read(): Promise<string[]> {
    const text = await readFile(this.#file, 'utf8').catch(() => '');
    const entries = text.split('\n').filter((line) => line !== '');
    if (entries.length > 2 * mostEntries) await this.#shorten(entries.slice(-mostEntries)).catch(() => {});
    return entries.slice(-mostEntries).reverse();
  }

  /** What cannot be kept is not worth an error. */
  async add(entry: string): Promise<void> {
    try {
      await mkdir(dirname(this.#file), { recursive: true, mode: 0o700 });
      const handle = await open(this.#file, 'a', 0o600);
      try {
        await handle.chmod(0o600);
        await appendFile(handle, `${entry}\n`);
      } finally {
        await handle.close();
      }
    } catch {}
  }

  async #shorten(entries: readonly string[]): Promise<void> {
    const next = `${this.#file}.${process.pid}`;
    await writeFile(next, `${entries.join('\n')}\n`, { mode: 0o600 });
    await rename(next, this.#file);
  }
}

/** A statement on one line; undefined where that would change it, as a comment to the end of a line would. */
export function entryOf(statement: string): string | undefined {
  const lines = statement.split('\n').map((line) => line.trim());
  if (lines.length > 1 && /--|'|"|\$/.test(statement.replaceAll(/'[^'\n]*'|"[^"\n]*"/g, ''))) return undefined;
  return lines.filter((line) => line !== '').join(' ');
}
