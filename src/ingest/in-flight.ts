/**
 * Several pieces of work at a time, handed out one by one. After the first failure nothing more is started,
 * and what is in work comes to its own end before the failure is told: a batch that can be committed is.
 */
export class InFlight {
  readonly #most: number;
  readonly #mostWaiting: number;
  readonly #running = new Set<Promise<void>>();
  #slots = 0;
  #failure: { readonly error: unknown } | undefined;

  /** `most` hold a slot, and so many more may wait for their end without one. */
  constructor(most: number, mostWaiting = 0) {
    this.#most = most;
    this.#mostWaiting = mostWaiting;
  }

  get isEmpty(): boolean {
    return this.#running.size === 0;
  }

  /** Resolves when one more may be started; throws the first failure. */
  async slot(): Promise<void> {
    while (this.#failure === undefined && this.#isFull()) await this.#moved();
    if (this.#failure !== undefined) await this.drain();
  }

  /** Not to be called without a slot. The work gives its slot back when it ends, or before that by `freeSlot`. */
  start(work: (freeSlot: () => void) => Promise<void>): void {
    let holdsSlot = true;
    const freeSlot = (): void => {
      if (holdsSlot) this.#slots--;
      holdsSlot = false;
      this.#tell();
    };
    this.#slots++;
    const running = work(freeSlot)
      .catch((error: unknown) => {
        this.#failure ??= { error };
      })
      .finally(() => {
        this.#running.delete(running);
        freeSlot();
      });
    this.#running.add(running);
  }

  /** Resolves when all that was started is over; throws the first failure. */
  async drain(): Promise<void> {
    await Promise.all(this.#running);
    if (this.#failure !== undefined) throw this.#failure.error;
  }

  #isFull(): boolean {
    return this.#slots >= this.#most || this.#running.size >= this.#most + this.#mostWaiting;
  }

  #tell: () => void = () => {};
  #moved(): Promise<void> {
    return new Promise((resolve) => {
      this.#tell = resolve;
    });
  }
}
