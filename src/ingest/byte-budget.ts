/**
 * A semaphore counted in bytes: what bodies may be in memory at once. Bytes are acquired before they are held
 * and waits in line (first come, first served, so that a large object is never starved by small ones).
 */
export class ByteBudget {
  readonly #limit: number;
  readonly #waiting: Waiter[] = [];
  #used = 0;

  /** @param limit bytes, above 0 */
  constructor(limit: number) {
    if (!(limit > 0)) throw new RangeError(`a byte budget must be above 0, not ${limit}`);
    this.#limit = limit;
  }

  /** Bytes held now. */
  get used(): number {
    return this.#used;
  }

  /**
   * Resolves once `bytes` fit, with the function that gives them back (further calls of it do nothing). A request
   * larger than the whole budget is served alone. Rejects with the signal's reason where that fires first.
   */
  acquire(bytes: number, signal?: AbortSignal): Promise<() => void> {
    if (!(bytes >= 0)) return Promise.reject(new RangeError(`cannot acquire ${bytes} bytes`));
    if (signal?.aborted) return Promise.reject(signal.reason);
    const counted = Math.min(bytes, this.#limit);
    const { promise, resolve, reject } = Promise.withResolvers<() => void>();
    const waiter: Waiter = {
      bytes: counted,
      grant: () => {
        signal?.removeEventListener('abort', leave);
        resolve(this.#release(counted));
      },
    };
    const leave = () => {
      this.#waiting.splice(this.#waiting.indexOf(waiter), 1);
      reject(signal?.reason);
      this.#serve();
    };
    signal?.addEventListener('abort', leave, { once: true });
    this.#waiting.push(waiter);
    this.#serve();
    return promise;
  }

  #serve(): void {
    for (let next = this.#waiting[0]; next !== undefined; next = this.#waiting[0]) {
      if (this.#used + next.bytes > this.#limit) return;
      this.#waiting.shift();
      this.#used += next.bytes;
      next.grant();
    }
  }

  #release(bytes: number): () => void {
    let held = true;
    return () => {
      if (!held) return;
      held = false;
      this.#used -= bytes;
      this.#serve();
    };
  }
}

interface Waiter {
  readonly bytes: number;
  readonly grant: () => void;
}
