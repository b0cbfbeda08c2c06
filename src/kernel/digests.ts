/** Finds rows that may be the same record, by keyed digests of 128 bits (assembly/digests.ts). */
import type { ScalarData } from '../columns/batch.ts';
import { kernel } from './kernel.ts';
import { setKeys } from './keys.ts';

/** Digests that fall to `pass` of `passes`: for more rows than memory holds digests of. */
export interface Pass {
  readonly passes: number;
  readonly pass: number;
}

export class RowDigests {
  readonly #place = kernel().call.newDigests();

  /** How many digests came more than once. */
  get repeated(): number {
    return kernel().call.repeatedDigests(this.#place);
  }

  /** Adds rows by these columns of theirs, without those that have a 1 in `dead`. */
  add(columns: readonly ScalarData[], dead: Uint8Array | undefined, { passes, pass }: Pass): void {
    withKeys(columns, dead, (rows, place) => kernel().call.addDigests(this.#place, rows, place, passes, pass));
  }

  /** The rows, in the same way, whose digest came more than once, each with its number. */
  find(
    columns: readonly ScalarData[],
    dead: Uint8Array | undefined,
    { passes, pass }: Pass,
  ): [row: number, digest: number][] {
    let found: [number, number][] = [];
    withKeys(columns, dead, (rows, place) => {
      const count = kernel().call.findRepeated(this.#place, rows, place, passes, pass);
      const words = kernel().int32(kernel().call.repeatedRows(), count * 2);
      found = Array.from({ length: count }, (_, i) => [words[i * 2]!, words[i * 2 + 1]!]);
    });
    return found;
  }

  /** Goes on to the next pass: only what came more than once is kept. */
  forgetSeen(): void {
    kernel().call.forgetSeen(this.#place);
  }

  /** Gives the memory back. */
  release(): void {
    kernel().call.releaseDigests(this.#place);
  }
}

function withKeys(
  columns: readonly ScalarData[],
  dead: Uint8Array | undefined,
  work: (rows: number, dead: number) => void,
): void {
  const [first] = columns;
  // A row whose only text is null is never the same as another.
  if (first === undefined || (columns.length === 1 && first.kind === 'string' && first.nullCount === first.length))
    return;
  setKeys(columns.map((data) => ({ data })));
  const place = dead === undefined ? 0 : kernel().copyOf(dead.subarray(0, first.length));
  try {
    work(first.length, place);
  } finally {
    kernel().call.release(place);
  }
}
