/** The kernel holds one chunk at a time, so files of one thread are encoded one after another, a row group a turn. */
let last: Promise<unknown> = Promise.resolve();

/** Does the work once all that came before has ended. */
export function inTurn<T>(work: () => Promise<T>): Promise<T> {
  const result = last.then(work);
  last = result.catch(() => undefined);
  return result;
}
