import { randomBytes } from 'node:crypto';
import { constants, createZstdCompress, zstdCompressSync, zstdDecompressSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { frameOf, ZstdContext } from '../../../src/parquet/write/zstd-frames.ts';

const text = Buffer.from(Array.from({ length: 60_000 }, (_, i) => `{"path":"/v1/data/${i % 37}","n":${i}}`).join('\n'));
const noise = randomBytes(300_000);
const bodies = [0, 1, 255, 256, 4096, 131_071, 131_072, 131_073, 300_000].flatMap((length) => [
  text.subarray(0, length),
  noise.subarray(0, length),
]);

describe.each([1, 3, 9, 12])('frames of zstd at level %i', (level) => {
  const params = { [constants.ZSTD_c_compressionLevel]: level };

  test('are whole, one after another from the same context, and as small as those of a context each', () => {
    for (const body of [...bodies, text, ...bodies.toReversed()]) {
      const frame = frameOf(body, params);
      expect(zstdDecompressSync(frame).equals(body)).toBe(true);
      const alone = zstdCompressSync(body, { params, pledgedSrcSize: body.length });
      expect(frame.length).toBeLessThanOrEqual(alone.length + 8);
    }
  });

  test('hold bodies above what a context is kept for', () => {
    const body = Buffer.concat([text, noise, text]);
    expect(body.length).toBeGreaterThan(2 << 20);
    expect(zstdDecompressSync(frameOf(body, params)).equals(body)).toBe(true);
  });
});

describe('a context of zstd', () => {
  const room = new Uint8Array(1000);

  test('makes frames with this Node.js', () => {
    const context = new ZstdContext(createZstdCompress());
    const filled = [1, 2].map(() => context.frame(text.subarray(0, 500), room));
    expect(filled).toEqual([expect.any(Number), filled[0]]);
    expect(zstdDecompressSync(room.subarray(0, filled[1])).equals(text.subarray(0, 500))).toBe(true);
  });

  test('is given up where a frame does not come whole, since its rest would be in the next one', () => {
    const context = new ZstdContext(createZstdCompress());
    expect(context.frame(noise.subarray(0, 5000), room)).toBeUndefined();
    expect(context.frame(text.subarray(0, 10), room)).toBeUndefined();
  });

  test.each([{}, { _handle: {}, _writeState: new Uint32Array(2) }, { _handle: { writeSync: () => {} } }])(
    'is of no use where a stream does not look as expected: %o',
    (stream) => {
      expect(new ZstdContext(stream).frame(text, room)).toBeUndefined();
    },
  );
});
