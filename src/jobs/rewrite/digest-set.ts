/**
 * A set of digests in 32 to 64 bytes a member: 128 bits of each, in an open-addressing table. Digests come as text with
 * a character a byte (`binary`), which is what node:crypto makes fastest.
 */
export class DigestSet {
  #size = 0;
  /** Four words a place; four zeros mark a free one, which no digest has but with a chance of 2^-128. */
  #words = new Int32Array(4 * 64);

  get size(): number {
    return this.#size;
  }

  /** false where it was there already. */
  add(digest: string): boolean {
    const at = this.#find(wordAt(digest, 0), wordAt(digest, 4), wordAt(digest, 8), wordAt(digest, 12));
    if (!this.#isFree(at)) return false;
    for (let i = 0; i < 4; i++) this.#words[at + i] = wordAt(digest, i * 4);
    if (++this.#size * 8 > this.#words.length) this.#grow();
    return true;
  }

  has(digest: string): boolean {
    return !this.#isFree(this.#find(wordAt(digest, 0), wordAt(digest, 4), wordAt(digest, 8), wordAt(digest, 12)));
  }

  /** Gives the memory back now instead of at some garbage collection; the set is void. */
  release(): void {
    this.#words.buffer.transfer(0);
  }

  /** Where it is, or where it would go. A digest is as good as random, so its first word is its place. */
  #find(a: number, b: number, c: number, d: number): number {
    const words = this.#words;
    const mask = words.length / 4 - 1;
    for (let place = a & mask; ; place = (place + 1) & mask) {
      const at = place * 4;
      if (this.#isFree(at)) return at;
      if (words[at] === a && words[at + 1] === b && words[at + 2] === c && words[at + 3] === d) return at;
    }
  }

  #isFree(at: number): boolean {
    const words = this.#words;
    return (words[at]! | words[at + 1]! | words[at + 2]! | words[at + 3]!) === 0;
  }

  #grow(): void {
    const old = this.#words;
    this.#words = new Int32Array(old.length * 2);
    for (let at = 0; at < old.length; at += 4) {
      const [a, b, c, d] = [old[at]!, old[at + 1]!, old[at + 2]!, old[at + 3]!];
      if ((a | b | c | d) !== 0) this.#words.set([a, b, c, d], this.#find(a, b, c, d));
    }
    old.buffer.transfer(0);
  }
}

const wordAt = (digest: string, at: number): number =>
  (digest.charCodeAt(at) << 24) |
  (digest.charCodeAt(at + 1) << 16) |
  (digest.charCodeAt(at + 2) << 8) |
  digest.charCodeAt(at + 3);
