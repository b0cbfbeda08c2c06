/** What the first bytes of a body say: its compression, and where the data of a part begins. */

export type Compression = 'gzip' | 'zstd' | 'none';

const MAGIC_BYTES = 4;
const LENGTH_BYTES = 4;
/** Magic number and size of a zstd frame that holds no data (RFC 8878, 3.1.2). */
export const SKIPPABLE_HEAD = 8;

/** By the first bytes: gzip (RFC 1952, 2.3.1), zstd and its skippable frames (RFC 8878, 3.1). */
export function compressionOf(head: Uint8Array): Compression {
  if (head[0] === 0x1f && head[1] === 0x8b) return 'gzip';
  return isZstd(head, 0) || isSkippable(head) || isLengthOfFrame(head) ? 'zstd' : 'none';
}

const isZstd = (head: Uint8Array, at: number): boolean =>
  head[at] === 0x28 && head[at + 1] === 0xb5 && head[at + 2] === 0x2f && head[at + 3] === 0xfd;

/** Four bytes of length, the first of them 0, in front of a zstd frame. */
const isLengthOfFrame = (head: Uint8Array): boolean => head[0] === 0 && isZstd(head, LENGTH_BYTES);

/** Of a zstd frame that holds no data. */
export const isSkippable = (head: Uint8Array): boolean =>
  ((head[0] ?? 0) & 0xf0) === 0x50 && head[1] === 0x2a && head[2] === 0x4d && head[3] === 0x18;

/**
 * Index behind what stands between parts and holds no data: zero bytes and line ends in gzip, whole skippable frames and
 * lengths of frames in zstd.
 */
export function paddingEnd(body: Uint8Array, from: number, compression: Compression): number {
  let at = from;
  if (compression === 'gzip') {
    while (body[at] === 0 || body[at] === 0x0a || body[at] === 0x0d) at++;
    return at;
  }
  for (;;) {
    const head = body.subarray(at, at + SKIPPABLE_HEAD);
    if (isLengthOfFrame(head)) return at + LENGTH_BYTES;
    if (!isSkippable(head) || head.length < SKIPPABLE_HEAD) break;
    const end = at + skippableBytes(body.subarray(at));
    if (end > body.length) break;
    at = end;
  }
  return at;
}

/** In the words of Node's gunzip: deflate is the only method there is, and three flags are reserved (RFC 1952, 2.3.1). */
export function gzipHeaderFault(head: Uint8Array): string | undefined {
  if ((head[2] ?? DEFLATE) !== DEFLATE) return 'unknown compression method';
  return ((head[3] ?? 0) & 0xe0) === 0 ? undefined : 'unknown header flags set';
}

const DEFLATE = 8;

/** Index behind the header of a gzip member; -1 where it goes on behind these bytes. */
export function gzipHeaderEnd(head: Buffer): number {
  const flags = head[3] ?? 0;
  let end = 10;
  if ((flags & 0x04) !== 0) {
    if (head.length < end + 2) return -1;
    end += 2 + head.readUInt16LE(end);
  }
  // Name and comment end with a zero each.
  for (const flag of [0x08, 0x10]) {
    if ((flags & flag) === 0) continue;
    const zero = head.indexOf(0, end);
    if (zero < 0) return -1;
    end = zero + 1;
  }
  if ((flags & 0x02) !== 0) end += 2;
  return end <= head.length ? end : -1;
}

/** Size of the skippable frame that begins here. */
export const skippableBytes = (head: Uint8Array): number => SKIPPABLE_HEAD + asBuffer(head).readUInt32LE(MAGIC_BYTES);

export function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
