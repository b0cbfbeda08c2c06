/**
 * Several pieces of work at a time, for whoever hands them out one by one. After the first failure nothing more is begun,
 * and what is in work comes to its own end before the failure is told: a batch that can be committed is.
 */
export class WorkInHand {
  readonly #most: number;
  readonly #running = new Set<Promise<void>>();
  #failure: { readonly error: unknown } | undefined;

  constructor(most: number) {
    this.#most = most;
  }

  get isEmpty(): boolean {
    return this.#running.size === 0;
  }

  /** Resolves when one more may be begun; throws the first failure. */
  async room(): Promise<void> {
    while (this.#failure === undefined && this.#running.size >= this.#most) await Promise.race(this.#running);
    if (this.#failure !== undefined) await this.done();
  }

  /** Not to be called without room. */
  begin(work: () => Promise<void>): void {
    const running = work()
      .catch((error: unknown) => {
        this.#failure ??= { error };
      })
      .finally(() => this.#running.delete(running));
    this.#running.add(running);
  }

  /** Resolves when all that was begun is over; throws the first failure. */
  async done(): Promise<void> {
    await Promise.all(this.#running);
    if (this.#failure !== undefined) throw this.#failure.error;
  }
}
