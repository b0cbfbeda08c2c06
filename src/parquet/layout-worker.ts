/** The worker of layout-pool.ts. */
import { transferableSymbol, valueSymbol } from 'piscina';
import { ColumnarEncoder } from './columnar/encoder.ts';
import type { EncodedFile } from './encoder.ts';
import { type DayFile, type LayoutRequest, layOut } from './layout.ts';

const layOutHere = layOut(new ColumnarEncoder());

export default async function layOutBatch(request: LayoutRequest): Promise<unknown> {
  const files = (await layOutHere(request)).map(({ ymd, encoded }) => ({
    ymd,
    encoded: { ...encoded, chunks: [joined(encoded)] },
  }));
  return {
    [transferableSymbol]: files.map((file) => file.encoded.chunks[0]!.buffer),
    [valueSymbol]: files satisfies DayFile[],
  };
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
