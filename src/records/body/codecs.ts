/**
 * Formats of object bodies besides gzip and zstd, told by their first bytes: those that are decompressed here, and those
 * that are refused by name, since what they hold would else be taken for text.
 *
 * These are decompressed whole: objects of them are small (Firehose, Fluent Bit, Vector and Fluentd write some MiB), and
 * none of the formats is worth a streaming decoder. Every decoder allocates what the format says comes out of a block, and
 * no more than what is still allowed.
 */
import { inflateRawSync, inflateSync } from 'node:zlib';
import { snappyUncompress } from 'hysnappy';
import { isSpace } from '../grammar.ts';
import { isPieceOfUtf8 } from '../utf8.ts';

/** Takes what is allowed to come out; throws TooMuch past that, any other error where the bytes are broken. */
export interface WholeCodec {
  readonly name: string;
  decode(body: Buffer, allowance: number): Buffer[];
}

/** More would come out than is allowed. */
export class TooMuch extends Error {
  override readonly name = 'TooMuch';
}

/** So many bytes tell every format. */
export const CODEC_HEAD_BYTES = 512;

/** The decoder of a body that begins like this; undefined where it is none of these. */
export function wholeCodecOf(head: Buffer): WholeCodec | undefined {
  if (begins(head, [0x04, 0x22, 0x4d, 0x18])) return { name: 'lz4', decode: lz4Frames };
  if (begins(head, [0x50, 0x4b, 0x03, 0x04])) return { name: 'zip', decode: zipEntries };
  if (begins(head, snappyFramed)) return { name: 'snappy', decode: snappyFrames };
  if (begins(head, snappyJava)) return { name: 'snappy', decode: snappyJavaBlocks };
  if (isZlib(head)) return { name: 'zlib', decode: zlib };
  if (isHadoopSnappy(head)) return { name: 'snappy', decode: hadoopSnappyBlocks };
  if (isRawSnappy(head)) return { name: 'snappy', decode: (body, allowance) => [snappyBlock(body, allowance)] };
  return undefined;
}

/** What a body is that begins like this and cannot be read; undefined where nothing is known against it. */
export function refusedFormat(head: Buffer): string | undefined {
  if (isUtf32(head)) return 'text in UTF-32';
  for (const [name, magic, at = 0] of refused) {
    // A magic of letters may be the first word of a log.
    if (begins(head.subarray(at), magic) && (typeof magic !== 'string' || isBinary(head))) return name;
  }
  return undefined;
}

type Magic = readonly number[] | string;

const refused: readonly (readonly [name: string, magic: Magic, at?: number])[] = [
  // Behind BZh and the level: the first block, or the end where there is none.
  ['bzip2', [0x31, 0x41, 0x59, 0x26, 0x53, 0x59], 4],
  ['bzip2', [0x17, 0x72, 0x45, 0x38, 0x50, 0x90], 4],
  ['xz', [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00]],
  ['lzma', [0x5d, 0x00, 0x00]],
  ['lzip', 'LZIP'],
  ['lzop', [0x89, 0x4c, 0x5a, 0x4f]],
  ['compress (.Z)', [0x1f, 0x9d]],
  ['lz4 in its legacy format', [0x02, 0x21, 0x4c, 0x18]],
  ['a 7z archive', [0x37, 0x7a, 0xbc, 0xaf, 0x27, 0x1c]],
  ['a RAR archive', [0x52, 0x61, 0x72, 0x21, 0x1a, 0x07]],
  ['a tar archive', 'ustar', 257],
  ['an empty zip archive', [0x50, 0x4b, 0x05, 0x06]],
  ['Parquet', 'PAR1'],
  ['Avro', [0x4f, 0x62, 0x6a, 0x01]],
  ['ORC', 'ORC'],
  ['Arrow', 'ARROW1'],
  ['an SQLite database', 'SQLite format 3\0'],
  ['a PDF', '%PDF-'],
  ['a PNG image', [0x89, 0x50, 0x4e, 0x47]],
  ['an ELF program', [0x7f, 0x45, 0x4c, 0x46]],
];

/** Two characters of ASCII behind the byte order mark, if there is one. Its zeros may be sizes in other formats. */
function isUtf32(head: Buffer): boolean {
  const isMarked = head.length >= 4 && [0xfffe0000, 0x0000feff].includes(head.readUInt32BE(0));
  const first = head.subarray(isMarked ? 4 : 0).subarray(0, 8);
  const places = [...first.keys()].filter((at) => first[at] !== 0);
  const isAscii = places.every((at) => first[at]! >= 0x09 && first[at]! < 0x7f);
  return (
    first.length === 8 &&
    isAscii &&
    places.length === 2 &&
    (places[0] === 0 || places[0] === 3) &&
    places[1] === places[0] + 4
  );
}

/** Whether a body that begins like this may be text: any first letters may be a size and the head of a literal. */
const isText = (head: Buffer): boolean =>
  head[0] === 0x7b || head[0] === 0x5b || (!isBinary(head) && isPieceOfUtf8(head));

/** Whether there are control characters that no text has. */
const isBinary = (head: Buffer): boolean =>
  head.some((byte) => byte < 0x09 || (byte > 0x0d && byte < 0x20 && byte !== 0x1b));

const snappyFramed = [0xff, 0x06, 0x00, 0x00, 0x73, 0x4e, 0x61, 0x50, 0x70, 0x59];
const snappyJava = [0x82, 0x53, 0x4e, 0x41, 0x50, 0x50, 0x59, 0x00];
/** Magic, version and the oldest version that reads it. */
const snappyJavaHead = 16;

function begins(head: Buffer, magic: Magic): boolean {
  const bytes = typeof magic === 'string' ? Buffer.from(magic, 'latin1') : magic;
  return head.length >= bytes.length && bytes.every((byte, i) => head[i] === byte);
}

/** RFC 1950, 2.2: a window of 32 KiB, no dictionary, and a check of both bytes. `x^` may be text, so what follows counts. */
function isZlib(head: Buffer): boolean {
  if (head[0] !== 0x78 || head.length < 4) return false;
  const flags = head[1] as number;
  if ((0x7800 + flags) % 31 !== 0 || (flags & 0x20) !== 0) return false;
  return flags !== 0x5e || [2, 3].some((i) => (head[i] as number) < 0x20 || (head[i] as number) > 0x7e);
}

function zlib(body: Buffer, allowance: number): Buffer[] {
  return [allowed(() => inflateSync(body, { maxOutputLength: allowance }))];
}

/** Blocks of a size that a log shipper writes. */
const mostHadoopBlock = 64 << 20;

/** Hadoop's block format: size of the block, then chunks, each with its compressed size in front. */
function isHadoopSnappy(head: Buffer): boolean {
  if (head.length < 10) return false;
  const [block, chunk] = [head.readUInt32BE(0), head.readUInt32BE(4)];
  if (block === 0 || block > mostHadoopBlock || chunk < 3 || chunk > snappyBound(block)) return false;
  const size = varint(head, 8);
  return size !== undefined && size.value > 0 && size.value <= block;
}

function hadoopSnappyBlocks(body: Buffer, allowance: number): Buffer[] {
  const out = new Output(allowance);
  for (let at = 0; at < body.length; ) {
    const block = uint32BE(body, at);
    at += 4;
    for (let produced = 0; produced < block; ) {
      const size = uint32BE(body, at);
      const chunk = snappyBlock(slice(body, at + 4, size), out.left);
      out.push(chunk);
      produced += chunk.length;
      at += 4 + size;
    }
  }
  return out.parts;
}

/** Its own magic, then chunks with their sizes. */
function snappyJavaBlocks(body: Buffer, allowance: number): Buffer[] {
  const out = new Output(allowance);
  for (let at = snappyJavaHead; at < body.length; ) {
    const size = uint32BE(body, at);
    out.push(snappyBlock(slice(body, at + 4, size), out.left));
    at += 4 + size;
  }
  return out.parts;
}

/** Snappy's framing format: chunks of a type, a size of three bytes, and a checksum in front of data. */
function snappyFrames(body: Buffer, allowance: number): Buffer[] {
  const out = new Output(allowance);
  for (let at = 0; at < body.length; ) {
    const type = body[at] as number;
    if (at + 4 > body.length) throw new Error('ends in the middle of a chunk');
    const size = body.readUIntLE(at + 1, 3);
    const data = slice(body, at + 4, size);
    at += 4 + size;
    if (type === 0x00) out.push(snappyBlock(data.subarray(4), out.left));
    else if (type === 0x01) out.push(data.subarray(4));
    // 0x80 to 0xfe are padding and what readers may skip; 0xff begins another stream.
    else if (type < 0x80) throw new Error(`a chunk of the unknown type ${type}`);
  }
  return out.parts;
}

/** A raw block has no magic: its size, then data that has to begin as JSON or gzip does, behind spaces and line ends. */
function isRawSnappy(head: Buffer): boolean {
  const size = varint(head, 0);
  if (size === undefined || size.value < 2) return false;
  const first = firstOfSnappy(head, size.end, size.value);
  return (first === 0x7b || first === 0x5b || first === 0x1f) && !isText(head);
}

/** The first byte of the data that is no white space; undefined where the head does not have it, or is none of a block. */
function firstOfSnappy(head: Buffer, from: number, size: number): number | undefined {
  let produced = 0;
  for (let at = from; at < head.length; ) {
    const tag = head[at++] as number;
    const kind = tag & 3;
    if (kind !== 0) {
      // What is copied is of what came before, which is white space.
      const short = kind === 1;
      const offset = short ? ((tag >> 5) << 8) | (head[at] ?? 0) : (head[at] ?? 0) | ((head[at + 1] ?? 0) << 8);
      if (kind === 3 || offset === 0 || offset > produced) return undefined;
      produced += short ? ((tag >> 2) & 7) + 4 : (tag >> 2) + 1;
      at += short ? 1 : 2;
      continue;
    }
    const sizeBytes = tag >> 2 < 60 ? 0 : (tag >> 2) - 59;
    if (at + sizeBytes >= head.length) return undefined;
    const length = sizeBytes === 0 ? (tag >> 2) + 1 : head.readUIntLE(at, sizeBytes) + 1;
    if (length > size - produced) return undefined;
    at += sizeBytes;
    const first = head.subarray(at, at + length).find((byte) => !isSpace(byte));
    if (first !== undefined) return first;
    produced += length;
    at += length;
  }
  return undefined;
}

function snappyBlock(block: Buffer, allowance: number): Buffer {
  const size = varint(block, 0);
  if (size === undefined) throw new Error('a block without a size');
  if (size.value > allowance) throw new TooMuch();
  // No element of three bytes gives more than 64: a size beyond that is a lie.
  if (size.value > block.length * 64) throw new Error('a block that says more than it can hold');
  return asBuffer(snappyUncompress(block, size.value));
}

/** The most that compressing so many bytes gives. */
const snappyBound = (bytes: number): number => bytes + Math.floor(bytes / 6) + 32;

/** lz4_Frame_format.md: descriptor, blocks, end mark; frames may follow one another. */
function lz4Frames(body: Buffer, allowance: number): Buffer[] {
  const out = new Output(allowance);
  for (let at = 0; at < body.length; ) {
    if ((uint32LE(body, at) & 0xfffffff0) >>> 0 === 0x184d2a50) {
      at += 8 + uint32LE(body, at + 4);
      continue;
    }
    if (uint32LE(body, at) !== 0x184d2204) throw new Error('bytes that are not a frame follow');
    at = lz4Frame(body, at + 4, out);
  }
  return out.parts;
}

function lz4Frame(body: Buffer, from: number, out: Output): number {
  const [flags, sizes] = [uint8(body, from), uint8(body, from + 1)];
  if (flags >> 6 !== 1) throw new Error('a version other than 1');
  if ((flags & 1) !== 0) throw new Error('a dictionary that is not here');
  const mostBlock = 1 << (8 + 2 * ((sizes >> 4) & 7));
  const areIndependent = (flags & 0x20) !== 0;
  let window: Buffer = Buffer.alloc(0);
  let at = from + 3 + ((flags & 0x08) !== 0 ? 8 : 0);
  for (;;) {
    const word = uint32LE(body, at);
    at += 4;
    if (word === 0) break;
    const size = word & 0x7fffffff;
    const block = slice(body, at, size);
    at += size + ((flags & 0x10) !== 0 ? 4 : 0);
    const plain = word >>> 31 === 1 ? block : lz4Block(block, mostBlock, window);
    out.push(plain);
    if (!areIndependent) window = Buffer.concat([window, plain]).subarray(-lz4Window);
  }
  return at + ((flags & 0x04) !== 0 ? 4 : 0);
}

/** How far back a block may refer, into the blocks before it too. */
const lz4Window = 64 << 10;
const leastMatch = 4;

/** lz4_Block_format.md: literals, and copies of what came out before, of `window` too. */
function lz4Block(block: Buffer, mostBytes: number, window: Buffer): Buffer {
  const out = Buffer.allocUnsafe(window.length + mostBytes);
  window.copy(out);
  let to = window.length;
  let at = 0;
  const lengthOf = (short: number): number => {
    let length = short;
    if (short < 15) return length;
    for (let byte = 255; byte === 255; length += byte) byte = uint8(block, at++);
    return length;
  };
  while (at < block.length) {
    const token = uint8(block, at++);
    const literals = lengthOf(token >> 4);
    if (to + literals > out.length) throw new Error('a block that is larger than its frame says');
    slice(block, at, literals).copy(out, to);
    at += literals;
    to += literals;
    if (at === block.length) break;
    const offset = uint8(block, at) | (uint8(block, at + 1) << 8);
    at += 2;
    const length = lengthOf(token & 15) + leastMatch;
    if (offset === 0 || offset > to) throw new Error('a copy of what is not there');
    if (to + length > out.length) throw new Error('a block that is larger than its frame says');
    for (const end = to + length; to < end; to++) out[to] = out[to - offset] as number;
  }
  return out.subarray(window.length, to);
}

/** APPNOTE.TXT 4.3: the files of an archive one behind the other, as its directory at the end has them. */
function zipEntries(body: Buffer, allowance: number): Buffer[] {
  const out = new Output(allowance);
  let at = zipDirectory(body);
  while (at + 46 <= body.length && body.readUInt32LE(at) === 0x02014b50) {
    const flags = body.readUInt16LE(at + 8);
    const method = body.readUInt16LE(at + 10);
    const [stored, size, local] = [body.readUInt32LE(at + 20), body.readUInt32LE(at + 24), body.readUInt32LE(at + 42)];
    if ((flags & 1) !== 0) throw new Error('an encrypted file');
    if ([stored, size, local].includes(0xffffffff)) throw new Error('an archive of more than 4 GiB');
    if (uint32LE(body, local) !== 0x04034b50) throw new Error('a file that is not where the directory says');
    const start = local + 30 + body.readUInt16LE(local + 26) + body.readUInt16LE(local + 28);
    const data = slice(body, start, stored);
    if (size > out.left) throw new TooMuch();
    if (method === 0) out.push(data);
    else if (method === 8) out.push(allowed(() => inflateRawSync(data, { maxOutputLength: Math.max(1, out.left) })));
    else throw new Error(`a file compressed by method ${method}`);
    if (out.parts.at(-1)?.at(-1) !== NEWLINE) out.push(lineFeed);
    at += 46 + body.readUInt16LE(at + 28) + body.readUInt16LE(at + 30) + body.readUInt16LE(at + 32);
  }
  return out.parts;
}

const NEWLINE = 0x0a;
const lineFeed = Buffer.from([NEWLINE]);
/** The end record and the longest comment behind it. */
const endRecordBytes = 22;
const mostComment = 0xffff;

function zipDirectory(body: Buffer): number {
  const least = Math.max(0, body.length - endRecordBytes - mostComment);
  for (let at = body.length - endRecordBytes; at >= least; at--)
    if (body.readUInt32LE(at) === 0x06054b50) return body.readUInt32LE(at + 16);
  throw new Error('ends without the directory of the archive');
}

/** What came out so far, within what is allowed. */
class Output {
  readonly parts: Buffer[] = [];
  left: number;

  constructor(allowance: number) {
    this.left = allowance;
  }

  push(part: Buffer): void {
    this.left -= part.length;
    if (this.left < 0) throw new TooMuch();
    this.parts.push(part);
  }
}

function allowed(inflate: () => Buffer): Buffer {
  try {
    return inflate();
  } catch (error) {
    throw (error as { code?: unknown }).code === 'ERR_BUFFER_TOO_LARGE' ? new TooMuch() : error;
  }
}

/** A number of 7 bits a byte, the low ones first, below 2^32. */
function varint(bytes: Buffer, from: number): { readonly value: number; readonly end: number } | undefined {
  let value = 0;
  for (let i = 0; i < 5; i++) {
    const byte = bytes[from + i];
    if (byte === undefined) return undefined;
    value += (byte & 0x7f) * 2 ** (7 * i);
    if (byte < 0x80) return value < 2 ** 32 ? { value, end: from + i + 1 } : undefined;
  }
  return undefined;
}

function slice(bytes: Buffer, from: number, length: number): Buffer {
  if (from + length > bytes.length) throw new Error('ends in the middle of its data');
  return bytes.subarray(from, from + length);
}

const uint8 = (bytes: Buffer, at: number): number => slice(bytes, at, 1)[0] as number;
const uint32BE = (bytes: Buffer, at: number): number => slice(bytes, at, 4).readUInt32BE();
const uint32LE = (bytes: Buffer, at: number): number => slice(bytes, at, 4).readUInt32LE();
const asBuffer = ({ buffer, byteOffset, byteLength }: Uint8Array): Buffer =>
  Buffer.from(buffer, byteOffset, byteLength);
