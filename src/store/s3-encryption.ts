/** How S3 is told to encrypt an object, with each PUT and at the start of an upload in parts (parts carry none of it). */
import type { PutObjectCommandInput } from '@aws-sdk/client-s3';

export interface Encryption {
  /** SSE-S3, SSE-KMS, DSSE-KMS. */
  readonly type: 's3' | 'kms' | 'kms-dsse';
  /** ARN or id of a KMS key; otherwise AWS's own of the account. */
  readonly key?: string;
  /** Whether KMS is asked for a key of the bucket instead of one for each object; otherwise as the bucket says. */
  readonly bucketKey?: boolean;
}

export type EncryptionHeaders = Pick<
  PutObjectCommandInput,
  'ServerSideEncryption' | 'SSEKMSKeyId' | 'BucketKeyEnabled'
>;

const algorithms = { s3: 'AES256', kms: 'aws:kms', 'kms-dsse': 'aws:kms:dsse' } as const;

export const encryptionHeaders = (encryption: Encryption | undefined): EncryptionHeaders =>
  encryption === undefined
    ? {}
    : {
        ServerSideEncryption: algorithms[encryption.type],
        ...(encryption.key !== undefined && { SSEKMSKeyId: encryption.key }),
        ...(encryption.bucketKey !== undefined && { BucketKeyEnabled: encryption.bucketKey }),
      };
