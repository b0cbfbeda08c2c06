/**
 * Deletion vectors of format version 3: the positions of deleted rows as a bitmap (Puffin spec, "deletion-vector-v1";
 * RoaringFormatSpec, "extension for 64-bit implementations" and the 32-bit format in it).
 */
import { crc32 } from 'node:zlib';

const magic = Buffer.of(0xd1, 0xd3, 0x39, 0x64);

/** Calls `visit` for each position below `rows`, ascending. Throws where the bytes are not a vector. `source` names them. */
export function eachDeleted(bytes: Uint8Array, rows: number, source: string, visit: (position: number) => void): void {
  const blob = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  const fail = (what: string): never => {
    throw new Error(`${source}: not a deletion vector (${what})`);
  };
  if (blob.length < 20 || !blob.subarray(4, 8).equals(magic)) fail('magic bytes');
  const end = 4 + blob.readUInt32BE(0);
  if (end + 4 !== blob.length) fail('length');
  if (crc32(blob.subarray(4, end)) !== blob.readUInt32BE(end)) fail('checksum');
  try {
    const bitmaps = Number(blob.readBigUInt64LE(8));
    let at = 16;
    for (let bitmap = 0; bitmap < bitmaps; bitmap++) {
      const base = blob.readUInt32LE(at) * 2 ** 32;
      at = eachOfBitmap(blob.subarray(0, end), at + 4, (low) => {
        if (base + low < rows) visit(base + low);
      });
    }
    if (at !== end) fail('length of its bitmaps');
  } catch (error) {
    if (error instanceof RangeError) fail('it ends early');
    throw error;
  }
}

const cookieWithoutRuns = 12346;
const cookieWithRuns = 12347;
const mostInArray = 4096;
/** From this number of containers on, a bitmap with runs has offsets too. */
const offsetsFrom = 4;

/** A 32-bit bitmap that begins at `at`; returns where it ends. Throws RangeError where it ends early. */
function eachOfBitmap(bytes: Buffer, at: number, visit: (value: number) => void): number {
  const cookie = bytes.readUInt32LE(at);
  const hasRuns = (cookie & 0xffff) === cookieWithRuns;
  if (!hasRuns && cookie !== cookieWithoutRuns) throw new RangeError(`cookie ${cookie}`);
  const containers = hasRuns ? (cookie >>> 16) + 1 : bytes.readUInt32LE(at + 4);
  const runFlags = at + 4;
  let next = hasRuns ? runFlags + ((containers + 7) >> 3) : at + 8;
  const keys = next;
  next += containers * 4;
  if (!hasRuns || containers >= offsetsFrom) next += containers * 4;
  for (let container = 0; container < containers; container++) {
    const base = bytes.readUInt16LE(keys + container * 4) * 2 ** 16;
    const count = bytes.readUInt16LE(keys + container * 4 + 2) + 1;
    const isRuns = hasRuns && (bytes.readUInt8(runFlags + (container >> 3)) & (1 << (container & 7))) !== 0;
    if (isRuns) next = eachOfRuns(bytes, next, base, visit);
    else if (count <= mostInArray) {
      for (let i = 0; i < count; i++) visit(base + bytes.readUInt16LE(next + i * 2));
      next += count * 2;
    } else {
      for (let word = 0; word < 2048; word++) {
        const bits = bytes.readUInt32LE(next + word * 4);
        for (let bit = 0; bits >>> bit !== 0 && bit < 32; bit++) if ((bits >>> bit) & 1) visit(base + word * 32 + bit);
      }
      next += 8192;
    }
  }
  return next;
}

function eachOfRuns(bytes: Buffer, at: number, base: number, visit: (value: number) => void): number {
  const runs = bytes.readUInt16LE(at);
  for (let run = 0; run < runs; run++) {
    const start = bytes.readUInt16LE(at + 2 + run * 4);
    const more = bytes.readUInt16LE(at + 4 + run * 4);
    for (let i = 0; i <= more; i++) visit(base + start + i);
  }
  return at + 2 + runs * 4;
}
