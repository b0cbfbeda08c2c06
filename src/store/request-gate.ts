/**
 * How many requests a store gets at a time: as many as allowed, until it says that they are too many (503 SlowDown). Then
 * half of those in flight, and from there one more for every round of answers that went well, as TCP does it.
 */
export class RequestGate {
  readonly #most: number;
  readonly #waiting: (() => void)[] = [];
  #limit: number;
  #inFlight = 0;
  /** Answers still to come to requests that were sent before the limit was last lowered: they say the same again. */
  #sentBefore = 0;

  constructor(most: number) {
    this.#most = most;
    this.#limit = most;
  }

  /** Requests that may be in flight now. */
  get limit(): number {
    return Math.floor(this.#limit);
  }

  /** Waits in line for a place. */
  async enter(): Promise<void> {
    if (this.#inFlight >= this.limit || this.#waiting.length > 0)
      await new Promise<void>((admit) => this.#waiting.push(admit));
    else this.#inFlight++;
  }

  /** Gives the place back; true where the limit was lowered. */
  leave({ isThrottled }: { readonly isThrottled: boolean }): boolean {
    const isOld = this.#sentBefore > 0;
    if (isOld) this.#sentBefore--;
    const isLowered = isThrottled && !isOld;
    if (isLowered) {
      this.#limit = Math.max(1, Math.min(this.#limit, this.#inFlight) / 2);
      this.#sentBefore = this.#inFlight - 1;
    } else if (!isThrottled) this.#limit = Math.min(this.#most, this.#limit + 1 / this.#limit);
    this.#inFlight--;
    this.#admit();
    return isLowered;
  }

  #admit(): void {
    while (this.#inFlight < this.limit && this.#waiting.length > 0) {
      this.#inFlight++;
      this.#waiting.shift()!();
    }
  }
}
