/**
 * What verify keeps of each object, in few bytes: objects are numbered as they come, and all else is arrays by number. With
 * an ordinary name that is about 300 bytes per object (docs/operations.md).
 */
import { type Kernel, kernel } from '../../kernel/kernel.ts';

/** The names of objects, each with a number: their bytes one behind the other, and a hash table of four bytes a place. */
export class ObjectNames {
  readonly #kernel: Kernel = kernel();
  readonly #chunks: Buffer[] = [];
  /** Room in the last chunk. */
  #left = 0;
  /** By number: the chunk of the name, where it starts in there, and its length. */
  #places = new Uint32Array(0);
  /** One more than a number, at the place that the name's hash says or the next free one; at most three quarters are taken. */
  #table = new Int32Array(1024);
  #count = 0;

  get count(): number {
    return this.#count;
  }

  /** The number of a name, which is added where it is new. */
  add(name: string): number {
    const at = this.#find(name);
    const known = this.#table[at]!;
    if (known !== 0) return known - 1;
    this.#table[at] = ++this.#count;
    this.#keep(name, this.#count - 1);
    if (this.#count * 4 > this.#table.length * 3) this.#grow();
    return this.#count - 1;
  }

  numberOf(name: string): number | undefined {
    const known = this.#table[this.#find(name)]!;
    return known === 0 ? undefined : known - 1;
  }

  nameOf(number: number): string {
    return this.#bytesOf(number).toString('utf8');
  }

  /** Where the name is in the table, or would go. */
  #find(name: string): number {
    const { start, length } = this.#kernel.text(name);
    const wanted = this.#kernel.uint8(start, length);
    const mask = this.#table.length - 1;
    for (let at = this.#hash(start, length) & mask; ; at = (at + 1) & mask) {
      const number = this.#table[at]! - 1;
      if (number < 0 || (this.#places[number * placeWords + 2] === length && this.#bytesOf(number).equals(wanted)))
        return at;
    }
  }

  /** Under a key of this process: nobody can choose names that all go to one place. */
  #hash(start: number, length: number): number {
    this.#kernel.call.sipHash(start, length);
    return Number(BigInt.asUintN(30, this.#kernel.call.hashLow()));
  }

  #keep(name: string, number: number): void {
    const bytes = Buffer.from(name);
    if (bytes.length > this.#left) {
      this.#left = Math.max(chunkBytes, bytes.length);
      this.#chunks.push(Buffer.allocUnsafeSlow(this.#left));
    }
    const chunk = this.#chunks.at(-1)!;
    const start = chunk.length - this.#left;
    bytes.copy(chunk, start);
    this.#left -= bytes.length;
    const at = number * placeWords;
    if (at + placeWords > this.#places.length) {
      const larger = new Uint32Array(roomFor(at + placeWords));
      larger.set(this.#places);
      this.#places = larger;
    }
    this.#places.set([this.#chunks.length - 1, start, bytes.length], at);
  }

  #bytesOf(number: number): Buffer {
    const at = number * placeWords;
    const start = this.#places[at + 1]!;
    return this.#chunks[this.#places[at]!]!.subarray(start, start + this.#places[at + 2]!);
  }

  #grow(): void {
    const { length } = this.#table;
    this.#table = new Int32Array(length * 2);
    const mask = this.#table.length - 1;
    for (let number = 0; number < this.#count; number++) {
      const { start, length: bytes } = this.#kernel.text(this.#bytesOf(number));
      let at = this.#hash(start, bytes) & mask;
      while (this.#table[at] !== 0) at = (at + 1) & mask;
      this.#table[at] = number + 1;
    }
  }
}

const chunkBytes = 1 << 20;
const placeWords = 3;

/** A sum per object, for those that have one. */
export class ObjectSums {
  readonly #names: ObjectNames;
  /** NaN where there is none. */
  #sums = new Float64Array(0);

  constructor(names: ObjectNames) {
    this.#names = names;
  }

  get(name: string): number | undefined {
    const number = this.#names.numberOf(name);
    const sum = number === undefined ? undefined : this.#sums[number];
    return sum === undefined || Number.isNaN(sum) ? undefined : sum;
  }

  add(name: string, more: number): void {
    const number = this.#names.add(name);
    if (number >= this.#sums.length) {
      const larger = new Float64Array(roomFor(number + 1)).fill(Number.NaN);
      larger.set(this.#sums);
      this.#sums = larger;
    }
    const sum = this.#sums[number]!;
    this.#sums[number] = Number.isNaN(sum) ? more : sum + more;
  }

  *keys(): Generator<string> {
    for (let number = 0; number < this.#sums.length; number++)
      if (!Number.isNaN(this.#sums[number]!)) yield this.#names.nameOf(number);
  }
}

/** A quarter more than is needed: what is beyond is never written to. */
export const roomFor = (count: number): number => count + (count >> 2) + 64;
