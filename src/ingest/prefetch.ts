/** Runs a generator up to `count` items ahead of its consumer, so that planning overlaps with work. */
export async function* ahead<T>(items: AsyncGenerator<T>, count: number): AsyncGenerator<T> {
  const queue: Promise<IteratorResult<T>>[] = [];
  const request = (): void => {
    const next = items.next();
    // The failure is the consumer's to see when it gets there.
    next.catch(() => {});
    queue.push(next);
  };
  try {
    for (let i = 0; i < count; i++) request();
    for (;;) {
      const result = await queue.shift()!;
      if (result.done === true) return;
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
