/** What a REST catalog answers when it refuses, and which of its answers are final. */
import { printable } from '../../text/printable.ts';

const mostShown = 500;

const advice: Readonly<Record<number, string>> = {
  401: 'the catalog does not know this identity: check catalog.auth',
  403: 'the identity of catalog.auth needs this permission in the catalog',
  419: 'the sign-in has expired: check catalog.auth',
};

/** The server has answered with an error. Its text comes from outside and is made harmless here. */
export class RestError extends Error {
  override readonly name = 'RestError';
  readonly status: number;
  /** The class of error that the server names, such as NoSuchTableException. */
  readonly type: string;
  constructor(doing: string, status: number, body: unknown) {
    const { message, type } = errorOf(body);
    const said = [type, message].filter((part) => part !== '').join(': ');
    const hint = advice[status];
    super(`${doing}: HTTP ${status}${said === '' ? '' : `, ${said}`}${hint === undefined ? '' : `; ${hint}`}`);
    this.status = status;
    this.type = type;
  }
}

/** No answer has come, or none that can be read. */
export class RestUnreachable extends Error {
  override readonly name = 'RestUnreachable';
  constructor(doing: string, cause: unknown) {
    super(`${doing}: ${reasonOf(cause)}`, { cause });
  }
}

/** Who asks could not be said, so the request was not sent. What the place answered that issues tokens says nothing of tables. */
export class SignInFailed extends Error {
  override readonly name = 'SignInFailed';
  constructor(doing: string, cause: unknown) {
    super(`${doing}: ${(cause as Error).message}`, { cause });
  }
}

export const isStatus = (error: unknown, ...statuses: readonly number[]): boolean =>
  error instanceof RestError && statuses.includes(error.status);

/**
 * The call had no effect: the server has decided against it, or it was not sent. What a server says of itself (5xx) settles
 * nothing.
 */
export const isRefusal = (error: unknown): boolean =>
  error instanceof SignInFailed ||
  (error instanceof RestError && error.status >= 300 && error.status < 500 && error.status !== 408);

/** `{ error: { message, type, code } }` by the specification; OAuth2 says `error` and `error_description`. */
function errorOf(body: unknown): { readonly message: string; readonly type: string } {
  const { error, error_description: description } = asRecord(body);
  const shown = (value: unknown): string => (typeof value === 'string' ? printable(value, mostShown) : '');
  if (typeof error === 'string') return { type: shown(error), message: shown(description) };
  const { message, type } = asRecord(error);
  return { type: shown(type), message: shown(message) };
}

/** What went wrong below `fetch`, which says nothing but "fetch failed". */
function reasonOf(error: unknown): string {
  const { cause, message } = error as Error;
  return printable(cause instanceof Error ? `${message} (${cause.message})` : message, mostShown);
}

export const asRecord = (value: unknown): Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : {};
