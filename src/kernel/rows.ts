/** Row numbers where the kernel reads them. */
import { kernel } from './kernel.ts';

/** Rows of a batch, in the order in which they are to be taken. Takes memory of the kernel until `release`. */
export class KernelRows {
  /** Where the numbers are, four bytes each. */
  readonly place: number;
  readonly count: number;

  constructor(rows: Uint32Array) {
    this.place = kernel().copyOf(new Uint8Array(rows.buffer, rows.byteOffset, rows.byteLength));
    this.count = rows.length;
  }

  release(): void {
    kernel().call.release(this.place);
  }
}
