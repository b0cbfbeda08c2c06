/**
 * Several pieces of work at a time, handed out one by one. After the first failure nothing more is started,
 * and what is in work comes to its own end before the failure is told: a batch that can be committed is.
 */
export class InFlight {
  readonly #most: number;
  readonly #running = new Set<Promise<void>>();
  #failure: { readonly error: unknown } | undefined;

  constructor(most: number) {
    this.#most = most;
  }

  get isEmpty(): boolean {
    return this.#running.size === 0;
  }

  /** Resolves when one more may be started; throws the first failure. */
  async slot(): Promise<void> {
    while (this.#failure === undefined && this.#running.size >= this.#most) await Promise.race(this.#running);
    if (this.#failure !== undefined) await this.drain();
  }

  /** Not to be called without a slot. */
  start(work: () => Promise<void>): void {
    const running = work()
      .catch((error: unknown) => {
        this.#failure ??= { error };
      })
      .finally(() => this.#running.delete(running));
    this.#running.add(running);
  }

  /** Resolves when all that was started is over; throws the first failure. */
  async drain(): Promise<void> {
    await Promise.all(this.#running);
    if (this.#failure !== undefined) throw this.#failure.error;
  }
}
