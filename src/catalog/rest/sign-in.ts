/** The ways to sign in to a REST catalog: what a request says of who asks. */
import type { RestAuth } from '../../config/catalogs.ts';
import { signed } from '../../store/aws-request.ts';
import { type Credentials, SigningKeys } from '../../store/s3-signature.ts';
import { asRecord } from './errors.ts';
import { answered, exchange, type HttpRequest } from './http.ts';

export interface SignIn {
  /** The request with the headers that say who asks. */
  sign(request: HttpRequest): Promise<HttpRequest>;
  /** For what may have expired before its time: forgets it. Absent where asking again would be the same. */
  forget?(): void;
}

type AuthOf<Type extends RestAuth['type']> = Extract<RestAuth, { readonly type: Type }>;

/** `uri`: of the catalog, where tokens are issued unless the configuration says otherwise. */
const ways: { readonly [Type in RestAuth['type']]: (auth: AuthOf<Type>, uri: string) => SignIn } = {
  none: () => ({ sign: async (request) => request }),
  token: ({ token }) => ({ sign: async (request) => withBearer(request, token.reveal()) }),
  oauth2: (auth, uri) => new ClientCredentials(auth, auth.tokenUri ?? `${uri}/v1/oauth/tokens`),
  sigv4: (auth) => new AwsSignature(auth),
};

export const signInBy = (auth: RestAuth, uri: string): SignIn => ways[auth.type](auth as never, uri);

const withBearer = (request: HttpRequest, token: string): HttpRequest => ({
  ...request,
  headers: { ...request.headers, authorization: `Bearer ${token}` },
});

/** Anything else in a header would be an error whose message shows it. */
const isToken = (text: string): boolean => /^[!-~]+$/.test(text);

/** A token is renewed when this share of its life has passed. */
const usedShare = 0.8;
/** For a server that does not say how long its tokens live. */
const defaultLifeSeconds = 3600;

/** OAuth2 client credentials (RFC 6749, section 4.4), with the secret in the body as Iceberg's clients send it. */
class ClientCredentials implements SignIn {
  readonly #auth: AuthOf<'oauth2'>;
  readonly #tokenUri: string;
  #token: Promise<{ readonly value: string; readonly renewAt: number }> | undefined;

  constructor(auth: AuthOf<'oauth2'>, tokenUri: string) {
    this.#auth = auth;
    this.#tokenUri = tokenUri;
  }

  async sign(request: HttpRequest): Promise<HttpRequest> {
    let token = await this.#current();
    if (Date.now() >= token.renewAt) {
      this.#token = undefined;
      token = await this.#current();
    }
    return withBearer(request, token.value);
  }

  forget(): void {
    this.#token = undefined;
  }

  /** Requests that come while one is being issued share it; a failure is not kept. */
  async #current(): Promise<{ readonly value: string; readonly renewAt: number }> {
    this.#token ??= this.#issue();
    const issuing = this.#token;
    try {
      return await issuing;
    } catch (error) {
      if (this.#token === issuing) this.#token = undefined;
      throw error;
    }
  }

  async #issue(): Promise<{ readonly value: string; readonly renewAt: number }> {
    const { clientId, clientSecret, scope = 'catalog' } = this.#auth;
    const doing = `OAuth2 token for client ${clientId}`;
    const asked = Date.now();
    const request = {
      method: 'POST',
      url: new URL(this.#tokenUri),
      headers: { 'content-type': 'application/x-www-form-urlencoded', accept: 'application/json' },
      body: new URLSearchParams({
        grant_type: 'client_credentials',
        client_id: clientId,
        client_secret: clientSecret.reveal(),
        scope,
      }).toString(),
    } as const;
    const { body } = await answered(doing, { isHarmless: true }, () => exchange(doing, request));
    const { access_token: value, expires_in: life } = asRecord(body);
    if (typeof value !== 'string' || !isToken(value)) throw new Error(`${doing}: the answer has no token`);
    const seconds = typeof life === 'number' && life > 0 ? life : defaultLifeSeconds;
    return { value, renewAt: asked + seconds * 1000 * usedShare };
  }
}

/** AWS Signature Version 4 with the credentials of the default chain. */
class AwsSignature implements SignIn {
  readonly #auth: AuthOf<'sigv4'>;
  readonly #keys = new SigningKeys();
  #chain: Promise<{ readonly region: string; readonly credentials: () => Promise<Credentials> }> | undefined;

  constructor(auth: AuthOf<'sigv4'>) {
    this.#auth = auth;
  }

  async sign(request: HttpRequest): Promise<HttpRequest> {
    this.#chain ??= this.#open();
    const { region, credentials } = await this.#chain;
    return signed(request, this.#auth.service, region, await credentials(), new Date(), this.#keys);
  }

  async #open(): Promise<{ readonly region: string; readonly credentials: () => Promise<Credentials> }> {
    const { STSClient } = await import('@aws-sdk/client-sts');
    const { signingRegion } = this.#auth;
    const { config } = new STSClient({ ...(signingRegion !== undefined && { region: signingRegion }) });
    return { region: await config.region(), credentials: () => config.credentials() };
  }
}
