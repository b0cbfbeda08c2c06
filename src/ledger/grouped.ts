/**
 * Requests that come in while others are being carried out wait, and are carried out together next: so the number of
 * commits follows from how long a commit takes, not from how many have one to make.
 */
export class Grouped<Request, Result> {
  readonly #carryOut: (group: readonly Request[]) => Promise<readonly Result[]>;
  readonly #share: (waiting: readonly Request[]) => number;
  #waiting: Waiting<Request, Result>[] = [];
  #isRunning = false;

  /**
   * `carryOut` gives a result for each request of the group, in their order; what it throws is thrown to each.
   * `share` says how many of those that wait make up the next group: at least one.
   */
  constructor(
    carryOut: (group: readonly Request[]) => Promise<readonly Result[]>,
    share: (waiting: readonly Request[]) => number,
  ) {
    this.#carryOut = carryOut;
    this.#share = share;
  }

  add(request: Request): Promise<Result> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ request, resolve, reject });
      if (this.#isRunning) return;
      this.#isRunning = true;
      // What is added in the same turn of the event loop belongs to the same group.
      queueMicrotask(() => void this.#run());
    });
  }

  async #run(): Promise<void> {
    while (this.#waiting.length > 0) {
      const share = this.#share(this.#waiting.map(({ request }) => request));
      const group = this.#waiting.splice(0, Math.max(1, share));
      try {
        const results = await this.#carryOut(group.map(({ request }) => request));
        for (const [index, { resolve }] of group.entries()) resolve(results[index]!);
      } catch (error) {
        for (const { reject } of group) reject(error);
      }
    }
    this.#isRunning = false;
  }
}

interface Waiting<Request, Result> {
  readonly request: Request;
  readonly resolve: (result: Result) => void;
  readonly reject: (error: unknown) => void;
}
