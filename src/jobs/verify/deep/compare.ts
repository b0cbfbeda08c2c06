/**
 * The rows that tables have and those that objects give, walked through side by side in one order: what is on one side
 * only. Where nothing is, the digests of the objects are the same on both sides.
 */
import { ObjectDigest } from '../../../records/row-digest.ts';
import { compareRows, offsetOf, placeBytes, type RowReading } from './sorted-rows.ts';

/** A row that only one side has. */
export interface OddRow {
  /** Table and object, as the sorted rows number them. */
  readonly slot: number;
  readonly offset: number;
  readonly side: 'table' | 'source';
}

/** The rows of slots for which `isCompared` holds. */
export function* oddRows(
  table: RowReading,
  source: RowReading,
  isCompared: (slot: number) => boolean,
): Generator<OddRow> {
  const { rowWords } = table;
  for (;;) {
    const left = table.current;
    const right = source.current;
    if (left === undefined && right === undefined) return;
    const order =
      left === undefined
        ? 1
        : right === undefined
          ? -1
          : compareRows(left.words, left.at, right.words, right.at, rowWords);
    if (order === 0) {
      table.next();
      source.next();
      continue;
    }
    const { words, at } = order < 0 ? left! : right!;
    const slot = words[at]!;
    const odd: OddRow = { slot, offset: offsetOf(words, at), side: order < 0 ? 'table' : 'source' };
    if (order < 0) table.next();
    else source.next();
    if (isCompared(slot)) yield odd;
  }
}

export interface SlotDigest {
  readonly slot: number;
  readonly rows: number;
  readonly digest: Buffer;
}

/** The digest of each slot that has rows (docs/row-digest.md), which are there with their digests. */
export function* slotDigests(
  rows: RowReading,
  nameOf: (slot: number) => { readonly table: string; readonly uri: string },
): Generator<SlotDigest> {
  const rowBytes = rows.rowWords * 4;
  const buffer = new Uint8Array(1024 * (rowBytes - placeBytes));
  while (rows.current !== undefined) {
    const slot = rows.current.words[rows.current.at]!;
    const { table, uri } = nameOf(slot);
    const digest = new ObjectDigest(table, uri);
    let count = 0;
    let used = 0;
    for (
      let row: typeof rows.current = rows.current;
      row !== undefined && row.words[row.at] === slot;
      row = rows.current
    ) {
      const { words, at } = row;
      buffer.set(new Uint8Array(words.buffer, words.byteOffset + at * 4 + placeBytes, rowBytes - placeBytes), used);
      used += rowBytes - placeBytes;
      if (used === buffer.length) {
        digest.add(buffer);
        used = 0;
      }
      count++;
      rows.next();
    }
    digest.add(buffer.subarray(0, used));
    yield { slot, rows: count, digest: digest.digest() };
  }
}
