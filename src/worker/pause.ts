import type { Runtime } from '../ingest/runtime.ts';

/** Waits, or less where the signal fires; never throws. */
export async function pause(runtime: Pick<Runtime, 'sleep'>, ms: number, signal: AbortSignal): Promise<void> {
  if (signal.aborted || ms <= 0) return;
  const { promise: stopped, resolve } = Promise.withResolvers<void>();
  const stop = (): void => resolve();
  signal.addEventListener('abort', stop, { once: true });
  try {
    await Promise.race([runtime.sleep(ms, signal).catch(() => undefined), stopped]);
  } finally {
    signal.removeEventListener('abort', stop);
  }
}
