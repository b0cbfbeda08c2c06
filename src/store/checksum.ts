/**
 * Checksums of objects as S3 keeps them. A store that keeps one for the whole of an object sends it along with the body,
 * and what was damaged on the way is told from what was stored.
 */
import { createHash } from 'node:crypto';
import { crc32 } from 'node:zlib';
import { startCrc32c, startCrc64Nvme } from './crc.ts';

export interface Checksum {
  readonly algorithm: ChecksumAlgorithm;
  /** Base64 of its bytes, the most significant one first. */
  readonly value: string;
}

export type ChecksumAlgorithm = 'crc32' | 'crc32c' | 'crc64nvme' | 'sha1' | 'sha256';

export interface RunningChecksum {
  update(bytes: Uint8Array): void;
  /** Base64; ends the run. */
  value(): string;
}

export function startChecksum(algorithm: ChecksumAlgorithm): RunningChecksum {
  if (algorithm === 'crc32') {
    let crc = 0;
    return {
      update: (bytes) => {
        crc = crc32(bytes, crc);
      },
      value: () => base64OfCrc(crc),
    };
  }
  if (algorithm === 'crc32c' || algorithm === 'crc64nvme') {
    const crc = algorithm === 'crc32c' ? startCrc32c() : startCrc64Nvme();
    return { update: (bytes) => crc.update(bytes), value: () => crc.digest().toString('base64') };
  }
  const hash = createHash(algorithm);
  return { update: (bytes) => void hash.update(bytes), value: () => hash.digest('base64') };
}

/** Base64 of the CRC-32 of chunks laid end to end. */
export function crc32Of(chunks: readonly Uint8Array[]): string {
  return base64OfCrc(chunks.reduce((crc, chunk) => crc32(chunk, crc), 0));
}

function base64OfCrc(crc: number): string {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(crc);
  return bytes.toString('base64');
}
