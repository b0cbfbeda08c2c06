import {
  AbortMultipartUploadCommand,
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  type S3Client,
  UploadPartCommand,
} from '@aws-sdk/client-s3';
import pLimit from 'p-limit';
import { crc32Of } from './checksum.ts';
import type { EncryptionHeaders } from './s3-encryption.ts';
import { notOfS3 } from './s3-errors.ts';

/**
 * Uploads one large object in parts. The object appears whole with the last call, which also carries the condition;
 * every part carries its checksum; an upload that fails is aborted, so that its parts do not stay behind at the owner's expense.
 */
export interface MultipartUpload {
  readonly target: {
    readonly Bucket: string;
    readonly Key: string;
    readonly ContentType?: string;
    readonly Metadata?: Record<string, string>;
  } & EncryptionHeaders;
  readonly condition: { readonly IfNoneMatch?: string; readonly IfMatch?: string };
  readonly chunks: readonly Uint8Array[];
  readonly size: number;
  /** Wanted; larger where there would be more than S3's 10,000 parts. */
  readonly partBytes: number;
}

const mostParts = 10_000;
const partsAtOnce = 4;

/** Gives the ETag. Throws what the SDK throws, or StoreError where no S3 store answers. */
export async function uploadInParts(client: S3Client, upload: MultipartUpload): Promise<string | undefined> {
  const { target, condition, chunks, size } = upload;
  const partBytes = Math.max(upload.partBytes, Math.ceil(size / mostParts));
  const { UploadId } = await client.send(new CreateMultipartUploadCommand({ ...target, ChecksumAlgorithm: 'CRC32' }));
  const uri = `s3://${target.Bucket}/${target.Key}`;
  // Without one, what aborts the upload would delete the object.
  if (UploadId === undefined) throw notOfS3(uri);
  const part = { Bucket: target.Bucket, Key: target.Key, UploadId };
  const limit = pLimit(partsAtOnce);
  let failed = false;
  const uploads = Array.from({ length: Math.ceil(size / partBytes) }, (_, i) =>
    limit(async () => {
      if (failed) return {};
      const Body = slice(chunks, i * partBytes, Math.min((i + 1) * partBytes, size));
      const ChecksumCRC32 = crc32Of([Body]);
      const { ETag } = await client.send(
        new UploadPartCommand({ ...part, PartNumber: i + 1, Body, ContentLength: Body.length, ChecksumCRC32 }),
      );
      if (!ETag) throw notOfS3(uri);
      return { PartNumber: i + 1, ETag, ChecksumCRC32 };
    }),
  );
  try {
    const Parts = await Promise.all(uploads);
    const { ETag } = await client.send(
      new CompleteMultipartUploadCommand({ ...part, ...condition, MultipartUpload: { Parts } }),
    );
    return ETag;
  } catch (error) {
    failed = true;
    // A part that arrives after the abort would stay.
    await Promise.allSettled(uploads);
    // What failed first is what matters; a bucket's lifecycle rule removes what this cannot.
    await client.send(new AbortMultipartUploadCommand(part)).catch(() => {});
    throw error;
  }
}

/** Bytes [start, end) of the chunks laid end to end; a copy only where they span several chunks. */
function slice(chunks: readonly Uint8Array[], start: number, end: number): Uint8Array {
  const pieces: Uint8Array[] = [];
  let at = 0;
  for (const chunk of chunks) {
    if (at >= end) break;
    if (at + chunk.length > start)
      pieces.push(chunk.subarray(Math.max(0, start - at), Math.min(chunk.length, end - at)));
    at += chunk.length;
  }
  return pieces.length === 1 ? pieces[0]! : Buffer.concat(pieces);
}
