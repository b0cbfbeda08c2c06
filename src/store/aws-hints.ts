/** What to do about errors of AWS that no permission mends: credentials, regions, profiles, buckets. */

const byName: Readonly<Record<string, string>> = {
  NoSuchBucket: 'there is no such bucket: mend its name, or make it',
  ExpiredToken: 'the credentials have expired: get new ones, such as by "aws sso login"',
  ExpiredTokenException: 'the credentials have expired: get new ones, such as by "aws sso login"',
  TokenRefreshRequired: 'the credentials have expired: get new ones, such as by "aws sso login"',
  InvalidAccessKeyId: 'AWS does not know this access key: see AWS_ACCESS_KEY_ID or the profile',
  UnrecognizedClientException: 'AWS does not know these credentials: see AWS_ACCESS_KEY_ID or the profile',
  InvalidClientTokenId: 'AWS does not know these credentials: see AWS_ACCESS_KEY_ID or the profile',
  SignatureDoesNotMatch: 'the secret does not belong to the access key: see AWS_SECRET_ACCESS_KEY or the profile',
  InvalidSignatureException: 'the secret does not belong to the access key: see AWS_SECRET_ACCESS_KEY or the profile',
  RequestTimeTooSkewed: 'the clock of this machine is wrong',
};

const noCredentials =
  'no AWS credentials were found: set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or run with a role; whether a profile exists says "aws configure list-profiles"';

/** Undefined for an error that is about something else. */
export function awsHint(error: unknown): string | undefined {
  const {
    name = '',
    message = '',
    Region,
    BucketRegion,
  } = error as Error & { Region?: unknown; BucketRegion?: unknown };
  if (/region is missing/i.test(message))
    return 'no region was found: set s3.region, AWS_REGION, or one in the profile';
  if (/could not resolve credentials using profile|profile .* (could not be found|was not found)/i.test(message)) {
    return 'there is no such profile, or nothing to sign in with in it: "aws configure list-profiles" names those that there are';
  }
  if (
    /sso|token.*expired|session.*(expired|invalid)/i.test(message) &&
    /CredentialsProviderError|TokenProviderError/.test(name)
  ) {
    return 'the session has expired, or there is none: run "aws sso login", with --profile where AWS_PROFILE names one';
  }
  if (name === 'CredentialsProviderError') return noCredentials;
  if (['PermanentRedirect', 'AuthorizationHeaderMalformed', 'IllegalLocationConstraintException'].includes(name)) {
    const region = [Region, BucketRegion].find((one) => typeof one === 'string' && /^[a-z0-9-]{1,30}$/.test(one));
    return `the bucket is in another region${region === undefined ? '' : `, ${region}`}: set s3.region`;
  }
  return byName[name];
}
