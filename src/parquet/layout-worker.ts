/** The worker of layout-pool.ts. */
import { move, transferableSymbol, valueSymbol } from 'piscina';
import { ColumnarEncoder } from './columnar/encoder.ts';
import type { EncodedFile } from './encoder.ts';
import { type DayFile, type LayoutRequest, layOut } from './layout.ts';

const layOutHere = layOut(new ColumnarEncoder());

export default async function layOutBatch(request: LayoutRequest): Promise<unknown> {
  const files: DayFile[] = [];
  const buffers: ArrayBufferLike[] = [];
  for (const { ymd, encoded } of await layOutHere(request)) {
    const bytes = joined(encoded);
    buffers.push(bytes.buffer);
    files.push({ ymd, encoded: { ...encoded, chunks: [bytes] } });
  }
  return move({ [transferableSymbol]: buffers, [valueSymbol]: files } as Parameters<typeof move>[0]);
}

/** One array of its own a file: small buffers come out of a shared pool, which cannot be moved. */
function joined({ chunks, size }: EncodedFile): Uint8Array {
  const bytes = new Uint8Array(size);
  let at = 0;
  for (const chunk of chunks) {
    bytes.set(chunk, at);
    at += chunk.length;
  }
  return bytes;
}
