/**
 * What the scanner found in a run of records, column by column: value `slot * capacity + row` of each array belongs to
 * that row's slot. The texts of all these records stand in one memory.
 */
import { Action, type Numbers, type TextRanges } from '../../columns/ranges.ts';
import type { StringBuilder } from '../../columns/string-builder.ts';
import { slack, Text } from '../../columns/text.ts';
import { type Member, Tag } from './program.ts';

/** So many that a column is a loop, so few that they and their texts stay in a processor's cache. */
export const capacity = 64;

export const actionsBy = (takes: readonly number[], stops: readonly number[] = []): Uint8Array => {
  const actions = new Uint8Array(10);
  for (const tag of takes) actions[tag] = Action.Take;
  for (const tag of stops) actions[tag] = Action.Stop;
  return actions;
};

/** Strings are taken; those with escapes have to be resolved first. */
export const strings = actionsBy([Tag.String], [Tag.Escaped]);
export const integers = actionsBy([Tag.Int]);

export class ScannedRows {
  readonly tags: Uint8Array;
  /** The whole text of a value, the quotes of a string included. */
  readonly starts: Int32Array;
  readonly ends: Int32Array;
  readonly numbers: Float64Array;
  /** Of maps and lists that were taken apart: which elements are theirs. */
  readonly firsts: Int32Array;
  readonly lasts: Int32Array;

  constructor(slots: number) {
    const count = slots * capacity;
    this.tags = new Uint8Array(count);
    this.starts = new Int32Array(count);
    this.ends = new Int32Array(count);
    this.numbers = new Float64Array(count);
    this.firsts = new Int32Array(count);
    this.lasts = new Int32Array(count);
  }

  /** The same value again in the row after. */
  repeat(slot: number, row: number): void {
    const to = slot * capacity + row;
    const from = to - 1;
    this.tags[to] = this.tags[from]!;
    this.starts[to] = this.starts[from]!;
    this.ends[to] = this.ends[from]!;
    if (this.tags[to] === Tag.Int) this.numbers[to] = this.numbers[from]!;
    if (this.tags[to]! < Tag.Array) return;
    this.firsts[to] = this.firsts[from]!;
    this.lasts[to] = this.lasts[from]!;
  }

  /** The rows of one slot, for builders. */
  column(slot: number, actions: Uint8Array, inset: number): TextRanges & Numbers {
    const of = <T extends Uint8Array | Int32Array | Float64Array>(array: T): T =>
      array.subarray(slot * capacity, (slot + 1) * capacity) as T;
    return {
      tags: of(this.tags),
      starts: of(this.starts),
      ends: of(this.ends),
      numbers: of(this.numbers),
      actions,
      inset,
    };
  }
}

/** The elements of the lists and the pairs of the maps of these rows. */
export class Elements implements TextRanges, Numbers {
  readonly members: Member[] = [];
  tags = new Uint8Array(256);
  starts = new Int32Array(256);
  ends = new Int32Array(256);
  numbers = new Float64Array(256);
  readonly inset = 1;
  readonly actions: Uint8Array = actionsBy([Tag.String, Tag.Int], [Tag.Escaped]);
  count = 0;

  add(member: Member, tag: number, start: number, end: number, number: number): void {
    const element = this.count++;
    if (element >= this.tags.length) this.#grow();
    this.members[element] = member;
    this.tags[element] = tag;
    this.starts[element] = start;
    this.ends[element] = end;
    this.numbers[element] = number;
  }

  #grow(): void {
    const larger = <T extends Uint8Array | Int32Array | Float64Array>(from: T, to: T): T => {
      to.set(from as never);
      return to;
    };
    const count = this.tags.length * 2;
    this.tags = larger(this.tags, new Uint8Array(count));
    this.starts = larger(this.starts, new Int32Array(count));
    this.ends = larger(this.ends, new Int32Array(count));
    this.numbers = larger(this.numbers, new Float64Array(count));
  }
}

/** Texts that are computed for these rows, at most one a row. */
export class ComputedTexts implements TextRanges {
  readonly text = new Text(new Uint8Array(capacity * 32 + slack));
  readonly tags = new Uint8Array(capacity);
  readonly starts = new Int32Array(capacity);
  readonly ends = new Int32Array(capacity);
  readonly actions: Uint8Array = strings;
  readonly inset = 0;
  #used = 0;

  /** Makes the next `length` bytes the text of the row and returns where in `text` they are, to be written there. */
  place(row: number, length: number): number {
    const start = this.#used;
    this.#used += length;
    this.text.reserve(this.#used);
    this.tags[row] = Tag.String;
    this.starts[row] = start;
    this.ends[row] = this.#used;
    return start;
  }

  set(row: number, value: string): void {
    const bytes = Buffer.from(value);
    const at = this.place(row, bytes.length);
    this.text.bytes.set(bytes, at);
  }

  /** The row has the text of another. */
  repeat(row: number, of: number): void {
    this.tags[row] = this.tags[of]!;
    this.starts[row] = this.starts[of]!;
    this.ends[row] = this.ends[of]!;
  }

  /** Appends the texts of `count` rows, the first of which is the table's row `row`, and forgets them. */
  appendTo(builder: StringBuilder, count: number, row: number): void {
    builder.appendRanges(this.text, this, 0, count, row);
    this.tags.fill(Tag.Absent);
    this.#used = 0;
  }
}
