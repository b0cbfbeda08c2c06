/**
 * Requests to an Iceberg REST catalog (Iceberg REST specification, rest-catalog-open-api.yaml): where its resources are,
 * as `GET /v1/config` says, who asks, and which failures are worth another try.
 */
import { stringifyJson } from '../../iceberg/json.ts';
import { encoded } from '../../store/aws-request.ts';
import { asRecord, SignInFailed } from './errors.ts';
import { answered, exchange, type HttpAnswer, type HttpRequest } from './http.ts';
import type { SignIn } from './sign-in.ts';

export interface RestClientOptions {
  /** Without /v1 and without trailing slash. */
  readonly uri: string;
  /** Which warehouse of the server. */
  readonly warehouse?: string | undefined;
  readonly signIn: SignIn;
}

export interface Call {
  /** What is being done to what, for messages. */
  readonly doing: string;
  readonly method: HttpRequest['method'];
  /** Below the prefix; encoded. */
  readonly path: string;
  readonly query?: Readonly<Record<string, string>>;
  readonly headers?: Readonly<Record<string, string>>;
  /** Written as JSON; integers may be bigint. */
  readonly body?: unknown;
}

interface Settings {
  /** Where resources are: `<uri>/v1` and the prefix. */
  readonly root: string;
  /** Between the levels of a namespace in a path; encoded. */
  readonly separator: string;
  /** `GET /v1/{prefix}/namespaces` and the like; undefined where the server does not say. */
  readonly endpoints?: ReadonlySet<string>;
}

export class RestClient {
  readonly #options: RestClientOptions;
  #settings: Promise<Settings> | undefined;

  constructor(options: RestClientOptions) {
    this.#options = options;
  }

  /**
   * Throws RestError for an answer of 400 and more, and for a redirect; RestUnreachable where there is none; SignInFailed where
   * nothing was sent.
   */
  async call({ path, query = {}, ...call }: Call): Promise<HttpAnswer> {
    const { root } = await this.#configured();
    const url = new URL(`${root}/${path}`);
    for (const [name, value] of Object.entries(query)) url.searchParams.set(name, value);
    return this.#request(url, call);
  }

  /** The path of a namespace, or of what is in it. */
  async pathOf(namespace: readonly string[], ...below: readonly string[]): Promise<string> {
    const { separator } = await this.#configured();
    return ['namespaces', namespace.map(encoded).join(separator), ...below.map(encoded)].join('/');
  }

  /** Whether the server says that it has an endpoint, such as `GET /v1/{prefix}/namespaces/{namespace}/views`. */
  async has(endpoint: string): Promise<boolean> {
    return (await this.#configured()).endpoints?.has(endpoint) ?? false;
  }

  /** Asked for once; a failure is not kept. */
  async #configured(): Promise<Settings> {
    this.#settings ??= this.#configure();
    const asking = this.#settings;
    try {
      return await asking;
    } catch (error) {
      if (this.#settings === asking) this.#settings = undefined;
      throw error;
    }
  }

  async #configure(): Promise<Settings> {
    const { uri, warehouse } = this.#options;
    const url = new URL(`${uri}/v1/config`);
    if (warehouse !== undefined) url.searchParams.set('warehouse', warehouse);
    const { body } = await this.#request(url, { doing: `configuration of the catalog at ${uri}`, method: 'GET' });
    return settingsOf(uri, body);
  }

  /**
   * Repeats what has had no effect: a request that was refused as one too many, one that reads, and one whose sign-in has
   * expired. Whether a commit without an answer took effect is for the caller to find out.
   */
  async #request(url: URL, { doing, method, headers = {}, body }: Omit<Call, 'path' | 'query'>): Promise<HttpAnswer> {
    const { signIn } = this.#options;
    const request: HttpRequest = {
      method,
      url,
      headers: {
        accept: 'application/json',
        ...(body !== undefined && { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(body !== undefined && { body: stringifyJson(body) }),
    };
    const send = async (): Promise<HttpAnswer> => exchange(doing, await signedIn(signIn, doing, request));
    return answered(doing, { isHarmless: method === 'GET' }, async () => {
      const answer = await send();
      const isExpired = answer.status === 401 || answer.status === 419;
      if (!isExpired || signIn.forget === undefined) return answer;
      signIn.forget();
      return send();
    });
  }
}

async function signedIn(signIn: SignIn, doing: string, request: HttpRequest): Promise<HttpRequest> {
  try {
    return await signIn.sign(request);
  } catch (error) {
    throw new SignInFailed(doing, error);
  }
}

/** Of a path, encoded as a URL wants it. */
const isSegment = (text: string): boolean => /^[\w.~%:@!$&'()*+,;=-]+$/.test(text) && !/^\.{1,2}$/.test(text);

/**
 * Of what the server wants set, only what says where its resources are: another host, another place for tokens or other
 * credentials would let it send our secrets elsewhere.
 */
export function settingsOf(uri: string, body: unknown): Settings {
  const { defaults, overrides, endpoints } = asRecord(body);
  const setting = (name: string): string | undefined => {
    const value = asRecord(overrides)[name] ?? asRecord(defaults)[name];
    return typeof value === 'string' && value !== '' ? value : undefined;
  };
  const prefix = setting('prefix')?.replace(/^\/+|\/+$/g, '');
  if (prefix !== undefined && !prefix.split('/').every(isSegment))
    throw new Error(`the catalog at ${uri} has a prefix that is not a path`);
  const separator = setting('namespace-separator') ?? '%1F';
  return {
    root: prefix === undefined ? `${uri}/v1` : `${uri}/v1/${prefix}`,
    separator: /^%[0-9A-Fa-f]{2}$/.test(separator) ? separator : encoded(separator),
    ...(Array.isArray(endpoints) && { endpoints: new Set(endpoints.filter((one) => typeof one === 'string')) }),
  };
}
