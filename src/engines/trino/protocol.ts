/**
 * Trino's client protocol over HTTP (https://trino.io/docs/current/develop/client-protocol.html): a statement is posted,
 * its pages are fetched one after another, and a DELETE ends it.
 *
 * Own code, since the official `trino-client` (0.2.9) parses with JSON.parse, so that a bigint beyond 2^53 arrives as
 * another number; takes no AbortSignal; repeats nothing where the protocol asks for it; announces no capabilities, so
 * that timestamps come cut to milliseconds; and brings an HTTP client that Node has.
 *
 * Repeating is safe: Trino submits a statement when its first page is asked for, not when it is posted, and gives the
 * same page again when asked again.
 *
 * Credentials go to the configured origin only: a page that points elsewhere is an error.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { ConfigError } from '../../config/errors.ts';

export interface TrinoConnection {
  /** Of the coordinator, http or https. */
  readonly url: string;
  readonly catalog: string;
  readonly schema: string;
  readonly user?: string | undefined;
  readonly password?: string | undefined;
  /** A JWT, instead of a password. */
  readonly accessToken?: string | undefined;
}

/** QueryResults of the protocol, as far as it is used. */
export interface TrinoPage {
  readonly id: string;
  readonly nextUri?: string;
  readonly columns?: readonly TrinoColumn[];
  readonly data?: readonly (readonly unknown[])[];
  readonly error?: { readonly message: string; readonly errorName: string };
  readonly stats: { readonly physicalInputBytes?: number };
}

export interface TrinoColumn {
  readonly name: string;
  readonly type: string;
  readonly typeSignature: TypeSignature;
}

export interface TypeSignature {
  readonly rawType: string;
  readonly arguments: readonly TypeArgument[];
}

type TypeArgument =
  | { readonly kind: 'TYPE'; readonly value: TypeSignature }
  | {
      readonly kind: 'NAMED_TYPE';
      readonly value: { readonly fieldName?: { readonly name: string }; readonly typeSignature: TypeSignature };
    }
  | { readonly kind: 'LONG' | 'VARIABLE'; readonly value: unknown };

/** Trino answers within a second or so, also where it has nothing to say yet. */
const requestTimeout = 120_000;
/** How long one page may go on failing, in ways that can pass. A coordinator that was never there is given up at once. */
const patience = 120_000;
const source = 'audit-warehouse';

export class TrinoProtocol {
  readonly #root: URL;
  readonly #connection: TrinoConnection;
  readonly #authorization: Readonly<Record<string, string>>;

  /** Throws ConfigError where a secret would go over the network in the clear. */
  constructor(connection: TrinoConnection) {
    this.#connection = connection;
    this.#root = new URL(connection.url.replace(/\/*$/, '/'));
    this.#authorization = authorization(connection);
    if (this.#authorization.authorization !== undefined && this.#root.protocol !== 'https:') {
      const origin = connection.accessToken === undefined ? 'TRINO_PASSWORD' : 'TRINO_ACCESS_TOKEN';
      const message = 'must be https where there is a secret to send';
      throw new ConfigError([{ origin, key: 'engines.trino.url', message }]);
    }
  }

  /** The first page, which has an id and nothing else yet. */
  start(sql: string, signal: AbortSignal | undefined): Promise<TrinoPage> {
    const { user, accessToken, catalog, schema } = this.#connection;
    const headers = {
      // With a token, the user is the one that Trino reads from it.
      ...((user !== undefined || accessToken === undefined) && { 'x-trino-user': user ?? source }),
      'x-trino-source': source,
      'x-trino-catalog': catalog,
      'x-trino-schema': schema,
      'x-trino-time-zone': 'UTC',
      'x-trino-client-capabilities': 'PARAMETRIC_DATETIME',
      'content-type': 'text/plain; charset=utf-8',
    };
    return this.#page(new URL('v1/statement', this.#root), { method: 'POST', headers, body: sql }, signal);
  }

  /** A connection that breaks while a statement runs does not end the statement. */
  next(nextUri: string, signal: AbortSignal | undefined): Promise<TrinoPage> {
    return this.#page(this.#checked(nextUri), { method: 'GET' }, signal);
  }

  /** Ends the statement whose next page this would be. Trino forgets it by itself where this does not arrive. */
  async cancel(nextUri: string): Promise<void> {
    const signal = AbortSignal.timeout(10_000);
    await fetch(this.#checked(nextUri), { method: 'DELETE', headers: this.#authorization, redirect: 'manual', signal });
  }

  #checked(nextUri: string): URL {
    const url = new URL(nextUri);
    if (url.origin === this.#root.origin) return url;
    throw new Error(
      `Trino at ${this.#root.origin} points to ${url.origin} for its results; behind a proxy it needs ` +
        'http-server.process-forwarded=true, and the proxy has to send X-Forwarded headers',
    );
  }

  async #page(url: URL, init: RequestInit, signal: AbortSignal | undefined): Promise<TrinoPage> {
    const headers = { ...init.headers, ...this.#authorization };
    let deadline: number | undefined;
    for (let wait = 50; ; wait = Math.min(wait * 2, 5000)) {
      const attempt = await this.#attempt(url, { ...init, headers }, signal);
      if ('page' in attempt) return attempt.page;
      deadline ??= Date.now() + (attempt.answered || init.method === 'GET' ? patience : 500);
      if (Date.now() > deadline) throw attempt.failure;
      const pause = attempt.retryAfter > 0 ? Math.min(attempt.retryAfter, 60) * 1000 : wait;
      await sleep(pause, undefined, signal && { signal }).catch(() => signal?.throwIfAborted());
    }
  }

  /** The page, or a failure that can pass. Throws one that cannot. */
  async #attempt(url: URL, init: RequestInit, signal: AbortSignal | undefined): Promise<{ page: TrinoPage } | Failed> {
    const { origin } = this.#root;
    const limit = AbortSignal.timeout(requestTimeout);
    let response: Response;
    let text: string;
    try {
      const both = signal === undefined ? limit : AbortSignal.any([signal, limit]);
      response = await fetch(url, { ...init, redirect: 'manual', signal: both });
      text = await response.text();
    } catch (error) {
      signal?.throwIfAborted();
      const failure = new Error(`Trino at ${origin} cannot be reached: ${reasonOf(error)}`, { cause: error });
      return { failure, answered: false, retryAfter: 0 };
    }
    const { status } = response;
    if (response.ok && isJson(response)) return { page: parseExact(text) as TrinoPage };
    const failure = new Error(`Trino at ${origin} answered ${status}${hintOf(response)}: ${text.slice(0, 500).trim()}`);
    if (!busy.has(status)) throw failure;
    return { failure, answered: true, retryAfter: Number(response.headers.get('retry-after')) };
  }
}

interface Failed {
  readonly failure: Error;
  /** By a gateway, which asks to try again. */
  readonly answered: boolean;
  /** Seconds; 0 or NaN where nothing was said. */
  readonly retryAfter: number;
}

/** Answers of gateways in front of Trino that ask to try again. */
const busy: ReadonlySet<number> = new Set([429, 502, 503, 504]);

const isJson = (response: Response): boolean => /^application\/json/i.test(response.headers.get('content-type') ?? '');

const hints: Readonly<Record<number, string>> = {
  200: ', and not as Trino does (is engines.trino.url that of a coordinator?)',
  401: ' (set engines.trino.user and TRINO_PASSWORD, or TRINO_ACCESS_TOKEN)',
  403: ' (the user may not do this)',
  404: ' (is engines.trino.url that of a coordinator?)',
};

const hintOf = ({ status }: Response): string =>
  status >= 300 && status < 400 ? ', a redirect, which is not followed' : (hints[status] ?? '');

function authorization({ user, password, accessToken }: TrinoConnection): Record<string, string> {
  if (accessToken !== undefined) return { authorization: `Bearer ${accessToken}` };
  if (password === undefined) return {};
  return { authorization: `Basic ${Buffer.from(`${user ?? source}:${password}`).toString('base64')}` };
}

/** fetch says only that it failed; why is in the cause, of several addresses in a list of them. */
function reasonOf(error: unknown): string {
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
  const first = cause instanceof AggregateError ? cause.errors[0] : cause;
  return first instanceof Error ? first.message : String(first);
}

/** Integers that a JavaScript number cannot hold come as their text. */
export function parseExact(json: string): unknown {
  if (!/\d{16}/.test(json)) return JSON.parse(json);
  return JSON.parse(json, ((_key: string, value: unknown, context: { readonly source?: string }) =>
    typeof value === 'number' && !Number.isSafeInteger(value) && /^-?\d+$/.test(context.source ?? '')
      ? context.source
      : value) as (key: string, value: unknown) => unknown);
}
