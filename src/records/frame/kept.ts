/**
 * Bytes that may be looked at later: a copy of those that lie in the kernel's memory, where what comes next is read to
 * (ingest/chunk-memory.ts), and which is the only one that is shared.
 */
export const kept = <T extends Uint8Array>(bytes: T): T | Buffer =>
  bytes.buffer instanceof SharedArrayBuffer ? Buffer.from(bytes) : bytes;
