/**
 * One run of `backfill --again`, which may be stopped or die and be started again any number of times: a note below the
 * warehouse holds its id until it is done, and the ledger has that id with every object that it has read. So the same
 * command goes on where it stopped, and two of them at once share the work. After the run is done, or with other
 * options, another configuration of the sources or another version of the program, everything is read once more.
 */
import { createHash } from 'node:crypto';
import packageJson from '../../../package.json' with { type: 'json' };
import type { ConfiguredSource } from '../../ingest/plan.ts';
import type { Runtime } from '../../ingest/runtime.ts';
import { readWhole } from '../../store/read.ts';
import { StoreError } from '../../store/store.ts';
import type { BackfillOptions } from './report.ts';

/** Below the warehouse; nothing of it is a table. */
export const readingPrefix = (warehouse: string): string => `${warehouse}/_again/`;

export interface ReadingAgain {
  readonly id: string;
  /** When it began, RFC 3339, where an earlier command did. */
  readonly since?: string;
}

type Asked = Pick<BackfillOptions, 'from' | 'to' | 'prefix'>;

export class ReadingNote {
  readonly #runtime: Runtime;
  readonly #uri: string;

  constructor(runtime: Runtime, sources: readonly ConfiguredSource[], asked: Asked) {
    this.#runtime = runtime;
    this.#uri = `${readingPrefix(runtime.config.warehouse)}${digestOf(runtime, sources, asked)}.json`;
  }

  /** The run that stands; undefined where none does. */
  async find(): Promise<ReadingAgain | undefined> {
    const { store, sleep } = this.#runtime;
    const info = await store.head(this.#uri);
    if (info === undefined || info.size > mostNoteBytes) return undefined;
    try {
      const { id, since } = JSON.parse((await readWhole(store, info, { sleep })).toString()) as Record<string, unknown>;
      return typeof id === 'string' && typeof since === 'string' ? { id, since } : undefined;
    } catch (error) {
      // Another command has ended it since, or it is not a note of ours.
      if (error instanceof SyntaxError) return undefined;
      if (error instanceof StoreError && ['not-found', 'precondition-failed'].includes(error.code)) return undefined;
      throw error;
    }
  }

  /** The run that stands, or a new one. */
  async open(): Promise<ReadingAgain> {
    const { store, uuid, clock } = this.#runtime;
    const standing = await this.find();
    if (standing !== undefined) return standing;
    const id = uuid();
    const note = Buffer.from(JSON.stringify({ id, since: new Date(clock()).toISOString() }));
    try {
      await store.put(this.#uri, note, { ifNoneMatch: '*', contentType: 'application/json' });
      return { id };
    } catch (error) {
      if (!(error instanceof StoreError) || error.code !== 'precondition-failed') throw error;
    }
    // Two began at once. A note that cannot be read helps nobody: then this command goes by itself.
    return (await this.find()) ?? { id };
  }

  /** The run is done. */
  close(): Promise<void> {
    return this.#runtime.store.delete(this.#uri);
  }
}

const mostNoteBytes = 64 << 10;

function digestOf({ config }: Runtime, sources: readonly ConfiguredSource[], { from, to, prefix }: Asked): string {
  const asked = [from ?? null, to ?? null, prefix ?? null];
  const given = [packageJson.version, asked, config.limits, sources.map(({ config: source }) => source)];
  return createHash('sha256').update(JSON.stringify(given)).digest('hex').slice(0, 32);
}
