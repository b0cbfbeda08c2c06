/** A check of the doctor: what was looked at, what was found, and what to do where it is not well. */

export type Status = 'ok' | 'warning' | 'failed';

export interface Finding {
  readonly status: Status;
  readonly found: string;
  /** What to do; null where there is nothing to do. */
  readonly advice: string | null;
}

export interface Check extends Finding {
  /** Unique in a report; what belongs to one source or queue has its name after a colon. */
  readonly name: string;
}

export interface PlannedCheck {
  readonly name: string;
  /** May throw: what it throws is what was found. */
  readonly look: () => Promise<Finding>;
  /** For a look that failed where its own error says too little. */
  readonly advice: string;
  /** Name of an earlier check: where that has failed this one could only fail for the same reason, and is left out. */
  readonly needs?: string;
}

export const ok = (found: string): Finding => ({ status: 'ok', found, advice: null });
export const warning = (found: string, advice: string): Finding => ({ status: 'warning', found, advice });
export const failed = (found: string, advice: string): Finding => ({ status: 'failed', found, advice });

/** What an error says, in one line. The SDK's errors say much by their name. */
export function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { name, message, cause } = error;
  const own = '$metadata' in error && name !== 'Error' && !message.includes(name) ? `${name}: ${message}` : message;
  const because = cause instanceof Error && !own.includes(cause.message) ? ` (${cause.message})` : '';
  return `${own}${because}`.replace(/\s+/g, ' ').trim() || name;
}

const gib = 2 ** 30;

export const formatSize = (bytes: number): string =>
  bytes >= gib ? `${(bytes / gib).toFixed(1)} GiB` : `${Math.round(bytes / 2 ** 20)} MiB`;
