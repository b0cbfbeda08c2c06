import { randomBytes } from 'node:crypto';
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { deflateSync, gzipSync, zstdCompressSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { ChunkMemory } from '../../src/ingest/chunk-memory.ts';
import { ObjectError } from '../../src/records/body/meter.ts';
import { decompressWhole, openBody } from '../../src/records/decompress.ts';
import { CountedBodies } from '../support/counted-bodies.ts';

const limits = { objectBytes: 50_000_000, compressionRatio: 100 };
const a = gzipSync('aaa\n');
const b = gzipSync('bbb\n');
const z = zstdCompressSync('zzz\n');
const empty = gzipSync('');
/** More than a part that is taken for short. */
const digits = '0123456789'.repeat(4000);
const long = gzipSync(digits, { level: 0 });
const zeros = (bytes: number): Buffer => Buffer.alloc(bytes);
const skippable = Buffer.from([0x50, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, 1, 2, 3]);

/** Numbers below `most`, the same in every run. */
function numbers(): (most: number) => number {
  let state = 1;
  return (most) => {
    state = (Math.imul(state, 1103515245) + 12345) >>> 0;
    return (state >>> 8) % most;
  };
}

/** In memory of its own and in the kernel's: the same comes out, or the same error, but for where a cap was noticed. */
async function streamed(given: Buffer | readonly Buffer[], chunk: number, caps = limits, bytes = 0): Promise<string> {
  async function* chunks(): AsyncGenerator<Buffer> {
    for (const body of [given].flat())
      for (let at = 0; at < body.length; at += chunk) yield body.subarray(at, at + chunk);
  }
  const read = async (stored: AsyncGenerator<Buffer>, rooms?: ChunkMemory[]): Promise<string> => {
    const parts: Buffer[] = [];
    for await (const part of openBody(stored, caps, { bytes, ...(rooms && { rooms }) })) parts.push(Buffer.from(part));
    return Buffer.concat(parts).toString();
  };
  const bodies = new CountedBodies(0);
  const rooms = [new ChunkMemory(bodies), new ChunkMemory(bodies)];
  const [own, lent] = await Promise.allSettled([read(chunks()), read(chunks(), rooms)]);
  for (const room of rooms) room.release();
  expect(bodies.out).toEqual(new Set());
  expect(bodies.most).toBeLessThanOrEqual(1);
  expect(told(lent)).toEqual(told(own));
  if (own.status === 'rejected') throw own.reason;
  return own.value;
}
const told = (result: PromiseSettledResult<string>): unknown =>
  result.status === 'fulfilled' ? result.value : String(result.reason).replace(/ \(after .*/, '');
const whole = async (body: Buffer, caps = limits): Promise<string> => (await decompressWhole(body, caps)).toString();

describe('a body is read by its magic bytes, the same streamed and whole', () => {
  test.each([
    ['plain text', Buffer.from('{}\n'), '{}\n'],
    ['nothing', zeros(0), ''],
    ['the first byte of gzip alone', Buffer.from([0x1f]), '\x1f'],
    ['gzip', a, 'aaa\n'],
    ['several gzip members', Buffer.concat([a, b, a]), 'aaa\nbbb\naaa\n'],
    ['gzip members without data', Buffer.concat([long, empty, long, empty, a]), `${digits}${digits}aaa\n`],
    ['gzip with padding', Buffer.concat([a, zeros(70_000)]), 'aaa\n'],
    [
      'gzip members with line feeds between',
      Buffer.concat([a, Buffer.from('\n'), b, Buffer.from('\r\n')]),
      'aaa\nbbb\n',
    ],
    [
      'text that begins like a block of snappy',
      Buffer.from('r {\n[pod/opa-0/opa] a line of a log'),
      'r {\n[pod/opa-0/opa] a line of a log',
    ],
    ['gzip with one line feed behind it', Buffer.concat([a, Buffer.from('\n')]), 'aaa\n'],
    ['gzip with a carriage return behind it', Buffer.concat([a, b, Buffer.from('\r')]), 'aaa\nbbb\n'],
    ['gzip members with padding between', Buffer.concat([a, zeros(5), b, zeros(512)]), 'aaa\nbbb\n'],
    ['zstd', z, 'zzz\n'],
    ['several zstd frames', Buffer.concat([z, z, z]), 'zzz\nzzz\nzzz\n'],
    ['zstd with skippable frames', Buffer.concat([skippable, z, skippable, z]), 'zzz\nzzz\n'],
    ['a large text', gzipSync(Buffer.alloc(3_000_000, 'abcdefghi\n'), { level: 0 }), 'abcdefghi\n'.repeat(300_000)],
  ])('%s', async (_, body, text) => {
    for (const chunk of [1, 7, 1000, 1 << 30]) {
      if (body.length / chunk < 100_000) expect(await streamed(body, chunk)).toBe(text);
    }
    expect(await whole(body)).toBe(text);
  });
});

test.each([
  ['of another method', 2, 0, 'corrupt: no valid gzip data: unknown compression method'],
  ['with a flag that is reserved', 3, 0x20, 'corrupt: no valid gzip data: unknown header flags set'],
])('a gzip header %s is refused, the same streamed and whole', async (_, at, byte, message) => {
  const bad = Buffer.from(a);
  bad[at] = byte;
  for (const body of [bad, Buffer.concat([b, bad]), Buffer.concat([long, zeros(3), bad])]) {
    const refusal = (error: ObjectError) => told({ status: 'rejected', reason: `${error.code}: ${error.message}` });
    expect(await whole(body).catch(refusal)).toBe(message);
    for (const chunk of [1, 1 << 30]) expect(await streamed(body, chunk).catch(refusal)).toBe(message);
  }
});

test('zstd frames with their lengths in front, of which each is a chunk', async () => {
  // Of a short part and of long ones, which have a decoder that goes on from chunk to chunk.
  const texts = [100_000, 4, 70_000, 50_000].map((bytes) => randomBytes(bytes / 2).toString('hex'));
  const frames = texts.map((text) => {
    const frame = zstdCompressSync(text);
    const length = zeros(4);
    length.writeUInt32BE(frame.length);
    return Buffer.concat([length, frame]);
  });
  for (const chunks of [frames, [Buffer.concat(frames.slice(0, 2)), ...frames.slice(2)], [Buffer.concat(frames)]])
    expect(await streamed(chunks, 1 << 30)).toBe(texts.join(''));
});

/** Bodies in other formats, as their own tools have written them. */
const bodies = globSync('../../fixtures/opa/body-*/input.*', { cwd: import.meta.dirname })
  .filter((path) => !/utf16|bzip2|xz/.test(path))
  .map((path) => [path.split('/').at(-2) as string, readFileSync(join(import.meta.dirname, path))] as const);

describe('a body in another format', () => {
  // As pyarrow 26 compresses them.
  test.each([
    ['line feeds', '26000a7201001c7b2261223a317d0a', '\n'.repeat(30)],
    ['line ends of two characters', '8001040d0afe0200d602001c7b2261223a317d0a', '\r\n'.repeat(60)],
  ])('a raw block of snappy whose text begins with many %s is one', async (_, block, spaces) => {
    const body = Buffer.from(block, 'hex');
    const text = `${spaces}{"a":1}\n`;
    expect(await whole(body)).toBe(text);
    for (const chunk of [1, 7, 1000]) expect(await streamed(body, chunk)).toBe(text);
  });

  test.each([
    ['copies what is not there', '267201001c7b2261223a317d0a00'],
    ['has more than its size', '05000a1c7b2261223a317d0a00'],
    ['is white space alone', '26000a720100'],
  ])('bytes that %s are no block of snappy', async (_, bytes) => {
    const body = Buffer.from(bytes, 'hex');
    expect(await whole(body)).toBe(body.toString());
  });

  test('there are some', () => expect(bodies.length).toBeGreaterThan(8));

  test.each(bodies)('%s is the same streamed and whole', async (_, body) => {
    const text = await whole(body);
    expect(text).toMatch(/^\{"[\s\S]*\}\s*$/);
    for (const chunk of [1, 7, 1000]) expect(await streamed(body, chunk)).toBe(text);
  });

  test.each(bodies)('%s that ends too early or is damaged is never half-used', async (name, body) => {
    const text = await whole(body);
    for (let cut = 1; cut < body.length - 1; cut += Math.ceil(body.length / 40)) {
      const result = await whole(body.subarray(0, body.length - cut)).catch((error: unknown) => error);
      // What is left may be whole parts, or so little that it is none of the format.
      if (result instanceof ObjectError) expect(['corrupt', 'truncated_gzip', 'truncated_zstd']).toContain(result.code);
      else
        expect(text.startsWith(result as string) || !(result as string).includes('}'), `${name} cut by ${cut}`).toBe(
          true,
        );
      const damaged = Buffer.from(body);
      damaged[body.length - cut] = (damaged[body.length - cut] as number) ^ 0x55;
      const other = await whole(damaged).catch((error: unknown) => error);
      if (typeof other !== 'string') expect(other).toBeInstanceOf(ObjectError);
    }
  });

  test.each([
    ['zlib', deflateSync(zeros(20_000_000)), 'ratio'],
    ['a raw snappy block', Buffer.from([0xff, 0xff, 0xff, 0xff, 0x0f, 0x00, 0x7b]), 'too_large'],
    ['a snappy block that lies', Buffer.from([0x80, 0x80, 0x20, 0x00, 0x7b]), 'corrupt'],
  ])('%s that says too much is stopped by the caps', async (_, body, code) => {
    await expect(whole(body, { ...limits, compressionRatio: code === 'ratio' ? 100 : 1e9 })).rejects.toMatchObject({
      code,
    });
    await expect(
      streamed(body, 3, { ...limits, compressionRatio: code === 'ratio' ? 100 : 1e9 }),
    ).rejects.toMatchObject({ code });
  });

  test('compressed over and over is refused', async () => {
    let body: Buffer = Buffer.from('{}');
    for (let layer = 0; layer < 6; layer++) body = gzipSync(body);
    await expect(whole(body)).rejects.toMatchObject({ code: 'unsupported' });
    await expect(streamed(body, 9)).rejects.toMatchObject({ code: 'unsupported' });
  });

  test.each([
    ['bzip2', Buffer.from('BZh91AY&SY')],
    ['xz', Buffer.from([0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00, 0, 4])],
    ['Parquet', Buffer.from('PAR1\x15\x04\x15\x00')],
    ['a tar archive', Buffer.concat([Buffer.from('a.json'.padEnd(257, '\0')), Buffer.from('ustar\x0000')])],
    ['a tar archive', gzipSync(Buffer.concat([Buffer.from('a.json'.padEnd(257, '\0')), Buffer.from('ustar\x0000')]))],
    ['an SQLite database', Buffer.from('SQLite format 3\0\x10')],
    ...['{"a":1}', '\ufeff[\n'].flatMap((text) => {
      const littleEndian = Buffer.from(Uint32Array.from([...text], (one) => one.codePointAt(0)!).buffer);
      const bigEndian = Buffer.from(littleEndian).swap32();
      return [littleEndian, bigEndian, gzipSync(bigEndian)].map((body): [string, Buffer] => ['text in UTF-32', body]);
    }),
  ])('%s is refused by name', async (name, body) => {
    await expect(whole(body)).rejects.toMatchObject({ code: 'unsupported', message: expect.stringContaining(name) });
    await expect(streamed(body, 5)).rejects.toMatchObject({ code: 'unsupported' });
  });

  test.each(['PAR1 is a word', 'x^2 + y^2', 'ORC said', 'BZh 91', 'PK'])('%s is text', async (text) => {
    expect(await whole(Buffer.from(text))).toBe(text);
    expect(await streamed(Buffer.from(text), 1)).toBe(text);
  });
});

describe('what is wrong with a body is an ObjectError with its code', () => {
  test.each([
    ['truncated gzip', a.subarray(0, -3), 'truncated_gzip'],
    ['a truncated second member', Buffer.concat([a, b.subarray(0, 9)]), 'truncated_gzip'],
    ['truncated zstd', z.subarray(0, -2), 'truncated_zstd'],
    ['a truncated second frame', Buffer.concat([z, z.subarray(0, 7)]), 'truncated_zstd'],
    ['a damaged checksum', Buffer.from(a).fill(0xff, a.length - 8, a.length - 4), 'corrupt'],
    ['text behind gzip', Buffer.concat([a, Buffer.from('text')]), 'corrupt'],
    ['text behind padding', Buffer.concat([a, zeros(3), Buffer.from('text')]), 'corrupt'],
    ['text behind zstd', Buffer.concat([z, Buffer.from('text')]), 'corrupt'],
    ['zeros behind zstd', Buffer.concat([z, zeros(8)]), 'corrupt'],
    ['a gzip bomb', gzipSync(zeros(20_000_000)), 'ratio'],
    ['a zstd bomb', zstdCompressSync(zeros(20_000_000)), 'ratio'],
    ['a bomb in many members', Buffer.concat(Array(30).fill(gzipSync(zeros(1_000_000)))), 'ratio'],
  ])('%s', async (_, body, code) => {
    for (const chunk of [1, 100, 1 << 30]) {
      await expect(streamed(body, chunk)).rejects.toMatchObject({ name: 'ObjectError', code });
    }
    await expect(whole(body)).rejects.toMatchObject({ name: 'ObjectError', code });
  });

  test('more bytes than the cap, compressed or not', async () => {
    const caps = { objectBytes: 1000, compressionRatio: 1000 };
    for (const body of [Buffer.alloc(1001, 'x'), gzipSync(Buffer.alloc(1001, 'x'))]) {
      await expect(streamed(body, 100, caps)).rejects.toMatchObject({ code: 'too_large' });
      await expect(whole(body, caps)).rejects.toMatchObject({ code: 'too_large' });
    }
    expect((await streamed(gzipSync(Buffer.alloc(1000, 'x')), 100, caps)).length).toBe(1000);
    expect((await whole(gzipSync(Buffer.alloc(1000, 'x')), caps)).length).toBe(1000);
  });

  test('the ratio is that of the whole body, where its size is known', async () => {
    const next = numbers();
    const noise = Buffer.from(Array.from({ length: 300_000 }, () => next(128)));
    const body = gzipSync(Buffer.concat([zeros(8_000_000), noise]));
    expect((await streamed(body, 1000, limits, body.length)).length).toBe(8_300_000);
    await expect(streamed(body, 1000)).rejects.toMatchObject({ code: 'ratio' });
    const bomb = gzipSync(zeros(20_000_000));
    await expect(streamed(bomb, 1000, limits, bomb.length)).rejects.toMatchObject({ code: 'ratio' });
  });

  test.each([
    ['gzip', gzipSync],
    ['zstd', zstdCompressSync],
  ])('%s of parts of any length, streamed in chunks of any', async (_, compress) => {
    const next = numbers();
    const texts = Array.from({ length: 300 }, (_, i) => {
      const bytes = Buffer.alloc(next(i % 30 === 0 ? 200_000 : 3000), `${i} `);
      for (let at = 0; at < bytes.length; at += 1 + next(i % 7 === 0 ? 2 : 500)) bytes[at] = 0x20 + next(0x5e);
      return bytes;
    });
    const body = Buffer.concat(texts.map((text) => compress(text)));
    for (const chunk of [1 << 30, 100_000, 16 << 10, 777]) {
      expect((await streamed(body, chunk)) === Buffer.concat(texts).toString()).toBe(true);
    }
  });

  test('the ratio is not that of the first of many short parts', async () => {
    const members = Array.from({ length: 20 }, (_, i) => gzipSync(Buffer.alloc(100_000, `${i}`)));
    const next = numbers();
    const noise = gzipSync(Buffer.from(Array.from({ length: 40_000 }, () => next(256))));
    const body = Buffer.concat([...members, Buffer.from('\n'), noise]);
    expect((await decompressWhole(body, limits)).length).toBe(2_040_000);
    await expect(whole(Buffer.concat(members))).rejects.toMatchObject({ code: 'ratio' });
  });

  test('a small body may shrink by any ratio: the cap looks from 1 MiB on', async () => {
    const body = gzipSync(zeros(1 << 20));
    expect((await whole(body)).length).toBe(1 << 20);
    expect((await streamed(body, 10)).length).toBe(1 << 20);
  });

  test('the offsets say how far it got', async () => {
    const error = await streamed(Buffer.concat([a, b.subarray(0, 9)]), 1).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(ObjectError);
    expect(error).toMatchObject({ offset: 4, storedOffset: a.length + 9 });
  });
});

test('an error of the source itself passes through as it is', async () => {
  const broken = new Error('connection reset');
  for (const first of [a.subarray(0, 10), Buffer.from('{"plain":1}')]) {
    const body = openBody(
      (async function* () {
        yield first;
        throw broken;
      })(),
      limits,
    );
    const read = async (): Promise<void> => {
      for await (const _ of body);
    };
    await expect(read()).rejects.toBe(broken);
  }
});

test('a reader that stops early closes the source', async () => {
  let closed = 0;
  for (const body of [a, Buffer.from('text')]) {
    async function* endless(): AsyncGenerator<Buffer> {
      try {
        for (;;) yield body;
      } finally {
        closed++;
      }
    }
    for await (const _ of openBody(endless(), limits)) break;
  }
  expect(closed).toBe(2);
});
