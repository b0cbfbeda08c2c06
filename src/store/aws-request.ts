/** Requests to services of AWS that the product has no SDK client for, signed with Signature Version 4. */
import { createHash } from 'node:crypto';
import { compareText } from '../text/order.ts';
import { authorize, type Credentials, type SigningKeys } from './s3-signature.ts';

export interface AwsRequest {
  readonly method: 'GET' | 'POST';
  readonly url: URL;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
}

/** Signs method, path, query, body and all headers. */
export function signed(
  request: AwsRequest,
  service: string,
  region: string,
  credentials: Credentials,
  now: Date,
  keys: SigningKeys,
): AwsRequest {
  const { method, url, body = '' } = request;
  const payload = createHash('sha256').update(body).digest('hex');
  const headers: Record<string, string> = {
    ...request.headers,
    host: url.host,
    'x-amz-content-sha256': payload,
    'x-amz-date': now.toISOString().replace(/[-:]|\.\d+/g, ''),
    ...(credentials.sessionToken && { 'x-amz-security-token': credentials.sessionToken }),
  };
  // Services other than S3 encode the path, which is encoded already, once more.
  const path = url.pathname.split('/').map(encoded).join('/');
  const query = [...url.searchParams].map(([name, value]) => `${encoded(name)}=${encoded(value)}`).sort(compareText);
  const authorization = authorize(
    { method, path, query: query.join('&'), headers, payload },
    region,
    credentials,
    keys,
    service,
  );
  return { ...request, headers: { ...headers, authorization } };
}

/** RFC 3986: all but unreserved characters. */
export const encoded = (text: string): string =>
  encodeURIComponent(text).replace(/[!'()*]/g, (sign) => `%${sign.charCodeAt(0).toString(16).toUpperCase()}`);
