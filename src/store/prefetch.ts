/**
 * Runs a generator ahead of its consumer, so that planning overlaps with work: until what waits weighs `most`, where an item
 * that does not say otherwise weighs 1.
 */
export async function* ahead<T>(
  items: AsyncGenerator<T>,
  most: number,
  weightOf: (item: T) => number = () => 1,
): AsyncGenerator<T> {
  const queue: Promise<IteratorResult<T>>[] = [];
  let weight = 0;
  let isAsking = false;
  // One at a time, since what an item weighs says whether there is room for the next one.
  const request = (): void => {
    if (isAsking || weight >= most) return;
    isAsking = true;
    const next = items.next().then((result) => {
      isAsking = false;
      if (result.done !== true) {
        weight += weightOf(result.value);
        request();
      }
      return result;
    });
    // The failure is the consumer's to see when it gets there.
    next.catch(() => {});
    queue.push(next);
  };
  try {
    request();
    for (;;) {
      const result = await queue.shift()!;
      if (result.done === true) return;
      weight -= weightOf(result.value);
      request();
      yield result.value;
    }
  } finally {
    await items.return(undefined);
  }
}

/** The same items, of which the first is asked for at once. */
export function begun<T>(items: AsyncGenerator<T, void, undefined>): AsyncGenerator<T, void, undefined> {
  let first: Promise<IteratorResult<T, void>> | undefined = items.next();
  // The failure reaches the code that asks for it.
  first.catch(() => {});
  return {
    next: () => {
      const next = first ?? items.next();
      first = undefined;
      return next;
    },
    return: (value) => items.return(value),
    throw: (error) => items.throw(error),
    [Symbol.asyncIterator]() {
      return this;
    },
    [Symbol.asyncDispose]: async () => void (await items.return()),
  };
}

export async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const item of items) all.push(item);
  return all;
}
