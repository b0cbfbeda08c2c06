/**
 * Trying again what failed for a while, in one way for all of the product's reads: a bounded number of failures in a
 * row, longer and longer pauses between, spread so that many processes do not come back at once.
 */
import { StoreError } from './store.ts';

export interface RetryOptions {
  /** Waits that many milliseconds; rejects early when the signal fires. */
  readonly sleep: (ms: number, signal?: AbortSignal) => Promise<unknown>;
  /** Failures in a row after which to give up. Default 5. */
  readonly retries?: number;
  readonly signal?: AbortSignal;
}

const defaultRetries = 5;
const firstDelay = 100;
const longestDelay = 5000;

/** Counts failures in a row and waits after each. */
export class Patience {
  readonly #options: RetryOptions;
  #failures = 0;

  constructor(options: RetryOptions) {
    this.#options = options;
  }

  /** Something went well: the next failure is the first again. */
  renew(): void {
    this.#failures = 0;
  }

  /** Waits before another try; throws what `giveUp` makes where there were too many. */
  async after(giveUp: (failures: number) => unknown): Promise<void> {
    const { sleep, retries = defaultRetries, signal } = this.#options;
    signal?.throwIfAborted();
    this.#failures += 1;
    if (this.#failures > retries) throw giveUp(this.#failures);
    const delay = Math.min(firstDelay * 2 ** (this.#failures - 1), longestDelay);
    await sleep(delay * (0.5 + Math.random() / 2), signal);
  }
}

/** What the action gives, which is done again while it fails with a transient error. Throws its last error. */
export async function retried<T>(action: () => Promise<T>, options: RetryOptions): Promise<T> {
  const patience = new Patience(options);
  for (;;) {
    try {
      return await action();
    } catch (error) {
      if (!isTransient(error)) throw error;
      await patience.after(() => error);
    }
  }
}

export const isTransient = (error: unknown): boolean => error instanceof StoreError && error.code === 'transient';
