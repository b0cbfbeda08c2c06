const leastBytes = Math.max(16 << 10, Buffer.poolSize);

/**
 * Frees the memory behind bytes now instead of at some garbage collection: V8 collects whenever buffers of some megabytes have
 * come, and pages come by the hundred. Nothing else may use that memory; all views of it are void.
 */
export function giveBack({ buffer }: Uint8Array): void {
  // Smaller ones are parts of Node's pool.
  if (buffer instanceof ArrayBuffer && !buffer.detached && buffer.byteLength > leastBytes) buffer.transfer(0);
}
