import { expect, test } from 'vitest';
import { awsHint } from '../../src/store/aws-hints.ts';
import { s3Error } from '../../src/store/s3-errors.ts';

const failure = (name: string, message = '', more: object = {}): Error =>
  Object.assign(new Error(message), { name, ...more });

test.each([
  [failure('CredentialsProviderError', 'Could not load credentials from any providers'), /AWS_PROFILE/],
  [failure('CredentialsProviderError', 'Could not resolve credentials using profile: [x]'), /no such profile/],
  [failure('CredentialsProviderError', 'The SSO session associated with this profile has expired'), /aws sso login/],
  [failure('Error', 'Region is missing'), /s3\.region/],
  [failure('NoSuchBucket'), /no such bucket/],
  [failure('ExpiredToken'), /have expired/],
  [failure('InvalidAccessKeyId'), /does not know this access key/],
  [failure('SignatureDoesNotMatch'), /secret does not belong/],
  [
    failure('AuthorizationHeaderMalformed', '', { Region: 'eu-central-1' }),
    /another region, eu-central-1: set s3\.region/,
  ],
  [failure('PermanentRedirect', '', { Region: '\u001b[31m' }), /another region: set/],
])('%s says what to do', (error, hint) => {
  expect(awsHint(error)).toMatch(hint);
});

test('other errors are not taken for one of these', () => {
  expect(awsHint(failure('AccessDenied', 'no'))).toBeUndefined();
  expect(awsHint('text')).toBeUndefined();
});

test('a host that does not answer is named, with the keys that say which it is', () => {
  const lost = failure('Error', 'getaddrinfo ENOTFOUND acme.localhost', { code: 'ENOTFOUND' });
  expect(s3Error(lost, 's3://acme/', 'cannot list objects').message).toMatch(
    /^cannot list objects \(getaddrinfo ENOTFOUND acme\.localhost; .*s3\.endpoint.*s3\.forcePathStyle/,
  );
});

test('too many open files are said with what to raise', () => {
  const full = failure('Error', 'connect EMFILE 127.0.0.1:443 - Local (undefined:undefined)', { code: 'EMFILE' });
  const error = s3Error(full, 's3://acme/', 'cannot list objects');
  expect(error.message).toContain('ulimit -n');
  // Others are closed meanwhile; no object may be set aside for it.
  expect(error.code).toBe('transient');
});
