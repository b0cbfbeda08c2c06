/**
 * What an outsider sends may cost work in proportion to its bytes, and no more. Counted, not timed: bytes looked at by
 * the grammar, errors made, decoders begun, bytes allocated and copied.
 */
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { decompressWhole, openBody } from '../../src/records/decompress.ts';
import { frameRecords } from '../../src/records/frame/index.ts';
import { Grammar } from '../../src/records/grammar.ts';
import { parseRecord } from '../../src/records/parse.ts';
import { collect } from '../support/collect.ts';

const chunkSizes = vi.hoisted((): number[] => []);
vi.mock('node:zlib', async (importOriginal) => {
  const zlib = await importOriginal<typeof import('node:zlib')>();
  const original = zlib.zstdDecompress as (...args: unknown[]) => void;
  const zstdDecompress = (body: Uint8Array, options: { chunkSize: number }, done: unknown): void => {
    chunkSizes.push(options.chunkSize);
    original(body, options, done);
  };
  return { ...zlib, zstdDecompress };
});

afterEach(() => {
  chunkSizes.length = 0;
  vi.restoreAllMocks();
});

const repeated = (text: string, bytes: number): Buffer => Buffer.from(text.repeat(Math.ceil(bytes / text.length)));

async function* inChunks(body: Buffer, size = 64 << 10): AsyncGenerator<Buffer> {
  for (let at = 0; at < body.length; at += size) yield body.subarray(at, at + size);
}

describe('framing', () => {
  const hostile: Readonly<Record<string, string>> = {
    'braces and line feeds': '{\n',
    'braces, spaces and line feeds': '{ \n',
    'an object and junk on each line': '{}x\n',
    'open strings': '{"\n',
    'open brackets': '{"a":[\n',
    'closed and open in turn': '}{',
    'escapes that end nowhere': '{"\\\n',
    'literals that break': 'tru{\n',
  };
  for (const [name, unit] of Object.entries(hostile)) {
    test(`looks at no byte more than a bounded number of times: ${name}`, async () => {
      let fed = 0;
      const feed = Grammar.prototype.feed;
      vi.spyOn(Grammar.prototype, 'feed').mockImplementation(function (this: Grammar, bytes, start, end) {
        fed += end - start;
        return feed.call(this, bytes, start, end);
      });
      const limits = { recordBytes: 16 << 20, nestingDepth: 512 };
      // Pretty-printed at the beginning, so that values are looked for, and not lines.
      const body = Buffer.concat([Buffer.from('{\n"a":1\n}\n'), repeated(unit, 64 << 10)]);
      const frames = (await collect(frameRecords(inChunks(body), limits))).flat();
      expect(frames.reduce((sum, frame) => sum + frame.bytes.length, 0)).toBeLessThanOrEqual(body.length);
      expect(fed).toBeGreaterThan(0);
      expect(fed).toBeLessThan(body.length * 64);
    });
  }
});

describe('parsing', () => {
  test('a short record that is broken makes no error object, and a long one makes one', () => {
    const parse = vi.spyOn(JSON, 'parse');
    for (const text of ['{', '{"', '{}x', '[1,', 'nul', '{"a":tru}', '\0', '{"a":1'])
      expect(parseRecord(Buffer.from(text), { nestingDepth: 512 })).toMatchObject({ code: 'malformed_json' });
    expect(parse).not.toHaveBeenCalled();
    expect(parseRecord(Buffer.from(`{"a":"${'x'.repeat(1000)}`), { nestingDepth: 512 })).toMatchObject({
      code: 'malformed_json',
      detail: 'the text ends in the middle of a value',
    });
    expect(parse).toHaveBeenCalledTimes(1);
  });
});

describe('decompressing', () => {
  const caps = { objectBytes: 1 << 30, compressionRatio: 1000 };
  const frame = zstdCompressSync('{}\n');
  const member = gzipSync('{}\n');
  const many = (part: Buffer, count: number): Buffer => Buffer.concat(Array.from({ length: count }, () => part));

  test('many small frames are given memory of about their size, not that of the whole body', async () => {
    const body = many(frame, 1000);
    expect(String(await decompressWhole(body, caps))).toBe('{}\n'.repeat(1000));
    expect(chunkSizes).toHaveLength(1000);
    expect(chunkSizes.slice(1).every((size) => size <= 16 << 10)).toBe(true);
  });

  test('streamed, the chunk that holds many small frames is not copied for each', async () => {
    const body = many(frame, 1000);
    let copied = 0;
    const concat = Buffer.concat;
    vi.spyOn(Buffer, 'concat').mockImplementation((...args) => {
      const joined = concat(...args);
      copied += joined.length;
      return joined;
    });
    const out = await collect(openBody(inChunks(body, body.length), caps));
    vi.restoreAllMocks();
    expect(String(Buffer.concat(out))).toBe('{}\n'.repeat(1000));
    expect(copied).toBeLessThan(4 * body.length);
  });

  test('an object of very many frames or padded members is refused, by name of the reason', async () => {
    for (const part of [frame, Buffer.concat([member, Buffer.alloc(1)])]) {
      const body = many(part, 3000);
      await expect(decompressWhole(body, caps)).rejects.toMatchObject({ code: 'too_many_parts' });
      await expect(collect(openBody(inChunks(body), caps))).rejects.toMatchObject({ code: 'too_many_parts' });
    }
  });

  test('frames that hold no data begin no decoder, wherever chunks end', async () => {
    const empty = Buffer.from([0x5a, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, 1, 2, 3]);
    const body = Buffer.concat([many(empty, 20_000), frame, many(empty, 20_000), frame, empty]);
    expect(String(await decompressWhole(body, caps))).toBe('{}\n{}\n');
    for (const size of [body.length, 1000, 7])
      expect(String(Buffer.concat(await collect(openBody(inChunks(body, size), caps))))).toBe('{}\n{}\n');
    const cut = body.subarray(0, body.length - 1);
    await expect(decompressWhole(cut, caps)).rejects.toMatchObject({ code: 'truncated_zstd' });
    await expect(collect(openBody(inChunks(cut), caps))).rejects.toMatchObject({ code: 'truncated_zstd' });
  });
});
