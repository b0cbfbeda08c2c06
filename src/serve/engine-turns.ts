/**
 * One engine for all requests, one request at a time: an engine takes the whole machine anyway, and what it has fetched is
 * good for the next question. When it may fetch no more, a fresh one takes its place.
 */
import pLimit from 'p-limit';
import type { QueryEngine } from '../engines/engine.ts';
import { TooMuchToFetch } from '../sql/parameter.ts';

export class EngineTurns {
  readonly #open: () => Promise<QueryEngine>;
  readonly #limit = pLimit(1);
  #engine: Promise<QueryEngine> | undefined;

  constructor(open: () => Promise<QueryEngine>) {
    this.#open = open;
  }

  /** Waits for its turn. A request that has been given up meanwhile does not start. */
  take<T>(signal: AbortSignal, use: (engine: QueryEngine) => Promise<T>): Promise<T> {
    return this.#limit(async () => {
      signal.throwIfAborted();
      const isFresh = this.#engine === undefined;
      try {
        return await use(await this.#current());
      } catch (error) {
        if (!(error instanceof TooMuchToFetch) || isFresh) throw error;
        await this.#drop();
        return await use(await this.#current());
      }
    });
  }

  close(): Promise<void> {
    return this.#limit(() => this.#drop());
  }

  #current(): Promise<QueryEngine> {
    this.#engine ??= this.#open().catch((error) => {
      this.#engine = undefined;
      throw error;
    });
    return this.#engine;
  }

  async #drop(): Promise<void> {
    const engine = this.#engine;
    this.#engine = undefined;
    await (await engine)?.close();
  }
}
