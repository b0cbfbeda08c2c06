/** Which failures of a Glue call are final, and what they mean. */
import { awsHint } from '../../store/aws-hints.ts';

const finalErrors = new Set([
  'AccessDeniedException',
  'EntityNotFoundException',
  'ExpiredTokenException',
  'FederationSourceException',
  'GlueEncryptionException',
  'InvalidInputException',
  'InvalidSignatureException',
  'ResourceNumberLimitExceededException',
  'SerializationException',
  'UnrecognizedClientException',
  'ValidationException',
  'CredentialsProviderError',
]);

export const nameOf = (error: unknown): string => (error instanceof Error ? error.name : '');

/**
 * Glue has refused the call, and would refuse it again. It had no effect, unless an earlier try of the SDK had one and
 * its answer was lost: so nothing may be removed for it.
 */
export const isRefusal = (error: unknown): boolean => finalErrors.has(nameOf(error));

/** Someone else has been there first, by Glue's word. */
export const isOvertaken = (error: unknown): boolean =>
  ['ConcurrentModificationException', 'AlreadyExistsException', 'VersionMismatchException'].includes(nameOf(error));

/** Says what was being done to what; keeps the SDK's error as cause. */
export class GlueError extends Error {
  override readonly name = 'GlueError';
  constructor(doing: string, cause: unknown) {
    const { name, message } = cause instanceof Error ? cause : { name: 'error', message: String(cause) };
    const known = awsHint(cause);
    const permission =
      name === 'AccessDeniedException' ? '; the role needs this Glue permission on catalog, database and table' : '';
    const hint = known === undefined ? permission : `; ${known}`;
    super(`${doing}: ${name}: ${message}${hint}`, { cause });
  }
}
