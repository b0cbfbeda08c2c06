/**
 * Distinct byte strings and their codes: an open-addressing hash table over one byte arena. Codes count from 0 in
 * order of first appearance.
 */
const maxEntries = 1 << 17;
/** How much is tried before judging whether values repeat. */
const trialEntries = 1 << 14;
const trialBytes = 1 << 20;

export class StringDictionary {
  entries = 0;
  /** Entry e is bytes[offsets[e] .. offsets[e + 1]]. */
  offsets: Uint32Array;
  bytes = new Uint8Array(4096);
  usedBytes = 0;
  #hashes: Int32Array;
  /** Code + 1 a slot, 0 where free. */
  #table: Int32Array;

  /** @param expected entries that fit before anything has to grow */
  constructor(expected = 128) {
    this.offsets = new Uint32Array(expected + 2);
    this.#hashes = new Int32Array(expected + 2);
    this.#table = new Int32Array(2 ** Math.ceil(Math.log2(expected * 2 + 2)));
  }

  /** The code of source[start, end), new where it has not been seen. */
  code(source: Uint8Array, start: number, end: number): number {
    const hash = hashBytes(source, start, end);
    const mask = this.#table.length - 1;
    let slot = hash & mask;
    for (;;) {
      const code = this.#table[slot]! - 1;
      if (code < 0) return this.#add(slot, hash, source, start, end);
      if (this.#hashes[code] === hash && this.equals(code, source, start, end)) return code;
      slot = (slot + 1) & mask;
    }
  }

  /** Whether so few of `values` repeat that coding them does not pay. */
  isWasteful(values: number): boolean {
    if (this.entries * 2 > values) return this.entries > trialEntries || this.usedBytes > trialBytes;
    return this.entries > maxEntries;
  }

  entryLength(code: number): number {
    return this.offsets[code + 1]! - this.offsets[code]!;
  }

  copyEntry(code: number, target: Uint8Array, at: number): number {
    const start = this.offsets[code]!;
    const end = this.offsets[code + 1]!;
    target.set(this.bytes.subarray(start, end), at);
    return end - start;
  }

  clear(): void {
    this.entries = 0;
    this.usedBytes = 0;
    this.#table.fill(0);
  }

  /** Whether entry `code` is source[start, end). */
  equals(code: number, source: Uint8Array, start: number, end: number): boolean {
    let at = this.offsets[code]!;
    if (this.offsets[code + 1]! - at !== end - start) return false;
    for (let i = start; i < end; i++) if (this.bytes[at++] !== source[i]) return false;
    return true;
  }

  #add(slot: number, hash: number, source: Uint8Array, start: number, end: number): number {
    const code = this.entries++;
    if (code + 2 > this.offsets.length) {
      this.offsets = doubled(this.offsets, code + 2);
      this.#hashes = doubled(this.#hashes, code + 2);
    }
    const used = this.usedBytes + end - start;
    if (used > this.bytes.length) this.bytes = doubled(this.bytes, used);
    for (let i = start, at = this.usedBytes; i < end; i++) this.bytes[at++] = source[i]!;
    this.usedBytes = used;
    this.offsets[code + 1] = used;
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

function doubled<T extends Uint8Array | Uint32Array | Int32Array>(array: T, least: number): T {
  let capacity = array.length;
  while (capacity < least) capacity *= 2;
  const buffer = (array.buffer as ArrayBuffer).transfer(capacity * array.BYTES_PER_ELEMENT);
  return new (array.constructor as new (buffer: ArrayBuffer) => T)(buffer);
}

/** FNV-1a over 32-bit words, with a final mix since the low bits index the table. */
function hashBytes(source: Uint8Array, start: number, end: number): number {
  let hash = 0x811c9dc5 ^ (end - start);
  let i = start;
  for (const words = end - 3; i < words; i += 4) {
    const word = source[i]! | (source[i + 1]! << 8) | (source[i + 2]! << 16) | (source[i + 3]! << 24);
    hash = Math.imul(hash ^ word, 0x01000193);
    hash ^= hash >>> 15;
  }
  for (; i < end; i++) hash = Math.imul(hash ^ source[i]!, 0x01000193);
  hash ^= hash >>> 15;
  hash = Math.imul(hash, 0x2c1b3c6d);
  return hash ^ (hash >>> 13);
}
