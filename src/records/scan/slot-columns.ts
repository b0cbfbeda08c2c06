/**
 * The columns that paths of a record become: from what the scanner found in a run of records into their builders, one
 * column after the other.
 */
import type { FixedBuilder, ListBuilder, MapBuilder } from '../../columns/builders.ts';
import type { Numbers, TextRanges } from '../../columns/ranges.ts';
import type { StringBuilder } from '../../columns/string-builder.ts';
import type { Text } from '../../columns/text.ts';
import type { Extraction } from '../../tables/schema.ts';
import { parseTime } from '../time.ts';
import { unescapeString } from './escapes.ts';
import { Tag } from './program.ts';
import { actionsBy, capacity, integers, type ScannedRows, strings } from './rows.ts';
import type { RecordScanner } from './scanner.ts';

/** Code of a slot's column, by its type. */
const Kind = {
  Json: 0,
  String: 1,
  Boolean: 2,
  Number: 3,
  Int: 4,
  Time: 5,
  Strings: 6,
  StringMap: 7,
  LongMap: 8,
} as const;

/** What was scanned for a slot, row by row. */
export type ScannedColumn = TextRanges & Numbers;

interface SlotColumn {
  readonly slot: number;
  readonly kind: number;
  readonly builder: StringBuilder | FixedBuilder | ListBuilder | MapBuilder;
  readonly name: string;
  readonly scanned: ScannedColumn;
  /** Slot whose boolean value counts where this one is absent; -1 for none. */
  readonly parent: number;
  /** Tags that the column holds; others are null and counted, or make the record doubtful. */
  readonly holds: number;
  readonly isDoubtful: boolean;
}

const bits = (...tags: number[]): number => tags.reduce((all, tag) => all | (1 << tag), 0);
const nothing = bits(Tag.Absent, Tag.Null);
const everything = 0x3ff;

/** Everything but null: the text of any value. */
const anything = actionsBy([Tag.True, Tag.False, Tag.Int, Tag.Number, Tag.String, Tag.Escaped, Tag.Array, Tag.Object]);

export type ColumnShape = Omit<SlotColumn, 'builder' | 'scanned'>;

export class SlotColumns {
  readonly #scanner: RecordScanner;
  readonly #columns: readonly SlotColumn[];
  /** Where the scanned records stand. */
  #text!: Text;
  #scratch = new Uint8Array(4096);

  constructor(
    scanner: RecordScanner,
    shapes: readonly ColumnShape[],
    builderOf: (column: string) => SlotColumn['builder'],
  ) {
    this.#scanner = scanner;
    this.#columns = shapes.map((shape) => {
      const isJson = shape.kind === Kind.Json;
      const actions = isJson ? anything : shape.kind === Kind.String ? strings : integers;
      const scanned = scanner.rows.column(shape.slot, actions, isJson ? 0 : 1);
      return { ...shape, builder: builderOf(shape.name), scanned };
    });
  }

  scanned(column: string): ScannedColumn {
    return this.#columns.find(({ name }) => name === column)!.scanned;
  }

  /** Whether every value of the record scanned last is certain to be what its columns make of it. */
  areCertain(text: Text): boolean {
    return this.#columns.every((column) => this.#isCertain(column, text));
  }

  #isCertain({ slot, kind, holds, isDoubtful }: SlotColumn, text: Text): boolean {
    const { rows, row } = this.#scanner;
    const tag = rows.tags[slot * capacity + row]!;
    if (!((holds >> tag) & 1)) return !isDoubtful && tag !== Tag.Number;
    if (tag <= Tag.Null) return true;
    if (kind === Kind.Time) return parseTime(textOf(rows, text, slot, row), 'required') !== null;
    const value = rows.numbers[slot * capacity + row]!;
    return kind !== Kind.Int || value === (value | 0);
  }

  /** Counts the values of the record scanned last that have another type than their column. */
  countMismatches(counts: Map<string, number>): void {
    const { rows, row } = this.#scanner;
    for (const { slot, holds, name } of this.#columns) {
      const tag = rows.tags[slot * capacity + row]!;
      if (!((holds >> tag) & 1)) counts.set(name, (counts.get(name) ?? 0) + 1);
    }
  }

  /** Appends the first `count` of the scanned rows, which stand in `text`; the first is the table's row `row`. */
  append(text: Text, count: number, row: number): void {
    this.#text = text;
    for (const column of this.#columns) {
      if (this.#scanner.met[column.slot] === 1 || column.parent >= 0) this.#append(column, count, row);
    }
  }

  #append(column: SlotColumn, count: number, row: number): void {
    const { slot, builder, scanned } = column;
    switch (column.kind) {
      case Kind.Json:
      case Kind.String:
        this.#appendStrings(builder as StringBuilder, scanned, 0, count, row);
        return;
      case Kind.Number:
      case Kind.Int:
        (builder as FixedBuilder).appendNumbers(scanned, 0, count, row);
        return;
      case Kind.Boolean:
        this.#appendBooleans(builder as FixedBuilder, column, count, row);
        return;
      case Kind.Time:
        for (let i = 0; i < count; i++) {
          if (scanned.tags[i] !== Tag.String && scanned.tags[i] !== Tag.Escaped) continue;
          builder.padTo(row + i);
          (builder as FixedBuilder).append(parseTime(textOf(this.#scanner.rows, this.#text, slot, i), 'required')!);
        }
        return;
      case Kind.Strings:
        this.#appendLists(builder as ListBuilder, column, count, row);
        return;
      default:
        this.#appendMaps(builder as MapBuilder, column, count, row);
    }
  }

  /** Strings as scanned, escapes resolved; `row` is that of the first. */
  #appendStrings(builder: StringBuilder, ranges: TextRanges, from: number, to: number, row: number): void {
    for (let at = from; ; at++) {
      at = builder.appendRanges(this.#text, ranges, at, to, row + at - from);
      if (at === to) return;
      const start = ranges.starts[at]! + 1;
      const end = ranges.ends[at]! - 1;
      if (this.#scratch.length < end - start) this.#scratch = new Uint8Array((end - start) * 2);
      const length = unescapeString(this.#text.bytes, start, end, this.#scratch);
      builder.padTo(row + at - from);
      builder.appendBytes(this.#scratch, 0, length);
    }
  }

  #appendBooleans(builder: FixedBuilder, { slot, parent }: SlotColumn, count: number, row: number): void {
    const { tags } = this.#scanner.rows;
    for (let i = 0; i < count; i++) {
      let tag = tags[slot * capacity + i]!;
      if (tag === Tag.Absent && parent >= 0) tag = tags[parent * capacity + i]!;
      if (tag !== Tag.True && tag !== Tag.False) continue;
      builder.padTo(row + i);
      builder.appendNumber(tag === Tag.True ? 1 : 0);
    }
  }

  #appendLists(builder: ListBuilder, { slot }: SlotColumn, count: number, row: number): void {
    const { elements, rows } = this.#scanner;
    const texts = builder.elements as StringBuilder;
    for (let i = 0, place = slot * capacity; i < count; i++, place++) {
      if (rows.tags[place] !== Tag.Array) continue;
      builder.padTo(row + i);
      this.#appendStrings(texts, elements, rows.firsts[place]!, rows.lasts[place]!, texts.length);
      builder.closeSlot();
    }
  }

  #appendMaps(builder: MapBuilder, { slot, kind }: SlotColumn, count: number, row: number): void {
    const { elements, rows } = this.#scanner;
    const { keys, values } = builder;
    let before = -1;
    for (let i = 0, place = slot * capacity; i < count; i++, place++) {
      if (rows.tags[place] !== Tag.Object) continue;
      const first = rows.firsts[place]!;
      const last = rows.lasts[place]!;
      builder.padTo(row + i);
      if (before < 0 || !this.#haveSameKeys(before, place) || !keys.repeat(last - first)) {
        for (let element = first; element < last; element++) {
          const { keyGuess, key } = elements.members[element]!;
          keys.appendKnown(keyGuess, key, 1, key.length - 1);
        }
      }
      const isRepeated = before >= 0 && rows.firsts[before] === first && rows.lasts[before] === last;
      if (kind === Kind.LongMap) (values as FixedBuilder).appendNumbers(elements, first, last, values.length);
      else if (!isRepeated || !(values as StringBuilder).repeat(last - first)) {
        this.#appendStrings(values as StringBuilder, elements, first, last, values.length);
      }
      builder.closeSlot();
      before = place;
    }
  }

  #haveSameKeys(a: number, b: number): boolean {
    const { firsts, lasts } = this.#scanner.rows;
    const { members } = this.#scanner.elements;
    const from = firsts[a]!;
    const to = firsts[b]!;
    const count = lasts[b]! - to;
    if (lasts[a]! - from !== count) return false;
    if (from === to) return true;
    for (let i = 0; i < count; i++) if (members[from + i] !== members[to + i]) return false;
    return true;
  }
}

/** The text of a scanned string, for what is rare enough. */
export function textOf({ tags, starts, ends }: ScannedRows, text: Text, slot: number, row: number): string {
  const place = slot * capacity + row;
  const raw = Buffer.from(text.bytes.subarray(starts[place]! + 1, ends[place]! - 1)).toString('utf8');
  return tags[place] === Tag.Escaped ? (JSON.parse(`"${raw}"`) as string) : raw;
}

/** The slot of a path: that of its first column, which several may share. */
export const indexOfPath = (all: readonly Extraction[], path: readonly string[]): number =>
  all.findIndex((e) => e.path.length === path.length && e.path.every((name, i) => path[i] === name));

export function columnShape(extraction: Extraction, isPromoted: boolean, all: readonly Extraction[]): ColumnShape {
  const { column, type, json, path, strict, orParent } = extraction;
  const parent = orParent ? indexOfPath(all, path.slice(0, -1)) : -1;
  const common = { slot: indexOfPath(all, path), name: column, parent };
  const isDoubtful = strict || (path.length === 1 && !isPromoted);
  if (json) return { ...common, kind: Kind.Json, holds: everything, isDoubtful };
  const [kind, holds] = kindOf(type);
  return { ...common, kind, holds: holds | nothing, isDoubtful };
}

/** By slot: the tags that need no second look, since all columns of the path hold every value of them. */
export function plainTags(columns: readonly ColumnShape[]): number[] {
  const plain = columns.map(() => everything);
  for (const { slot, kind, holds } of columns) {
    plain[slot]! &= kind === Kind.Int || kind === Kind.Time ? nothing : holds;
  }
  return plain;
}

function kindOf(type: Extraction['type']): [kind: number, holds: number] {
  switch (type) {
    case 'string':
      return [Kind.String, bits(Tag.String, Tag.Escaped)];
    case 'boolean':
      return [Kind.Boolean, bits(Tag.True, Tag.False)];
    case 'long':
      return [Kind.Number, bits(Tag.Int)];
    case 'double':
      return [Kind.Number, bits(Tag.Int)];
    case 'int':
      return [Kind.Int, bits(Tag.Int)];
    case 'timestamp':
      return [Kind.Time, bits(Tag.String, Tag.Escaped)];
    default:
      if ('list' in type) return [Kind.Strings, bits(Tag.Array)];
      return [type.map.value === 'long' ? Kind.LongMap : Kind.StringMap, bits(Tag.Object)];
  }
}
