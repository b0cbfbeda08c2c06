/**
 * What is left to do of commits that hold already (Catalog.commitTable): nobody waits for it but who says that all is done, or may be
 * stopped afterwards.
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
