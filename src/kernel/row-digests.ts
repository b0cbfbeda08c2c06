/**
 * Digests of the rows of a batch (docs/row-digest.md), made in the kernel.
 */
import type { ColumnBatch, ColumnData, ScalarData } from '../columns/batch.ts';
import { Kind_Boolean, Kind_Double, Kind_Int, Kind_List, Kind_Long, Kind_Map, Kind_String } from './assembly/codes.ts';
import { type Kernel, kernel as kernelOfThread, placeOf } from './kernel.ts';
import { KernelRows } from './rows.ts';

/** A column that goes into the digests; in the order in which the canonical text has them. */
export interface TaggedColumn {
  readonly name: string;
  readonly tag: number;
}

export interface DigestRange {
  readonly from: number;
  readonly to: number;
}

/**
 * What stands for a row: its digest, which can be kept, or a hash of the same text under a key of this thread, which is several
 * times as fast and as good for comparing: who does not know the key cannot make two texts share it.
 */
export type RowHash = 'digest' | 'keyed';
export const hashWords: Readonly<Record<RowHash, number>> = { digest: 8, keyed: 4 };

/** The keyed hash of a row's text. */
export function keyedHash(text: Uint8Array): Uint32Array {
  const kernel = kernelOfThread();
  const { call } = kernel;
  const { start, length } = kernel.text(text);
  call.contentHash(start, length);
  return new Uint32Array(BigUint64Array.of(call.hashLow(), call.hashHigh()).buffer);
}

/** The columns of a batch, ready to be digested. To be released before the batch changes. */
export class DigestedBatch {
  readonly #kernel: Kernel = kernelOfThread();
  readonly #columns: ReadonlyMap<string, ColumnData>;
  readonly #blocks: number[] = [];
  #target = 0;

  constructor(batch: ColumnBatch) {
    this.#columns = new Map(batch.columns.map(({ name, data }) => [name, data]));
  }

  /** `hashWords` of each row; good until the next call. */
  hash(hash: RowHash, columns: readonly TaggedColumn[], rows: DigestRange | Uint32Array): Uint32Array {
    const kernel = this.#kernel;
    const { call } = kernel;
    const bytesPerRow = hashWords[hash] * 4;
    const described = this.#describe(columns);
    const [from, count] = rows instanceof Uint32Array ? [0, rows.length] : [rows.from, rows.to - rows.from];
    if (call.room(this.#target) < count * bytesPerRow || this.#target === 0) {
      call.release(this.#target);
      this.#target = call.allocate(count * bytesPerRow);
    }
    const list = rows instanceof Uint32Array ? new KernelRows(rows) : undefined;
    const size = call.digestColumnWords();
    const make = hash === 'digest' ? call.digestRows : call.hashRows;
    make(described.place, described.words / size, list?.place ?? 0, from, count, this.#target);
    call.release(described.place);
    list?.release();
    return kernel.uint32(this.#target, count * hashWords[hash]);
  }

  /** Whether all values of a column are neither below `lower` nor above `upper`: bytes of texts, bits of numbers. */
  isWithin(name: string, lower: Uint8Array | undefined, upper: Uint8Array | undefined): boolean {
    const data = this.#columns.get(name);
    if (data === undefined || data.kind === 'list' || data.kind === 'map' || data.nullCount === data.length)
      return true;
    const { call } = this.#kernel;
    const [kind, valid, values, offsets, text] = this.#describeLeaf(data) as [number, number, number, number, number];
    const [from, to] = [lower, upper].map((bytes) => (bytes === undefined ? 0 : this.#kernel.copyOf(bytes)));
    const [below, above] = [lower?.length ?? -1, upper?.length ?? -1];
    const check = (valids: number, codes: number, count: number): boolean =>
      call.isWithin(kind, valids, codes, offsets, text, count, from!, below, to!, above) !== 0;
    // Each text once; a dictionary may have some that no row has.
    const isCoded = data.kind === 'string' && data.codes !== null && data.entries < data.length;
    const isInside = (isCoded && check(0, 0, data.entries)) || check(valid, values, data.length);
    call.release(from!);
    call.release(to!);
    return isInside;
  }

  release(): void {
    const { call } = this.#kernel;
    call.release(this.#target);
    for (const block of this.#blocks.splice(0)) call.release(block);
    this.#target = 0;
  }

  #describe(columns: readonly TaggedColumn[]): { readonly place: number; readonly words: number } {
    const words = columns.flatMap(({ name, tag }) => {
      const data = this.#columns.get(name);
      return data === undefined || data.nullCount === data.length ? [] : this.#describeColumn(tag, data);
    });
    return { place: this.#kernel.block(words), words: words.length };
  }

  /** As kernel/assembly/digest/row-text.ts reads it. */
  #describeColumn(tag: number, data: ColumnData): number[] {
    const head = [tag, kindOf(data), placeOf(data.valid)];
    if (data.kind === 'list') return [...head, placeOf(data.offsets), 0, 0, 0, ...this.#describeLeaf(data.elements)];
    if (data.kind === 'map') {
      return [...head, placeOf(data.offsets), ...placesOf(data.keys), ...this.#describeLeaf(data.values)];
    }
    return [...head, 0, 0, 0, 0, ...this.#describeLeaf(data)];
  }

  #describeLeaf(data: ScalarData): number[] {
    const head = [kindOf(data), this.#validOf(data)];
    return [...head, ...placesOf(data)];
  }

  /** Elements that are all null have no array to say so. */
  #validOf({ valid, nullCount, length }: ScalarData): number {
    if (valid !== null || nullCount === 0) return placeOf(valid);
    const block = this.#kernel.call.allocateZeros(length);
    this.#blocks.push(block);
    return block;
  }
}

const kinds = {
  boolean: Kind_Boolean,
  int: Kind_Int,
  double: Kind_Double,
  long: Kind_Long,
  timestamp: Kind_Long,
  list: Kind_List,
  map: Kind_Map,
  string: Kind_String,
} as const;

const kindOf = (data: ColumnData): number => kinds[data.kind === 'fixed' ? data.type : data.kind];

/** Where the values are: nowhere if there are none. */
function placesOf(data: ScalarData): [number, number, number] {
  if (data.nullCount === data.length) return [0, 0, 0];
  if (data.kind === 'fixed') return [placeOf(data.values), 0, 0];
  return [placeOf(data.codes), placeOf(data.offsets), placeOf(data.bytes)];
}
