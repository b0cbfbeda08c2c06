/**
 * Resolves in the next turn of the event loop: what has come in from sockets and timers meanwhile is dealt with first. Code
 * that finds all its input in memory never gets there by itself, and holds up everything else of its thread.
 */
export const nextTurn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
