/**
 * A set of record identities that takes 24 to 48 bytes a member, whatever their length: 128 bits in an open-addressing
 * table. A UUID or a digest is these bits itself, anything else is hashed by SHA-256, since identities come from outside
 * and the hash has to hold against whoever would make two collide. Each of these three has a table of its own: the same
 * bits are another identity there.
 */
import { hash } from 'node:crypto';

/** Members that room is made for before they come: 12 MiB. */
const mostExpected = 1 << 19;

/** Members of four words each, in the order they came, and a hash table of their places. */
class WordSet {
  size = 0;
  #words = new Int32Array(4 * 32);
  /** Number of a member + 1, under the bits of its hash that the number leaves free; 0 where free. At most half full. */
  #table = new Int32Array(2 * 32);

  /** false where the member was there already. */
  add(a: number, b: number, c: number, d: number): boolean {
    const hash = mixed(a, b, c, d);
    const place = this.#find(hash, a, b, c, d);
    if (place < 0) return false;
    const at = this.size * 4;
    const words = this.#words;
    words[at] = a;
    words[at + 1] = b;
    words[at + 2] = c;
    words[at + 3] = d;
    this.#table[place] = (hash & -this.#table.length) | ++this.size;
    if (this.size * 2 === this.#table.length) this.#grow(this.size * 2);
    return true;
  }

  has(a: number, b: number, c: number, d: number): boolean {
    return this.#find(mixed(a, b, c, d), a, b, c, d) < 0;
  }

  /** The free place for a member; -1 where it is there. */
  #find(hash: number, a: number, b: number, c: number, d: number): number {
    const table = this.#table;
    const words = this.#words;
    const mask = table.length - 1;
    for (let place = hash & mask; ; place = (place + 1) & mask) {
      const entry = table[place]!;
      if (entry === 0) return place;
      if (((entry ^ hash) & ~mask) !== 0) continue;
      const at = ((entry & mask) - 1) * 4;
      if (words[at] === a && words[at + 1] === b && words[at + 2] === c && words[at + 3] === d) return -1;
    }
  }

  /** Makes room for so many members, where there is any and there are not too many. */
  expect(members: number): void {
    let capacity = this.#table.length / 2;
    while (this.size > 0 && capacity <= members && capacity < mostExpected) capacity *= 2;
    if (capacity * 2 > this.#table.length) this.#grow(capacity);
  }

  #grow(capacity: number): void {
    const old = this.#table;
    const table = new Int32Array(capacity * 2);
    const words = new Int32Array(this.#words.buffer.transfer(capacity * 16));
    const mask = table.length - 1;
    for (let member = 0, at = 0; member < this.size; at += 4) {
      const hash = mixed(words[at]!, words[at + 1]!, words[at + 2]!, words[at + 3]!);
      let place = hash & mask;
      while (table[place] !== 0) place = (place + 1) & mask;
      table[place] = (hash & ~mask) | ++member;
    }
    this.#table = table;
    this.#words = words;
    old.buffer.transfer(0);
  }

  /** Gives the memory back now instead of at some garbage collection; the set is void. */
  release(): void {
    this.#words.buffer.transfer(0);
    this.#table.buffer.transfer(0);
  }
}

/** Identities that differ in one part only (a counter, a clock) have to spread too. */
function mixed(a: number, b: number, c: number, d: number): number {
  let hash = Math.imul(a, 0x9e3779b1) ^ Math.imul(b, 0x85ebca77) ^ Math.imul(c, 0xc2b2ae3d) ^ Math.imul(d, 0x27d4eb2f);
  hash ^= hash >>> 15;
  hash = Math.imul(hash, 0x2c1b3c6d);
  return hash ^ (hash >>> 13);
}

export class IdentitySet {
  readonly #uuids = new WordSet();
  readonly #digests = new WordSet();
  readonly #texts = new WordSet();
  /** The bits of the identity read last. */
  #a = 0;
  #b = 0;
  #c = 0;
  #d = 0;

  get size(): number {
    return this.#uuids.size + this.#digests.size + this.#texts.size;
  }

  /** Makes room for about `times` as many as there are, at once rather than in many steps. */
  expect(times: number): void {
    for (const words of [this.#uuids, this.#digests, this.#texts]) words.expect(words.size * times);
  }

  /** Adds the identity; false where it was there already. */
  add(identity: string): boolean {
    const bytes = Buffer.from(identity);
    return this.addText(bytes, 0, bytes.length);
  }

  /** The same for its UTF-8 bytes in bytes[start, end). */
  addText(bytes: Uint8Array, start: number, end: number): boolean {
    if (end - start === 36 && this.#readUuid(bytes, start)) return this.#addTo(this.#uuids);
    if (end - start === 32 && this.#readHex(bytes, start)) return this.#addTo(this.#digests);
    return this.#addHead(hash('sha256', Buffer.from(bytes.subarray(start, end)), 'binary'), this.#texts);
  }

  /** Adds an identity that is the first 128 bits of `digest`: the same as adding their 32 hex digits. */
  addDigest(digest: Buffer): boolean {
    return this.#addHead(digest.toString('latin1', 0, 16), this.#digests);
  }

  /** The same for a digest as a text of one character a byte. */
  addDigestText(digest: string): boolean {
    return this.#addHead(digest, this.#digests);
  }

  hasDigest(digest: Buffer): boolean {
    return this.#digests.has(
      digest.readInt32BE(0),
      digest.readInt32BE(4),
      digest.readInt32BE(8),
      digest.readInt32BE(12),
    );
  }

  /** Gives the memory back; the set is void. */
  release(): void {
    for (const words of [this.#uuids, this.#digests, this.#texts]) words.release();
  }

  #addTo(words: WordSet): boolean {
    return words.add(this.#a, this.#b, this.#c, this.#d);
  }

  #addHead(digest: string, words: WordSet): boolean {
    this.#a = wordAt(digest, 0);
    this.#b = wordAt(digest, 4);
    this.#c = wordAt(digest, 8);
    this.#d = wordAt(digest, 12);
    return this.#addTo(words);
  }

  /** 8-4-4-4-12 lower-case hex digits. */
  #readUuid(bytes: Uint8Array, at: number): boolean {
    if (bytes[at + 8] !== 0x2d || bytes[at + 13] !== 0x2d || bytes[at + 18] !== 0x2d || bytes[at + 23] !== 0x2d)
      return false;
    const b1 = hex16(bytes, at + 9);
    const b2 = hex16(bytes, at + 14);
    const c1 = hex16(bytes, at + 19);
    const c2 = hex16(bytes, at + 24);
    const a1 = hex16(bytes, at);
    const a2 = hex16(bytes, at + 4);
    const d1 = hex16(bytes, at + 28);
    const d2 = hex16(bytes, at + 32);
    if ((a1 | a2 | b1 | b2 | c1 | c2 | d1 | d2) < 0) return false;
    this.#a = (a1 << 16) | a2;
    this.#b = (b1 << 16) | b2;
    this.#c = (c1 << 16) | c2;
    this.#d = (d1 << 16) | d2;
    return true;
  }

  #readHex(bytes: Uint8Array, at: number): boolean {
    let invalid = 0;
    const word = (from: number): number => {
      const high = hex16(bytes, from);
      const low = hex16(bytes, from + 4);
      invalid |= high | low;
      return (high << 16) | low;
    };
    this.#a = word(at);
    this.#b = word(at + 8);
    this.#c = word(at + 16);
    this.#d = word(at + 24);
    return invalid >= 0;
  }
}

/** Four characters, a byte each, as a number. */
const wordAt = (digest: string, at: number): number =>
  (digest.charCodeAt(at) << 24) |
  (digest.charCodeAt(at + 1) << 16) |
  (digest.charCodeAt(at + 2) << 8) |
  digest.charCodeAt(at + 3);

const hexValues = new Int8Array(256).fill(-1);
for (let i = 0; i < 16; i++) hexValues[i.toString(16).charCodeAt(0)] = i;

/** Four lower-case hex digits as a number, negative where they are none. */
function hex16(bytes: Uint8Array, at: number): number {
  const a = hexValues[bytes[at]!]!;
  const b = hexValues[bytes[at + 1]!]!;
  const c = hexValues[bytes[at + 2]!]!;
  const d = hexValues[bytes[at + 3]!]!;
  return (a | b | c | d) < 0 ? -1 : (a << 12) | (b << 8) | (c << 4) | d;
}
