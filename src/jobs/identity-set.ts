/**
 * A set of record identities that takes 32 bytes a member, whatever their length: the first 128 bits of SHA-256 in an
 * open-addressing table. Identities come from outside, so the hash has to hold against whoever makes them collide.
 */
import { hash } from 'node:crypto';

export class IdentitySet {
  #words = new Int32Array(4 * 1024);
  #size = 0;

  get size(): number {
    return this.#size;
  }

  /** Adds the identity; false where it was there already. */
  add(identity: string): boolean {
    const digest = hash('sha256', identity, 'buffer');
    // 0 marks a free place, so no member may start with it.
    return this.#insert(
      digest.readInt32LE(0) || 1,
      digest.readInt32LE(4),
      digest.readInt32LE(8),
      digest.readInt32LE(12),
    );
  }

  #insert(a: number, b: number, c: number, d: number): boolean {
    const words = this.#words;
    const mask = words.length / 4 - 1;
    for (let place = b & mask; ; place = (place + 1) & mask) {
      const at = place * 4;
      if (words[at] === 0) {
        words[at] = a;
        words[at + 1] = b;
        words[at + 2] = c;
        words[at + 3] = d;
        this.#size++;
        if (this.#size * 2 > mask) this.#grow();
        return true;
      }
      if (words[at] === a && words[at + 1] === b && words[at + 2] === c && words[at + 3] === d) return false;
    }
  }

  #grow(): void {
    const old = this.#words;
    this.#words = new Int32Array(old.length * 2);
    this.#size = 0;
    for (let at = 0; at < old.length; at += 4) {
      if (old[at] !== 0) this.#insert(old[at]!, old[at + 1]!, old[at + 2]!, old[at + 3]!);
    }
  }
}
