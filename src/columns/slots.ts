/** What all column builders share: which slots hold a value, and arrays that grow. */

export const initialSlots = 64;

/** Which slots hold a value; allocates only once the first null comes. */
export class Validity {
  length = 0;
  nullCount = 0;
  bits: Uint8Array | null = null;

  markValue(): void {
    if (this.bits !== null) {
      if (this.length >= this.bits.length) this.bits = grown(this.bits, this.length + 1);
      this.bits[this.length] = 1;
    }
    this.length++;
  }

  padTo(row: number): void {
    const from = this.length;
    if (row <= from) return;
    if (this.nullCount < from || this.bits !== null) {
      this.bits ??= new Uint8Array(Math.max(initialSlots, row)).fill(1, 0, from);
      if (row > this.bits.length) this.bits = grown(this.bits, row);
      this.bits.fill(0, from, row);
    }
    this.nullCount += row - from;
    this.length = row;
  }

  /** The leading nulls were never written while there was nothing but nulls: write them before the first value. */
  beforeFirstValue(): void {
    if (this.bits === null && this.nullCount > 0) this.bits = new Uint8Array(Math.max(initialSlots, this.length * 2));
  }

  reset(): void {
    this.length = 0;
    this.nullCount = 0;
    this.bits = null;
  }
}

/** A larger array with the same content; the old one is void, so that its memory is free at once. */
export function grown<T extends Uint8Array | Uint32Array | Int32Array | Float64Array | BigInt64Array>(
  array: T,
  least: number,
): T {
  let capacity = Math.max(array.length, initialSlots);
  while (capacity < least) capacity *= 2;
  const buffer = (array.buffer as ArrayBuffer).transfer(capacity * array.BYTES_PER_ELEMENT);
  return new (array.constructor as new (buffer: ArrayBuffer) => T)(buffer);
}

/** Capacity for as many as there were, and a little more. */
export const withRoom = (count: number): number => Math.max(initialSlots, Math.ceil(count * 1.06) + 1);
