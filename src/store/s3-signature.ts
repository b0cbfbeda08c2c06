/**
 * GETs of whole objects signed here (AWS Signature Version 4), since the SDK takes more time for one request than a small
 * object takes to be read. Where the requests go and for which region they are signed is learnt, bucket by bucket, from one
 * that the SDK has sent and that went well: endpoints, redirects and credentials stay its affair.
 */
import { createHash, createHmac, createSecretKey, type KeyObject } from 'node:crypto';
import { compareText } from '../text/order.ts';
import { percentEncoded, type SignedRequest } from './s3-sockets.ts';

export interface Credentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string | undefined;
}

/** Where the objects of one bucket are asked for. */
export interface BucketAddress extends Pick<SignedRequest, 'protocol' | 'hostname'> {
  readonly port?: number | undefined;
  /** What stands before the key. */
  readonly path: string;
  readonly region: string;
  /** As the SDK writes it. */
  readonly host: string;
  readonly userAgent: string;
}

const emptyHash = createHash('sha256').digest('hex');

/** undefined where its objects are signed for in another way (S3 Express, multi-region access points, presigned, none). */
export function addressOf(request: SignedRequest, key: string): BucketAddress | undefined {
  const { protocol, hostname, port, path, headers } = request;
  const encoded = encodedKey(key);
  const scope = /^AWS4-HMAC-SHA256 Credential=[^,]*\/\d{8}\/([^/,]+)\/s3\/aws4_request,/.exec(
    headers.authorization ?? '',
  );
  if (scope === null || headers.host === undefined || !path.endsWith(`/${encoded}`)) return undefined;
  const userAgent = headers['user-agent'] ?? '';
  return {
    protocol,
    hostname,
    port,
    path: path.slice(0, -encoded.length),
    region: scope[1]!,
    host: headers.host,
    userAgent,
  };
}

export function signedGet(
  address: BucketAddress,
  key: string,
  given: Readonly<Record<string, string>>,
  credentials: Credentials,
  now: Date,
  keys: SigningKeys,
): SignedRequest {
  const { protocol, hostname, port, region, host, userAgent } = address;
  const path = address.path + encodedKey(key);
  const time = now.toISOString().replace(/[-:]|\.\d+/g, '');
  const signed: Record<string, string> = {
    ...given,
    host,
    'x-amz-content-sha256': emptyHash,
    'x-amz-date': time,
    ...(credentials.sessionToken && { 'x-amz-security-token': credentials.sessionToken }),
  };
  const authorization = authorize(
    { method: 'GET', path, query: '', headers: signed, payload: emptyHash },
    region,
    credentials,
    keys,
  );
  const headers = { ...signed, 'user-agent': userAgent, authorization };
  return { protocol, hostname, ...(port !== undefined && { port }), method: 'GET', path, query: {}, headers };
}

/** What is signed of a request. */
export interface Signable {
  readonly method: string;
  /** Encoded once: S3 alone of all services does not encode it again. */
  readonly path: string;
  /** Canonical: encoded and sorted. */
  readonly query: string;
  /** All of those that are signed, x-amz-date among them; names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  readonly payload: string;
}

/** The header `authorization`. */
export function authorize(
  { method, path, query, headers, payload }: Signable,
  region: string,
  credentials: Credentials,
  keys: SigningKeys,
  service = 's3',
): string {
  const names = Object.keys(headers).sort(compareText);
  const lines = names.map((name) => `${name}:${headers[name]!.trim().replace(/\s+/g, ' ')}\n`).join('');
  const list = names.join(';');
  const canonical = `${method}\n${path}\n${query}\n${lines}\n${list}\n${payload}`;
  const time = headers['x-amz-date']!;
  const scope = `${time.slice(0, 8)}/${region}/${service}/aws4_request`;
  const toSign = `AWS4-HMAC-SHA256\n${time}\n${scope}\n${createHash('sha256').update(canonical).digest('hex')}`;
  const signature = createHmac('sha256', keys.keyOf(credentials.secretAccessKey, scope)).update(toSign).digest('hex');
  return `AWS4-HMAC-SHA256 Credential=${credentials.accessKeyId}/${scope}, SignedHeaders=${list}, Signature=${signature}`;
}

/** Derives the key of a day and region from a secret, and keeps the last one: it takes four of the five digests of a request. */
export class SigningKeys {
  #secret = '';
  #scope = '';
  #key: KeyObject | undefined;

  keyOf(secret: string, scope: string): KeyObject {
    if (this.#key === undefined || secret !== this.#secret || scope !== this.#scope) {
      let key: Buffer = Buffer.from(`AWS4${secret}`);
      for (const part of scope.split('/')) key = createHmac('sha256', key).update(part).digest();
      this.#key = createSecretKey(key);
      this.#secret = secret;
      this.#scope = scope;
    }
    return this.#key;
  }
}

const encodedKey = (key: string): string => key.split('/').map(percentEncoded).join('/');
