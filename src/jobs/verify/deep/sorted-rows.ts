/**
 * Rows as their places and digests, sorted by object, offset and digest: the order in which the digest of an object takes
 * them. Rows come in any order and number and take a fixed amount of memory; what is beyond that is sorted in runs on
 * disk (28 bytes a row, 44 with digests to keep), which are merged when they are read.
 */
import { hashWords, type RowHash } from '../../../kernel/row-digests.ts';
import { orderOfKeys } from '../../../kernel/sort-order.ts';
import { ScratchFile } from '../../../store/scratch-file.ts';

/** A row: object, offset in two words, then its hash; each word in the machine's order, which is little-endian. */
const wordsBeforeHash = 3;
/** Where the part of a row starts that an object's digest takes: offset and digest. */
export const placeBytes = 4;

/** A row that has no offset, as other engines may write them, counts as one at the greatest. */
export const noOffset = Number.MAX_SAFE_INTEGER;
const highWord = 2 ** 32;

/** Rows that are read from a run at a time. */
const readRows = 1500;

export class RowSorter {
  readonly #folder: string;
  readonly #rowWords: number;
  readonly #mostRows: number;
  #words: Uint32Array<ArrayBuffer>;
  #rows = 0;
  #total = 0;
  readonly #runs: { readonly from: number; readonly rows: number }[] = [];
  #file: ScratchFile | undefined;

  constructor(folder: string, hash: RowHash, memoryBytes: number) {
    this.#folder = folder;
    this.#rowWords = wordsBeforeHash + hashWords[hash];
    // Sorting takes the rows a second time where they are written to disk in order.
    this.#mostRows = Math.max(1024, Math.floor(memoryBytes / (2 * 4 * this.#rowWords)));
    this.#words = new Uint32Array(1024 * this.#rowWords);
  }

  get rows(): number {
    return this.#total;
  }

  /** The hash with this index is the row's. */
  add(object: number, offset: number, hashes: Uint32Array, index: number): void {
    const rowWords = this.#rowWords;
    if ((this.#rows + 1) * rowWords > this.#words.length) this.#makeRoom();
    const words = this.#words;
    let at = this.#rows * rowWords;
    words[at++] = object;
    words[at++] = offset >>> 0;
    words[at++] = Math.floor(offset / highWord);
    const size = rowWords - wordsBeforeHash;
    for (let word = index * size, end = word + size; word < end; word++) words[at++] = hashes[word]!;
    this.#rows++;
    this.#total++;
  }

  /** All rows in order; the sorter takes no more. */
  finish(): SortedRows {
    const last = this.#sorted();
    this.#words = new Uint32Array(0);
    return new SortedRows(this.#file, this.#runs, last, this.#total, this.#rowWords);
  }

  #makeRoom(): void {
    if (this.#rows < this.#mostRows) {
      const rows = Math.min(this.#mostRows, this.#rows * 2);
      const larger = new Uint32Array(rows * this.#rowWords);
      larger.set(this.#words);
      this.#words.buffer.transfer(0);
      this.#words = larger;
      return;
    }
    this.#file ??= new ScratchFile(this.#folder);
    const sorted = this.#sorted();
    this.#runs.push({ from: this.#file.size, rows: this.#rows });
    this.#file.append(new Uint8Array(sorted.buffer, sorted.byteOffset, sorted.byteLength));
    if (sorted.buffer !== this.#words.buffer) sorted.buffer.transfer(0);
    this.#rows = 0;
  }

  #sorted(): Uint32Array<ArrayBuffer> {
    const rowWords = this.#rowWords;
    const words = this.#words.subarray(0, this.#rows * rowWords);
    const order = orderOf(words, this.#rows, rowWords);
    if (order === undefined) return words;
    const sorted = new Uint32Array(words.length);
    let to = 0;
    for (const row of order) for (let at = row * rowWords, end = at + rowWords; at < end; ) sorted[to++] = words[at++]!;
    return sorted;
  }
}

/** undefined where they are in order as they stand. */
function orderOf(words: Uint32Array, rows: number, rowWords: number): Uint32Array | undefined {
  if (isInOrder(words, rowWords)) return undefined;
  const compare = (a: number, b: number): number => compareRows(words, a * rowWords, words, b * rowWords, rowWords);
  const order = orderByPlace(words, rows, rowWords);
  if (order === null) return Uint32Array.from({ length: rows }, (_, row) => row).sort(compare);
  // Rows of one place are few and side by side: their digests decide.
  const all = order ?? Uint32Array.from({ length: rows }, (_, row) => row);
  for (let from = 0; from < rows; ) {
    let to = from + 1;
    while (to < rows && isSamePlace(words, all[from]! * rowWords, all[to]! * rowWords)) to++;
    if (to - from > 1) all.subarray(from, to).sort(compare);
    from = to;
  }
  return all;
}

function isInOrder(words: Uint32Array, rowWords: number): boolean {
  for (let at = rowWords; at < words.length; at += rowWords)
    if (compareRows(words, at - rowWords, words, at, rowWords) > 0) return false;
  return true;
}

/** By object and offset in one number; undefined where they are in order, null where no number holds both. */
function orderByPlace(words: Uint32Array, rows: number, rowWords: number): Uint32Array | undefined | null {
  let most = 0;
  let mostObject = 0;
  for (let at = 0, end = rows * rowWords; at < end; at += rowWords) {
    mostObject = Math.max(mostObject, words[at]!);
    most = Math.max(most, words[at + 1]! + words[at + 2]! * highWord);
  }
  const step = most + 1;
  if ((mostObject + 1) * step > Number.MAX_SAFE_INTEGER) return null;
  return orderOfKeys(rows, (keys) => {
    for (let row = 0, at = 0; row < rows; row++, at += rowWords) {
      const key = words[at]! * step + words[at + 1]! + words[at + 2]! * highWord;
      keys[row * 2] = key >>> 0;
      keys[row * 2 + 1] = Math.floor(key / highWord);
    }
  });
}

const isSamePlace = (words: Uint32Array, a: number, b: number): boolean =>
  words[a] === words[b] && words[a + 1] === words[b + 1] && words[a + 2] === words[b + 2];

/** By object, offset and the bytes of the hash. */
export function compareRows(a: Uint32Array, x: number, b: Uint32Array, y: number, rowWords: number): number {
  if (a[x] !== b[y]) return a[x]! - b[y]!;
  if (a[x + 2] !== b[y + 2]) return a[x + 2]! - b[y + 2]!;
  if (a[x + 1] !== b[y + 1]) return a[x + 1]! - b[y + 1]!;
  for (let word = wordsBeforeHash; word < rowWords; word++) {
    const [left, right] = [a[x + word]!, b[y + word]!];
    if (left !== right) return swapped(left) - swapped(right);
  }
  return 0;
}

/** As its bytes stand, the first counting most. */
const swapped = (word: number): number =>
  (((word & 0xff) << 24) | ((word & 0xff00) << 8) | ((word >>> 8) & 0xff00) | (word >>> 24)) >>> 0;

export const offsetOf = (words: Uint32Array, at: number): number => words[at + 1]! + words[at + 2]! * highWord;

/** One run, read from its start. */
interface Cursor {
  words: Uint32Array;
  at: number;
  /** Rows of the run that are not in `words` yet, and where they stand. */
  left: number;
  position: number;
}

export class SortedRows {
  readonly #file: ScratchFile | undefined;
  readonly #runs: readonly { readonly from: number; readonly rows: number }[];
  readonly #last: Uint32Array;
  readonly #rowWords: number;
  readonly rows: number;

  constructor(
    file: ScratchFile | undefined,
    runs: readonly { readonly from: number; readonly rows: number }[],
    last: Uint32Array,
    rows: number,
    rowWords: number,
  ) {
    this.#file = file;
    this.#runs = runs;
    this.#last = last;
    this.rows = rows;
    this.#rowWords = rowWords;
  }

  /** From the first row on; rows come one after another, and the words of one are good until the next is asked for. */
  read(): RowReading {
    const cursors = this.#runs.map(
      ({ from, rows }): Cursor =>
        this.#filled({
          words: new Uint32Array(0),
          at: 0,
          left: rows,
          position: from,
        }),
    );
    if (this.#last.length > 0) cursors.push({ words: this.#last, at: 0, left: 0, position: 0 });
    return new RowReading(cursors, this.#rowWords, (cursor) => this.#filled(cursor));
  }

  close(): void {
    this.#file?.close();
  }

  #filled(cursor: Cursor): Cursor {
    const rows = Math.min(readRows, cursor.left);
    if (rows === 0) return cursor;
    const rowWords = this.#rowWords;
    if (cursor.words.length !== rows * rowWords) cursor.words = new Uint32Array(rows * rowWords);
    const { words } = cursor;
    this.#file!.read(new Uint8Array(words.buffer, 0, rows * rowWords * 4), cursor.position);
    cursor.at = 0;
    cursor.left -= rows;
    cursor.position += rows * rowWords * 4;
    return cursor;
  }
}

export class RowReading {
  /** A heap, the least row first. */
  readonly #cursors: Cursor[];
  readonly #fill: (cursor: Cursor) => Cursor;
  readonly rowWords: number;

  constructor(cursors: Cursor[], rowWords: number, fill: (cursor: Cursor) => Cursor) {
    this.#cursors = cursors;
    this.rowWords = rowWords;
    this.#fill = fill;
    for (let i = (cursors.length >> 1) - 1; i >= 0; i--) this.#sink(i);
  }

  /** The row that is next; undefined behind the last. */
  get current(): { readonly words: Uint32Array; readonly at: number } | undefined {
    return this.#cursors[0];
  }

  next(): void {
    const cursors = this.#cursors;
    const first = cursors[0]!;
    first.at += this.rowWords;
    if (first.at === first.words.length) {
      if (first.left > 0) this.#fill(first);
      else {
        const last = cursors.pop()!;
        if (cursors.length === 0) return;
        if (last !== first) cursors[0] = last;
      }
    }
    if (cursors.length > 1) this.#sink(0);
  }

  #sink(start: number): void {
    const cursors = this.#cursors;
    const moved = cursors[start]!;
    let at = start;
    for (;;) {
      let child = at * 2 + 1;
      if (child >= cursors.length) break;
      const other = cursors[child + 1];
      if (other !== undefined && this.#isBefore(other, cursors[child]!)) child++;
      if (!this.#isBefore(cursors[child]!, moved)) break;
      cursors[at] = cursors[child]!;
      at = child;
    }
    cursors[at] = moved;
  }

  #isBefore(a: Cursor, b: Cursor): boolean {
    return compareRows(a.words, a.at, b.words, b.at, this.rowWords) < 0;
  }
}
