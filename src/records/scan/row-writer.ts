/**
 * From scanned bytes straight into the columns of a table: the fast path of a source. It gives the same rows as the
 * reference path (sources/interpreter.ts) for every record that it accepts, and accepts only what that path would make
 * a row of.
 *
 * A record is taken in two steps, since between them the batch decides whether it is a duplicate: `accept` scans it and
 * sets `eventTime`, `day` and `identity`; `write` appends it.
 */

import type { FixedBuilder, ListBuilder, MapBuilder } from '../../columns/builders.ts';
import { Guess, type StringBuilder } from '../../columns/string-builder.ts';
import type { TableBuffer } from '../../columns/table-buffer.ts';
import type { TableDeclaration } from '../../tables/declaration.ts';
import type { AnnotatedSchema, Extraction } from '../../tables/schema.ts';
import type { IdentitySet } from '../identity-set.ts';
import { parseTime } from '../time.ts';
import { unescapeString } from './escapes.ts';
import { compile, Tag } from './program.ts';
import { RowDigest } from './row-digest.ts';
import { RecordScanner } from './scanner.ts';

export interface RowWriterSpec {
  readonly table: TableDeclaration;
  readonly schema: AnnotatedSchema;
  readonly declared: readonly Extraction[];
  readonly promoted: readonly Extraction[];
  readonly timeField: string;
  readonly zone: 'required' | 'utc';
  readonly maxDepth: number;
  /** The member whose text is the identity of a record; absent where the whole record is. */
  readonly identityField?: string;
}

/** Columns that are computed from others, written after those; called with the record still scanned. */
export type DeriveColumns = (writer: RowWriter, row: number) => void;

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

/** A column that has the same value in all rows of an object. */
interface Constant {
  readonly builder: StringBuilder | FixedBuilder;
  readonly value: Uint8Array | bigint;
  readonly guess: Guess;
}

interface SlotColumn {
  readonly guess: Guess;
  readonly slot: number;
  readonly kind: number;
  readonly builder: StringBuilder | FixedBuilder | ListBuilder | MapBuilder;
  readonly name: string;
  /** Slot whose boolean value counts where this one is absent; -1 for none. */
  readonly parent: number;
  /** Tags that the column holds; others are null and counted, or make the record doubtful. */
  readonly holds: number;
  readonly isDoubtful: boolean;
}

const bits = (...tags: number[]): number => tags.reduce((all, tag) => all | (1 << tag), 0);
const nothing = bits(Tag.Absent, Tag.Null);
const everything = 0x3ff;

export class RowWriter {
  readonly scanner: RecordScanner;
  /** Microseconds since the epoch of the accepted record. */
  eventTime = 0;
  /** YYYY-MM-DD */
  day = '';
  bytes: Uint8Array = new Uint8Array(0);
  /** How many values of other types than their column's were nulled, by column. */
  readonly mismatches = new Map<string, number>();

  readonly #buffer: TableBuffer;
  readonly #columns: readonly SlotColumn[];
  /** Those of types that do not hold every value of their tags. */
  readonly #bounded: readonly SlotColumn[];
  readonly #derive: DeriveColumns;
  readonly #timeSlot: number;
  readonly #zoneRequired: boolean;
  readonly #ymd: StringBuilder;
  readonly #eventTime: FixedBuilder;
  readonly #sourceUri: StringBuilder;
  readonly #sourceOffset: FixedBuilder;
  readonly #extra: StringBuilder;
  readonly #slots: ReadonlyMap<string, number>;
  readonly #identitySlot: number;
  readonly #digest: RowDigest | null;
  #uri: Uint8Array = new Uint8Array(0);
  #uriGuess = new Guess();
  readonly #dayGuess = new Guess();
  #constants: readonly Constant[] = [];
  #dayBytes: Uint8Array = new Uint8Array(10);
  #dayStart = 0;
  #scratch = new Uint8Array(4096);

  constructor(spec: RowWriterSpec, buffer: TableBuffer, derive: DeriveColumns) {
    const { schema, declared, promoted } = spec;
    const slots = [...declared, ...promoted];
    this.#buffer = buffer;
    this.#derive = derive;
    this.scanner = new RecordScanner(compile(schema, slots), spec.maxDepth);
    this.#slots = new Map(slots.map(({ column, path }) => [column, indexOfPath(slots, path)]));
    this.#columns = slots.map((slot, i) => this.#slotColumn(slot, i >= declared.length, slots));
    this.#bounded = this.#columns.filter(({ kind }) => kind === Kind.Int || kind === Kind.Time);
    this.#timeSlot = slots.findIndex((slot) => slot.path.length === 1 && slot.path[0] === spec.timeField);
    this.#zoneRequired = spec.zone === 'required';
    const { identityField } = spec;
    this.#identitySlot = identityField === undefined ? -1 : this.slot(identityField);
    this.#digest = identityField === undefined ? new RowDigest(spec.table, this.#slots) : null;
    this.#ymd = this.strings('ymd');
    this.#eventTime = this.fixed('event_time');
    this.#sourceUri = this.strings('source_uri');
    this.#sourceOffset = this.fixed('source_offset');
    this.#extra = this.strings('extra');
  }

  strings(column: string): StringBuilder {
    return this.#builder(column) as StringBuilder;
  }

  fixed(column: string): FixedBuilder {
    return this.#builder(column) as FixedBuilder;
  }

  slot(column: string): number {
    const slot = this.#slots.get(column);
    if (slot === undefined) throw new Error(`no path gives the column ${column}`);
    return slot;
  }

  #builder(column: string): SlotColumn['builder'] {
    const found = this.#buffer.columns.find(({ declaration }) => declaration.name === column);
    if (found === undefined) throw new Error(`the table has no column ${column}`);
    return found.builder;
  }

  #slotColumn(extraction: Extraction, isPromoted: boolean, all: readonly Extraction[]): SlotColumn {
    const { column, type, json, path, strict, orParent } = extraction;
    const slot = this.slot(column);
    const parent = orParent ? indexOfPath(all, path.slice(0, -1)) : -1;
    const common = { guess: new Guess(), slot, builder: this.#builder(column), name: column, parent };
    const isDoubtful = strict || (path.length === 1 && !isPromoted);
    if (json) return { ...common, kind: Kind.Json, holds: everything, isDoubtful };
    const [kind, holds] = kindOf(type);
    return { ...common, kind, holds: holds | nothing, isDoubtful };
  }

  /** The rows that follow come from this object; `constants` by column. */
  open(uri: string, constants: Readonly<Record<string, string | bigint | null>>): void {
    this.#uri = Buffer.from(uri);
    this.#uriGuess = new Guess();
    this.#constants = Object.entries(constants).flatMap(([column, value]) => {
      if (value === null) return [];
      const builder = this.#builder(column) as StringBuilder | FixedBuilder;
      return [{ builder, value: typeof value === 'string' ? Buffer.from(value) : value, guess: new Guess() }];
    });
    this.mismatches.clear();
  }

  /** Whether bytes[start, end), which are valid UTF-8, are certain to be a row. */
  accept(bytes: Uint8Array, start: number, end: number): boolean {
    const { scanner } = this;
    if (!scanner.scan(bytes, start, end)) return false;
    this.bytes = bytes;
    const { tags } = scanner;
    const slot = this.#timeSlot;
    if (tags[slot] !== Tag.String || !this.#parseTime(bytes, scanner.starts[slot]!, scanner.ends[slot]!)) return false;
    const identity = this.#identitySlot;
    if (identity >= 0 && tags[identity] !== Tag.String) return false;
    if (this.#digest !== null && scanner.unknown > 0) return false;
    for (const column of this.#columns) {
      const tag = tags[column.slot]!;
      if ((column.holds >> tag) & 1) continue;
      if (column.isDoubtful || tag === Tag.Number) return false;
    }
    for (const column of this.#bounded) if (!this.#isInRange(column)) return false;
    return true;
  }

  #isInRange({ slot, kind, holds }: SlotColumn): boolean {
    const tag = this.scanner.tags[slot]!;
    if (tag <= Tag.Null || !((holds >> tag) & 1)) return true;
    if (kind === Kind.Time) return parseTime(this.text(slot), 'required') !== null;
    const value = this.scanner.numbers[slot]!;
    return value === (value | 0);
  }

  /** Adds the identity of the accepted record; false where it was there already. A record without one never was. */
  addIdentity(identities: IdentitySet): boolean {
    if (this.#digest !== null) return identities.addDigest(this.#digest.of(this.scanner, this.bytes));
    const start = this.scanner.starts[this.#identitySlot]!;
    const end = this.scanner.ends[this.#identitySlot]!;
    return start === end || identities.addText(this.bytes, start, end);
  }

  /** RFC 3339 in UTC with at most nine fraction digits, 1970 to 2199; anything else is for the reference path. */
  #parseTime(bytes: Uint8Array, start: number, end: number): boolean {
    const length = end - start;
    if (length < 19 || length > 30) return false;
    const hour = twoDigits(bytes, start + 11);
    const minute = twoDigits(bytes, start + 14);
    const second = twoDigits(bytes, start + 17);
    const separator = bytes[start + 10];
    if (!(hour < 24 && minute < 60 && second < 60) || (separator !== 0x54 && separator !== 0x20)) return false;
    if (bytes[start + 13] !== 0x3a || bytes[start + 16] !== 0x3a) return false;
    let at = start + 19;
    let micros = 0;
    if (at < end && bytes[at] === 0x2e) {
      at++;
      let scale = 100_000;
      const first = at;
      for (; at < end; at++) {
        const digit = bytes[at]! - 0x30;
        if (!(digit >= 0 && digit <= 9)) break;
        micros += digit * scale;
        scale = Math.trunc(scale / 10);
      }
      if (at === first) return false;
    }
    const hasZone = at < end;
    if (hasZone ? bytes[at] !== 0x5a || at + 1 !== end : this.#zoneRequired) return false;
    if (!this.#isSameDay(bytes, start) && !this.#turnToDay(bytes, start)) return false;
    this.eventTime = this.#dayStart + (hour * 3600 + minute * 60 + second) * 1_000_000 + micros;
    return true;
  }

  #isSameDay(bytes: Uint8Array, start: number): boolean {
    for (let i = 9; i >= 0; i--) if (bytes[start + i] !== this.#dayBytes[i]) return false;
    return true;
  }

  #turnToDay(bytes: Uint8Array, start: number): boolean {
    const text = Buffer.from(bytes.subarray(start, start + 10)).toString('latin1');
    const time = /^(19[7-9]|20|21)/.test(text) ? parseTime(`${text}T00:00:00Z`, 'required') : null;
    if (time === null) return false;
    this.day = text;
    this.#dayStart = Number(time);
    this.#dayBytes = bytes.slice(start, start + 10);
    return true;
  }

  /** Appends the accepted record, which stood at `offset` of its object. */
  write(offset: number): void {
    const buffer = this.#buffer;
    const row = buffer.rows;
    const { tags } = this.scanner;
    for (const column of this.#columns) {
      const tag = tags[column.slot]!;
      if (tag > Tag.Null || column.parent >= 0) this.#append(column, tag, row);
    }
    this.#ymd.padTo(row);
    this.#ymd.appendGuessed(this.#dayGuess, this.#dayBytes, 0, 10);
    this.#eventTime.padTo(row);
    this.#eventTime.appendNumber(this.eventTime);
    this.#sourceUri.padTo(row);
    this.#sourceUri.appendKnown(this.#uriGuess, this.#uri, 0, this.#uri.length);
    this.#sourceOffset.padTo(row);
    this.#sourceOffset.appendNumber(offset);
    for (const { builder, value, guess } of this.#constants) {
      builder.padTo(row);
      if (typeof value === 'bigint') (builder as FixedBuilder).append(value);
      else (builder as StringBuilder).appendKnown(guess, value, 0, value.length);
    }
    if (this.scanner.unknown > 0) this.#writeExtra(row);
    this.#derive(this, row);
    buffer.endRow();
  }

  #append(column: SlotColumn, tag: number, row: number): void {
    const { scanner, bytes } = this;
    const { slot, builder } = column;
    if (!((column.holds >> tag) & 1)) {
      this.mismatches.set(column.name, (this.mismatches.get(column.name) ?? 0) + 1);
      return;
    }
    switch (column.kind) {
      case Kind.Json:
        builder.padTo(row);
        (builder as StringBuilder).appendGuessed(
          column.guess,
          bytes,
          scanner.textStarts[slot]!,
          scanner.textEnds[slot]!,
        );
        return;
      case Kind.String:
        builder.padTo(row);
        this.appendString(builder as StringBuilder, column.guess, tag, scanner.starts[slot]!, scanner.ends[slot]!);
        return;
      case Kind.Boolean: {
        const value = tag === Tag.Absent && column.parent >= 0 ? scanner.tags[column.parent]! : tag;
        if (value !== Tag.True && value !== Tag.False) return;
        builder.padTo(row);
        (builder as FixedBuilder).appendNumber(value === Tag.True ? 1 : 0);
        return;
      }
      case Kind.Number:
      case Kind.Int:
        builder.padTo(row);
        (builder as FixedBuilder).appendNumber(scanner.numbers[slot]!);
        return;
      case Kind.Time:
        builder.padTo(row);
        (builder as FixedBuilder).append(parseTime(this.text(slot), 'required')!);
        return;
      case Kind.Strings:
        builder.padTo(row);
        this.#appendStrings(builder as ListBuilder, column.guess, scanner.starts[slot]!, scanner.ends[slot]!);
        return;
      default:
        builder.padTo(row);
        this.#appendMap(
          builder as MapBuilder,
          column.kind === Kind.LongMap,
          scanner.starts[slot]!,
          scanner.ends[slot]!,
        );
    }
  }

  /** The text of a scanned string, for what is rare enough. */
  text(slot: number): string {
    const { tags, starts, ends } = this.scanner;
    const text = Buffer.from(this.bytes.subarray(starts[slot], ends[slot])).toString('utf8');
    return tags[slot] === Tag.Escaped ? (JSON.parse(`"${text}"`) as string) : text;
  }

  /** A string as scanned, its escapes resolved. */
  appendString(builder: StringBuilder, guess: Guess, tag: number, start: number, end: number): void {
    if (tag === Tag.String) {
      builder.appendGuessed(guess, this.bytes, start, end);
      return;
    }
    if (this.#scratch.length < end - start) this.#scratch = new Uint8Array(end - start);
    const length = unescapeString(this.bytes, start, end, this.#scratch);
    builder.appendBytes(this.#scratch, 0, length);
  }

  #appendStrings(builder: ListBuilder, guess: Guess, first: number, last: number): void {
    const { elementTags, elementStarts, elementEnds } = this.scanner;
    const elements = builder.elements as StringBuilder;
    for (let i = first; i < last; i++)
      this.appendString(elements, guess, elementTags[i]!, elementStarts[i]!, elementEnds[i]!);
    builder.closeSlot();
  }

  #appendMap(builder: MapBuilder, isLong: boolean, first: number, last: number): void {
    const { scanner } = this;
    for (let i = first; i < last; i++) {
      const member = scanner.elementMembers[i]!;
      builder.keys.appendKnown(member.keyGuess, member.key, 1, member.key.length - 1);
      if (isLong) (builder.values as FixedBuilder).appendNumber(scanner.elementNumbers[i]!);
      else {
        const values = builder.values as StringBuilder;
        this.appendString(
          values,
          member.valueGuess,
          scanner.elementTags[i]!,
          scanner.elementStarts[i]!,
          scanner.elementEnds[i]!,
        );
      }
    }
    builder.closeSlot();
  }

  /** Unknown members as one JSON object of their exact texts, as records/extra.ts makes it. */
  #writeExtra(row: number): void {
    const { unknown, unknownRanges } = this.scanner;
    let size = 1;
    for (let i = 0; i < unknown * 4; i += 2) size += unknownRanges[i + 1]! - unknownRanges[i]! + 1;
    if (this.#scratch.length < size) this.#scratch = new Uint8Array(size * 2);
    const target = this.#scratch;
    let at = 0;
    for (let i = 0; i < unknown * 4; i += 2) {
      target[at++] = i === 0 ? 0x7b : i % 4 === 0 ? 0x2c : 0x3a;
      const text = this.bytes.subarray(unknownRanges[i], unknownRanges[i + 1]);
      target.set(text, at);
      at += text.length;
    }
    target[at++] = 0x7d;
    this.#extra.padTo(row);
    this.#extra.appendBytes(target, 0, at);
  }
}

/** The slot of a path: that of its first column, which several may share. */
const indexOfPath = (all: readonly Extraction[], path: readonly string[]): number =>
  all.findIndex((e) => e.path.length === path.length && e.path.every((name, i) => path[i] === name));

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

function twoDigits(bytes: Uint8Array, at: number): number {
  const tens = bytes[at]! - 0x30;
  const ones = bytes[at + 1]! - 0x30;
  return tens >= 0 && tens <= 9 && ones >= 0 && ones <= 9 ? tens * 10 + ones : Number.NaN;
}
