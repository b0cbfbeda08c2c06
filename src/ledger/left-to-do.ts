/**
 * Follow-up work of commits that already hold (Catalog.commitTable, `later`). Commits do not wait for it. Whoever reports that
 * everything is done, or may be stopped afterwards, waits for it here.
 */
export class LeftToDo {
  readonly #rest = new Set<Promise<void>>();

  readonly later = (rest: Promise<void>): void => {
    this.#rest.add(rest);
    rest.finally(() => this.#rest.delete(rest)).catch(() => {});
  };

  /** Resolves when nothing is left. */
  async done(): Promise<void> {
    await Promise.all(this.#rest);
  }
}
