/**
 * From scanned bytes straight into the columns of a table: the fast path of a source. It gives the same rows as the
 * reference path (sources/interpreter.ts) for every record that it accepts, and accepts only what that path would make
 * a row of.
 *
 * A record is taken in two steps, since between them the batch decides whether it is a duplicate: `accept` scans it and
 * sets `eventTime`, `day` and `identity`; `write` keeps it. The values of kept records go into the columns some dozens of
 * records at a time and column by column, at the latest when somebody asks for the rows, their size or `mismatches`:
 * until then the bytes have to stay as they are.
 */

import type { ColumnBuilder, FixedBuilder } from '../../columns/builders.ts';
import type { Numbers, TextRanges } from '../../columns/ranges.ts';
import type { StringBuilder } from '../../columns/string-builder.ts';
import type { TableBuffer } from '../../columns/table-buffer.ts';
import { slack, Text } from '../../columns/text.ts';
import type { TableDeclaration } from '../../tables/declaration.ts';
import type { AnnotatedSchema, Extraction } from '../../tables/schema.ts';
import type { IdentitySet } from '../identity-set.ts';
import { EventTimes } from './event-time.ts';
import { compile, Tag } from './program.ts';
import { RowDigest } from './row-digest.ts';
import { capacity, integers, strings } from './rows.ts';
import { RecordScanner } from './scanner.ts';
import { columnShape, indexOfPath, plainTags, type ScannedColumn, SlotColumns, textOf } from './slot-columns.ts';

export type { ScannedColumn };

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

/** Columns that are computed from others: rows 0 to `count` of the scanned ones, the first of which is the table's row `row`. */
export type DeriveColumns = (writer: RowWriter, count: number, row: number) => void;

/** A column that has the same value in all rows of an object. */
interface Constant {
  readonly builder: StringBuilder | FixedBuilder;
  readonly value: Uint8Array | bigint;
}

/** Elements of lists and maps that are held before their rows go into the columns. */
const maxElements = 1 << 14;
/** Places in a text are 32-bit integers. */
const maxTextBytes = 2 ** 31 - 1;

const onlyInts = new Uint8Array(capacity).fill(Tag.Int);

export class RowWriter {
  readonly scanner: RecordScanner;
  /** Where the scanned records stand. */
  text = new Text(new Uint8Array(slack));

  readonly #buffer: TableBuffer;
  readonly #columns: SlotColumns;
  readonly #derive: DeriveColumns;
  readonly #times: EventTimes;
  readonly #timeSlot: number;
  readonly #ymd: StringBuilder;
  readonly #days: TextRanges;
  readonly #eventTime: FixedBuilder;
  readonly #eventTimes: Numbers = { numbers: new Float64Array(capacity), tags: onlyInts, actions: integers };
  readonly #sourceUri: StringBuilder;
  readonly #sourceOffset: FixedBuilder;
  readonly #offsets: Numbers = { numbers: new Float64Array(capacity), tags: onlyInts, actions: integers };
  readonly #extra: StringBuilder;
  readonly #slots: ReadonlyMap<string, number>;
  readonly #identitySlot: number;
  readonly #digest: RowDigest | null;
  readonly #mismatches = new Map<string, number>();
  /** The members of `extra` of those rows that have any. */
  readonly #extras: { readonly row: number; readonly json: Uint8Array }[] = [];
  /** The bytes that were given last, and how far their places are from those of the text. */
  #bytes: Uint8Array | undefined;
  #shift = 0;
  #uri: Uint8Array = new Uint8Array(0);
  #constants: readonly Constant[] = [];

  constructor(spec: RowWriterSpec, buffer: TableBuffer, derive: DeriveColumns) {
    const { schema, declared, promoted } = spec;
    const slots = [...declared, ...promoted];
    this.#buffer = buffer;
    this.#derive = derive;
    const shapes = slots.map((slot, i) => columnShape(slot, i >= declared.length, slots));
    this.scanner = new RecordScanner(compile(schema, slots, plainTags(shapes)), spec.maxDepth);
    this.#slots = new Map(shapes.map(({ name, slot }) => [name, slot]));
    this.#columns = new SlotColumns(this.scanner, shapes, (column) => this.#builder(column));
    this.#timeSlot = indexOfPath(slots, [spec.timeField]);
    this.#times = new EventTimes(spec.zone);
    const { identityField } = spec;
    this.#identitySlot = identityField === undefined ? -1 : this.slot(identityField);
    this.#digest = identityField === undefined ? new RowDigest(spec.table, this.#slots) : null;
    this.#ymd = this.strings('ymd');
    this.#days = { ...this.scanner.rows.column(this.#timeSlot, strings, 1), ends: new Int32Array(capacity) };
    this.#eventTime = this.fixed('event_time');
    this.#sourceUri = this.strings('source_uri');
    this.#sourceOffset = this.fixed('source_offset');
    this.#extra = this.strings('extra');
    buffer.settleBy(() => this.#settle());
  }

  /** Microseconds since the epoch of the accepted record. */
  get eventTime(): number {
    return this.#times.micros;
  }

  /** YYYY-MM-DD */
  get day(): string {
    return this.#times.day;
  }

  /** How many values of other types than their column's were nulled since `open`, by column. */
  get mismatches(): ReadonlyMap<string, number> {
    this.#settle();
    return this.#mismatches;
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

  /** What was scanned for a column of strings or integers. */
  scanned(column: string): ScannedColumn {
    return this.#columns.scanned(column);
  }

  #builder(column: string): ColumnBuilder {
    const found = this.#buffer.columns.find(({ declaration }) => declaration.name === column);
    if (found === undefined) throw new Error(`the table has no column ${column}`);
    return found.builder;
  }

  /** The rows that follow come from this object; `constants` by column. */
  open(uri: string, constants: Readonly<Record<string, string | bigint | null>>): void {
    this.#settle();
    this.#uri = Buffer.from(uri);
    this.#constants = Object.entries(constants).flatMap(([column, value]) => {
      if (value === null) return [];
      const builder = this.#builder(column) as StringBuilder | FixedBuilder;
      return [{ builder, value: typeof value === 'string' ? Buffer.from(value) : value }];
    });
    this.#mismatches.clear();
  }

  /** Whether bytes[start, end), which are valid UTF-8, are certain to be a row. */
  accept(bytes: Uint8Array, start: number, end: number): boolean {
    const { scanner } = this;
    if (scanner.row === capacity || scanner.elements.count > maxElements) this.#settle();
    const shift = this.#turnTo(bytes, start, end);
    if (!scanner.scan(this.text, start + shift, end + shift)) return false;
    const { tags, starts, ends } = scanner.rows;
    const time = this.#timeSlot * capacity + scanner.row;
    if (tags[time] !== Tag.String || !this.#times.read(this.text, starts[time]! + 1, ends[time]! - 1)) return false;
    if (this.#identitySlot >= 0 && tags[this.#identitySlot * capacity + scanner.row] !== Tag.String) return false;
    if (this.#digest !== null && scanner.unknown > 0) return false;
    return !scanner.isOdd || this.#columns.areCertain(this.text);
  }

  /**
   * Makes `text` the memory that `bytes` are in, or a copy of the record where that ends too early to be read by whole
   * words, and returns how far the places in `bytes` are from those in the text.
   */
  #turnTo(bytes: Uint8Array, start: number, end: number): number {
    if (bytes === this.#bytes && end + this.#shift + slack <= this.text.bytes.length) return this.#shift;
    const { buffer, byteOffset } = bytes;
    if (byteOffset + end + slack > Math.min(buffer.byteLength, maxTextBytes)) {
      this.#settle();
      const padded = new Uint8Array(end - start + slack);
      padded.set(bytes.subarray(start, end));
      this.text = new Text(padded);
      this.#bytes = undefined;
      return -start;
    }
    if (buffer !== this.text.bytes.buffer) {
      this.#settle();
      this.text = new Text(new Uint8Array(buffer as ArrayBuffer));
    }
    this.#bytes = bytes;
    this.#shift = byteOffset;
    return byteOffset;
  }

  /** Adds the identity of the accepted record; false where it was there already. A record without one never was. */
  addIdentity(identities: IdentitySet): boolean {
    const { rows, row } = this.scanner;
    if (this.#digest !== null) return identities.addDigestText(this.#digest.of(rows, row, this.text));
    const place = this.#identitySlot * capacity + row;
    const start = rows.starts[place]! + 1;
    const end = rows.ends[place]! - 1;
    return start === end || identities.addText(this.text.bytes, start, end);
  }

  /** Takes the accepted record, which stood at `offset` of its object, as a row. */
  write(offset: number): void {
    const { scanner } = this;
    const { row } = scanner;
    this.#eventTimes.numbers[row] = this.#times.micros;
    this.#offsets.numbers[row] = offset;
    if (scanner.unknown > 0) this.#extras.push({ row, json: this.#unknownMembers() });
    if (scanner.isOdd) this.#columns.countMismatches(this.#mismatches);
    scanner.keep();
    this.#buffer.endRow();
  }

  /** Appends the values of the rows taken so far. */
  #settle(): void {
    const { scanner } = this;
    const count = scanner.row;
    if (count === 0) return;
    const row = this.#buffer.rows - count;
    this.#columns.append(this.text, count, row);
    const { starts, ends } = this.#days;
    for (let i = 0; i < count; i++) ends[i] = starts[i]! + 1 + dayLength + 1;
    this.#ymd.appendRanges(this.text, this.#days, 0, count, row);
    this.#eventTime.appendNumbers(this.#eventTimes, 0, count, row);
    this.#sourceUri.padTo(row);
    this.#sourceUri.appendRepeated(this.#uri, count);
    this.#sourceOffset.appendNumbers(this.#offsets, 0, count, row);
    for (const { builder, value } of this.#constants) {
      builder.padTo(row);
      if (typeof value === 'bigint') (builder as FixedBuilder).appendRepeated(value, count);
      else (builder as StringBuilder).appendRepeated(value, count);
    }
    for (const { row: at, json } of this.#extras) {
      this.#extra.padTo(row + at);
      this.#extra.appendBytes(json, 0, json.length);
    }
    this.#extras.length = 0;
    this.#derive(this, count, row);
    scanner.clear();
  }

  /** The text of a scanned string, for what is rare enough. */
  textOf(slot: number, row: number): string {
    return textOf(this.scanner.rows, this.text, slot, row);
  }

  /** Unknown members as one JSON object of their exact texts, as records/extra.ts makes it. */
  #unknownMembers(): Uint8Array {
    const { unknown, unknownMembers, unknownRanges } = this.scanner;
    const pieces: Uint8Array[] = [];
    for (let i = 0; i < unknown; i++) {
      const { lead, key } = unknownMembers[i]!;
      pieces.push(lead.bytes.subarray(0, key.length + 2));
      pieces.push(this.text.bytes.subarray(unknownRanges[i * 2], unknownRanges[i * 2 + 1]));
    }
    const json = Buffer.concat([...pieces, Buffer.from('}')]);
    json[0] = 0x7b;
    return json;
  }
}

const dayLength = 10;
