/**
 * Bytes that are compared and copied eight at a time, through a DataView: engines compile its accesses to plain loads
 * and stores, while a call of native code costs more than the few words of most values.
 */

/** Bytes that have to follow a value wherever whole words may reach past its end. */
export const slack = 8;

/** Memory as bytes and as words. */
export class Text {
  bytes: Uint8Array<ArrayBuffer>;
  view: DataView<ArrayBuffer>;

  constructor(bytes: Uint8Array<ArrayBuffer>) {
    this.bytes = bytes;
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  /** Makes room for `bytes` and the slack; doubles, keeps the content, and voids the old memory. */
  reserve(bytes: number): void {
    if (bytes + slack <= this.bytes.length) return;
    let capacity = Math.max(64, this.bytes.length);
    while (capacity < bytes + slack) capacity *= 2;
    this.bytes = new Uint8Array(this.bytes.buffer.transfer(capacity));
    this.view = new DataView(this.bytes.buffer);
  }
}

/** Whether `length` bytes of a from i are those of b from j. */
export function isSame(a: DataView, i: number, b: DataView, j: number, length: number): boolean {
  if (length >= 8) {
    const last = i + length - 8;
    for (; i < last; i += 8, j += 8) if (a.getBigInt64(i, true) !== b.getBigInt64(j, true)) return false;
    return a.getBigInt64(last, true) === b.getBigInt64(j - (i - last), true);
  }
  if (length >= 4) {
    const last = length - 4;
    return a.getInt32(i, true) === b.getInt32(j, true) && a.getInt32(i + last, true) === b.getInt32(j + last, true);
  }
  for (let n = 0; n < length; n++) if (a.getUint8(i + n) !== b.getUint8(j + n)) return false;
  return true;
}

/** From here on native code is faster. */
const longCopy = 128;

/** Copies source[start, end) to target[at ..]. The slack has to follow on both sides; in the target it is overwritten. */
export function copyText(source: Text, start: number, end: number, target: Text, at: number): void {
  if (end - start >= longCopy) {
    target.bytes.set(source.bytes.subarray(start, end), at);
    return;
  }
  const from = source.view;
  const to = target.view;
  for (; start < end; start += 8, at += 8) to.setBigInt64(at, from.getBigInt64(start, true), true);
}
