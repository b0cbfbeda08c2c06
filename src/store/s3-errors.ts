import { awsHint } from './aws-hints.ts';
import { openFilesHint } from './open-files.ts';
import { StoreError, type StoreErrorCode } from './store.ts';

/** What the SDK and the network throw, as the errors of the store port, with a word on what the user can do. */
export function s3Error(error: unknown, uri: string, doing: string): StoreError {
  if (error instanceof StoreError) return error;
  const { name = 'Error', message = '' } = error as Error;
  const status = httpStatus(error);
  const code = codeOf(error, name, status);
  // An answer to HEAD has no body that could name the error; the SDK makes these up.
  const isNameless = status !== undefined && /^(Unknown|UnknownError|\d+)$/.test(name);
  const what = isNameless || (name === 'Error' && message !== '') ? '' : name;
  const said = [what, status === undefined ? message : `HTTP ${status}`].filter(Boolean).join(', ');
  const known = awsHint(error) ?? hints[name] ?? hints[(error as SdkError).code ?? ''] ?? hints[code];
  const hint = known ?? (isNameless && status === 400 ? hintOf400 : '');
  return new StoreError(code, uri, `${doing} (${said}${hint && `; ${hint}`})`, isNameless ? {} : { cause: error });
}

/** A body that broke off: always worth another try from where it stopped. */
export const breakOffError = (error: unknown, uri: string): StoreError =>
  new StoreError('transient', uri, `the body broke off (${(error as Error).message})`, { cause: error });

/** An answer with status 200 that is no whole XML: as with a body that broke off, the next one may be. */
export const cutOff = (error: unknown, uri: string): StoreError =>
  new StoreError(
    'transient',
    uri,
    'the answer is cut off, or not that of an S3 store (see s3.endpoint, and proxies on the way to it)',
    { cause: error },
  );

/** A page of a proxy or of another service, with status 200: nothing has been read or written. */
export const notOfS3 = (uri: string): StoreError =>
  new StoreError('other', uri, 'the answer is not that of an S3 store (see s3.endpoint, and proxies on the way to it)');

export function httpStatus(error: unknown): number | undefined {
  return (error as SdkError).$metadata?.httpStatusCode;
}

/** True where an earlier try of the same request may have had its effect. */
export function isRetriedFailure(error: unknown): boolean {
  const { $metadata } = error as SdkError;
  // No status: the answer to the last try was lost.
  return $metadata?.httpStatusCode === undefined || $metadata.httpStatusCode >= 500 || ($metadata.attempts ?? 1) > 1;
}

interface SdkError {
  readonly $metadata?: { readonly httpStatusCode?: number; readonly attempts?: number };
  readonly $retryable?: unknown;
  readonly code?: string;
}

const byName: Readonly<Record<string, StoreErrorCode>> = {
  NoSuchKey: 'not-found',
  NoSuchBucket: 'not-found',
  NotFound: 'not-found',
  PreconditionFailed: 'precondition-failed',
  CredentialsProviderError: 'access-denied',
  // HTTP 403, but no permission would help.
  InvalidObjectState: 'other',
  RequestTimeTooSkewed: 'other',
  TimeoutError: 'transient',
  SlowDown: 'transient',
};

const hints: Readonly<Record<string, string>> = {
  InvalidObjectState: 'it is archived: restore it first (aws s3api restore-object)',
  ENOTFOUND:
    'there is no such host: see s3.endpoint and s3.region; many services other than AWS need s3.forcePathStyle',
  EMFILE: openFilesHint,
  ECONNREFUSED: 'nothing answers there: see s3.endpoint',
  'precondition-failed': 'it changed meanwhile',
  'access-denied': 'grant s3:GetObject, s3:PutObject and s3:DeleteObject on it, and s3:ListBucket on its bucket',
};

const hintOf400 = 'credentials that have expired and a bucket of another region are answered so';

function codeOf(error: unknown, name: string, status: number | undefined): StoreErrorCode {
  const named = byName[name];
  if (named !== undefined) return named;
  if (status === 404) return 'not-found';
  if (status === 401 || status === 403) return 'access-denied';
  if (status === 412) return 'precondition-failed';
  if (status !== undefined) return status === 409 || status === 429 || status >= 500 ? 'transient' : 'other';
  const { $retryable, code } = error as SdkError;
  return $retryable !== undefined || networkCodes.has(code ?? '') ? 'transient' : 'other';
}

const networkCodes: ReadonlySet<string> = new Set([
  'ECONNRESET',
  'ECONNREFUSED',
  'EPIPE',
  'ETIMEDOUT',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'EAI_AGAIN',
  'EMFILE',
  'ENFILE',
]);
