/** The action, left out where it was done less than so many milliseconds before. */
export function atMostEvery(ms: number, action: () => void): () => void {
  let next = 0;
  return () => {
    const now = performance.now();
    if (now < next) return;
    next = now + ms;
    action();
  };
}
