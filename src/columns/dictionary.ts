/**
 * Distinct byte strings and their codes: an open-addressing hash table over one byte arena. Codes count from 0 in
 * order of first appearance.
 */
import { GrowingBytes } from './growing-bytes.ts';
import { grown } from './slots.ts';

const maxEntries = 1 << 17;
/** How much is tried before judging whether values repeat, and whether they do at all. */
const trialEntries = 1 << 14;
const trialBytes = 1 << 20;
const firstTrialEntries = 1 << 12;

export class StringDictionary {
  entries = 0;
  /** Entry e is bytes[offsets[e] .. offsets[e + 1]]. */
  offsets: Uint32Array;
  usedBytes = 0;
  readonly #text: GrowingBytes;
  #hashes: Int32Array;
  /** Code + 1 a slot, 0 where free. */
  #table: Int32Array;

  /** @param expected entries and bytes that fit before anything has to grow */
  constructor(expected = 128, expectedBytes = 4096) {
    this.#text = new GrowingBytes(expectedBytes);
    this.offsets = new Uint32Array(expected + 2);
    this.#hashes = new Int32Array(expected + 2);
    this.#table = new Int32Array(2 ** Math.ceil(Math.log2(expected * 2 + 2)));
  }

  get bytes(): Uint8Array {
    return this.#text.bytes;
  }

  /** The code of source[start, end), new where it has not been seen. */
  code(source: Uint8Array, start: number, end: number): number {
    const hash = hashBytes(source, start, end);
    const mask = this.#table.length - 1;
    let slot = hash & mask;
    for (;;) {
      const code = this.#table[slot]! - 1;
      if (code < 0) break;
      if (this.#hashes[code] === hash && this.#equalsBytes(code, source, start, end)) return code;
      slot = (slot + 1) & mask;
    }
    this.#text.reserve(this.usedBytes + end - start);
    const { bytes } = this.#text;
    for (let i = start, at = this.usedBytes; i < end; i++) bytes[at++] = source[i]!;
    return this.#add(slot, hash, end - start);
  }

  /** Whether so few of `values` repeat that coding them does not pay. */
  isWasteful(values: number): boolean {
    if (this.entries * 16 > values * 15 && this.entries > firstTrialEntries) return true;
    if (this.entries * 2 > values) return this.entries > trialEntries || this.usedBytes > trialBytes;
    return this.entries > maxEntries;
  }

  /** Writes the entry to target[at ..], for which it makes room, and returns its length. */
  copyEntry(code: number, target: GrowingBytes, at: number): number {
    const start = this.offsets[code]!;
    const end = this.offsets[code + 1]!;
    target.reserve(at + end - start);
    target.bytes.set(this.#text.bytes.subarray(start, end), at);
    return end - start;
  }

  #equalsBytes(code: number, source: Uint8Array, start: number, end: number): boolean {
    let at = this.offsets[code]!;
    if (this.offsets[code + 1]! - at !== end - start) return false;
    const { bytes } = this.#text;
    for (let i = start; i < end; i++) if (bytes[at++] !== source[i]) return false;
    return true;
  }

  /** The bytes of the entry are in their place already. */
  #add(slot: number, hash: number, length: number): number {
    const code = this.entries++;
    if (code + 2 > this.offsets.length) {
      this.offsets = grown(this.offsets, code + 2);
      this.#hashes = grown(this.#hashes, code + 2);
    }
    this.usedBytes += length;
    this.offsets[code + 1] = this.usedBytes;
    this.#hashes[code] = hash;
    this.#table[slot] = code + 1;
    if (this.entries * 2 > this.#table.length) this.#rehash();
    return code;
  }

  #rehash(): void {
    this.#table = new Int32Array(this.#table.length * 2);
    const mask = this.#table.length - 1;
    for (let code = 0; code < this.entries; code++) {
      let slot = this.#hashes[code]! & mask;
      while (this.#table[slot] !== 0) slot = (slot + 1) & mask;
      this.#table[slot] = code + 1;
    }
  }
}

/** FNV-1a over 32-bit words. */
function hashBytes(source: Uint8Array, start: number, end: number): number {
  let hash = 0x811c9dc5 ^ (end - start);
  let i = start;
  for (const words = end - 3; i < words; i += 4) {
    const word = source[i]! | (source[i + 1]! << 8) | (source[i + 2]! << 16) | (source[i + 3]! << 24);
    hash = Math.imul(hash ^ word, 0x01000193);
    hash ^= hash >>> 15;
  }
  for (; i < end; i++) hash = Math.imul(hash ^ source[i]!, 0x01000193);
  return mixed(hash);
}

/** The low bits index the table. */
function mixed(hash: number): number {
  let mix = hash ^ (hash >>> 15);
  mix = Math.imul(mix, 0x2c1b3c6d);
  return mix ^ (mix >>> 13);
}
