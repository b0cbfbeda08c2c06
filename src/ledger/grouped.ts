/** In place of a result: what is thrown to this request alone. */
export class Failed {
  readonly error: unknown;
  constructor(error: unknown) {
    this.error = error;
  }
}

/**
 * Requests that come in while others are being carried out wait, and are carried out together next: so the number of
 * commits follows from how long a commit takes, not from how many have one to make.
 */
export class Grouped<Request, Result> {
  readonly #carryOut: CarryOut<Request, Result>;
  readonly #share: (waiting: readonly Request[]) => number;
  #waiting: Waiting<Request, Result>[] = [];
  #running: Promise<void> | undefined;

  /** `share` says how many of those that wait make up the next group: at least one. */
  constructor(carryOut: CarryOut<Request, Result>, share: (waiting: readonly Request[]) => number) {
    this.#carryOut = carryOut;
    this.#share = share;
  }

  add(request: Request): Promise<Result> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ request, resolve, reject });
      // What is added in the same turn of the event loop belongs to the same group.
      this.#running ??= Promise.resolve().then(() => this.#run());
    });
  }

  /** Beside those that are being carried out: they are next in any case. */
  get areWaiting(): boolean {
    return this.#waiting.length > 0;
  }

  /** Resolves when nothing is being carried out, and nothing of it left to do. */
  async idle(): Promise<void> {
    while (this.#running !== undefined) await this.#running;
  }

  async #run(): Promise<void> {
    while (this.#waiting.length > 0) {
      const share = this.#share(this.#waiting.map(({ request }) => request));
      const group = this.#waiting.splice(0, Math.max(1, share));
      const rest: Promise<unknown>[] = [];
      try {
        const results = await this.#carryOut(
          group.map(({ request }) => request),
          (work) => void rest.push(work),
        );
        for (const [index, { resolve, reject }] of group.entries()) {
          const result = results[index]!;
          if (result instanceof Failed) reject(result.error);
          else resolve(result);
        }
      } catch (error) {
        for (const { reject } of group) reject(error);
      }
      await Promise.allSettled(rest);
    }
    this.#running = undefined;
  }
}

/**
 * Gives a result for each request of the group, in their order, or why that one has failed; what it throws is thrown to each. `rest` is given what goes
 * on behind the results, and has to be over before the next group begins.
 */
type CarryOut<Request, Result> = (
  group: readonly Request[],
  rest: (work: Promise<unknown>) => void,
) => Promise<readonly (Result | Failed)[]>;

interface Waiting<Request, Result> {
  readonly request: Request;
  readonly resolve: (result: Result) => void;
  readonly reject: (error: unknown) => void;
}
