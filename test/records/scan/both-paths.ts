/**
 * Runs records through the reference path and through the fast path, as jobs/ingest.ts does, and holds that they agree:
 * a record that the fast path accepts is a row on the reference path too, with the same time, day, identity and
 * mismatches (checked at once), and with the same values in all columns (checked by `compareRows`).
 */
import { isUtf8 } from 'node:buffer';
import { isDeepStrictEqual } from 'node:util';
import { expect } from 'vitest';
import type { ColumnBatch, ColumnData, ScalarData } from '../../../src/columns/batch.ts';
import { TableBuffer } from '../../../src/columns/table-buffer.ts';
import { IdentitySet } from '../../../src/records/identity-set.ts';
import type { Outcome } from '../../../src/records/outcome.ts';
import type { RowWriter } from '../../../src/records/scan/row-writer.ts';
import type { Frame, ObjectFacts, RecordReader, Source } from '../../../src/sources/source.ts';

export type Verdict = 'fast' | 'slow' | 'quarantine' | 'skip';

export interface Way {
  /** What stands before and behind the record in the buffer that the fast path scans. */
  readonly around?: readonly [before: string, after: string];
  /** The fast path is not asked: its buffer too takes the row of the reference path. */
  readonly slowly?: boolean;
  /** The record does not share its memory with those before it. */
  readonly alone?: boolean;
}

/** As large as some dozens of records, which the fast path takes in one run. */
const chunkBytes = 64 << 10;

export const defaultUri = 's3://audit-logs/eopa=e1/first_ts=1689094800/last_ts=1689094860/batch_id=b1.jsonl';

export class BothPaths {
  /** Records taken, by what became of them. */
  readonly counts = { fast: 0, slow: 0, quarantine: 0, skip: 0, duplicate: 0 };
  readonly #source: Source;
  readonly #slow: TableBuffer;
  readonly #fast: TableBuffer;
  readonly #slowIdentities = new IdentitySet();
  readonly #fastIdentities = new IdentitySet();
  readonly #writer: RowWriter;
  readonly #ymdAt: number;
  #reader!: RecordReader;
  #offset = 0;
  #chunk = Buffer.alloc(0);
  #used = 0;
  /** Of the records that the fast path took since it opened the object, by the reference path. */
  #mismatches = new Map<string, number>();

  constructor(source: Source, uri = defaultUri) {
    this.#source = source;
    this.#slow = new TableBuffer(source.table.columns);
    this.#fast = new TableBuffer(source.table.columns);
    this.#writer = source.rowWriter(this.#fast);
    this.#ymdAt = source.table.columns.findIndex(({ name }) => name === 'ymd');
    this.open(uri);
  }

  /** The records that follow come from this object. */
  open(uri: string, facts: ObjectFacts = this.#source.describeObject(uri)): void {
    this.#compareMismatches();
    this.#mismatches.clear();
    this.#reader = this.#source.openObject(uri, facts);
    this.#writer.open(uri, facts.columns);
    this.#offset = 0;
  }

  /** One record through both paths. */
  take(record: string | Uint8Array, way: Way = {}): Verdict {
    const bytes = typeof record === 'string' ? Buffer.from(record) : record;
    this.#offset += bytes.length + 1;
    return this.takeFrame({ bytes, offset: this.#offset }, way);
  }

  takeFrame(frame: Frame, { around = ['', ''], slowly = false, alone = false }: Way = {}): Verdict {
    const { bytes } = frame;
    const before = new Map(this.#reader.typeMismatches);
    const outcome = this.#reader.interpret(frame);
    const mismatches = increases(before, this.#reader.typeMismatches);

    const [head, tail] = around.map((text) => Buffer.from(text)) as [Buffer, Buffer];
    const [scanned, start] = this.#place([head, bytes, tail], alone);
    const certain =
      !slowly &&
      frame.tooLarge === undefined &&
      isUtf8(bytes) &&
      this.#writer.accept(scanned, start + head.length, start + head.length + bytes.length);
    if (certain) this.#takeCertain(outcome, frame, mismatches);
    else if (outcome.kind === 'row') {
      const { identity, values } = outcome;
      const isNew = identity === null || this.#slowIdentities.add(identity);
      expect(identity === null || this.#fastIdentities.add(identity)).toBe(isNew);
      if (isNew) for (const buffer of [this.#slow, this.#fast]) buffer.append(values);
      else this.counts.duplicate++;
    }
    const verdict = certain ? 'fast' : outcome.kind === 'row' ? 'slow' : outcome.kind;
    this.counts[verdict]++;
    return verdict;
  }

  /** Puts the pieces one behind the other, behind those of earlier records, and says where. */
  #place(pieces: readonly Uint8Array[], alone: boolean): [chunk: Buffer, start: number] {
    const size = pieces.reduce((sum, { length }) => sum + length, 0);
    if (alone || size > chunkBytes) {
      const chunk = Buffer.allocUnsafeSlow(size);
      Buffer.concat(pieces).copy(chunk);
      return [chunk, 0];
    }
    if (this.#used + size > this.#chunk.length) {
      this.#chunk = Buffer.allocUnsafeSlow(chunkBytes);
      this.#used = 0;
    }
    const start = this.#used;
    Buffer.concat(pieces).copy(this.#chunk, start);
    this.#used += size;
    return [this.#chunk, start];
  }

  #takeCertain(outcome: Outcome, frame: Frame, mismatches: Counts): void {
    const writer = this.#writer;
    const text = () => Buffer.from(frame.bytes).toString();
    if (outcome.kind !== 'row') {
      throw new Error(`accepted what the reference path makes ${JSON.stringify(outcome)} of: ${text()}`);
    }
    const { identity, values } = outcome;
    if (BigInt(writer.eventTime) !== outcome.eventTime || writer.day !== values[this.#ymdAt]) {
      const expected = `${values[this.#ymdAt]} ${outcome.eventTime}`;
      throw new Error(`time is ${writer.day} ${writer.eventTime} instead of ${expected}: ${text()}`);
    }
    this.#compareIdentity(identity, text);
    const isNew = identity === null || this.#slowIdentities.add(identity);
    if (writer.addIdentity(this.#fastIdentities) !== isNew) throw new Error(`is new: ${isNew} expected: ${text()}`);
    if (!isNew) {
      this.counts.duplicate++;
      return;
    }
    this.#slow.append(values);
    writer.write(frame.offset);
    for (const [column, count] of Object.entries(mismatches)) {
      this.#mismatches.set(column, (this.#mismatches.get(column) ?? 0) + count);
    }
  }

  /** Not after each record, since the writer ends a run of records when it is asked. */
  #compareMismatches(): void {
    expect(new Map(this.#writer.mismatches)).toEqual(this.#mismatches);
  }

  /** The identities of both paths count as one and the same, whichever comes first. */
  #compareIdentity(identity: string | null, text: () => string): void {
    const fastFirst = new IdentitySet();
    const slowFirst = new IdentitySet();
    const isNew = [
      this.#writer.addIdentity(fastFirst),
      identity === null || fastFirst.add(identity),
      identity === null || slowFirst.add(identity),
      this.#writer.addIdentity(slowFirst),
    ];
    const expected = identity === null ? [true, true, true, true] : [true, false, true, false];
    if (!isDeepStrictEqual(isNew, expected)) throw new Error(`another identity than ${identity}: ${text()}`);
  }

  /** All rows since the last clear, column by column. */
  compareRows(): void {
    const [slow, fast] = [rowsOf(this.#slow.batch()), rowsOf(this.#fast.batch())];
    if (!isDeepStrictEqual(fast, slow)) expect(fast).toEqual(slow);
    this.#compareMismatches();
  }

  /** Compares, and begins a new batch as after a flush. */
  clear(): void {
    this.compareRows();
    this.#slow.take();
    this.#fast.take();
  }
}

type Counts = Readonly<Record<string, number>>;

function increases(before: ReadonlyMap<string, number>, after: ReadonlyMap<string, number>): Counts {
  const counts = [...after].map(([column, count]) => [column, count - (before.get(column) ?? 0)] as const);
  return Object.fromEntries(counts.filter(([, count]) => count !== 0));
}

/** Rows without their nulls; strings as latin1, so that every byte shows. */
export function rowsOf({ rows, columns }: ColumnBatch): Record<string, unknown>[] {
  const decoded = Array.from({ length: rows }, (): Record<string, unknown> => ({}));
  for (const { name, data } of columns) {
    expect(data.length, name).toBeGreaterThanOrEqual(rows);
    for (let i = 0; i < rows; i++) {
      const value = valueAt(data, i);
      if (value !== null) decoded[i]![name] = value;
    }
  }
  return decoded;
}

function valueAt(data: ColumnData, i: number): unknown {
  if (data.kind === 'fixed' || data.kind === 'string') return scalarAt(data, i);
  if (isNull(data, i)) return null;
  const [start, end] = [data.offsets[i]!, data.offsets[i + 1]!];
  const slots = Array.from({ length: end - start }, (_, k) => start + k);
  if (data.kind === 'list') return slots.map((slot) => scalarAt(data.elements, slot));
  return slots.map((slot) => [scalarAt(data.keys, slot), scalarAt(data.values, slot)]);
}

function scalarAt(data: ScalarData, i: number): unknown {
  if (isNull(data, i)) return null;
  if (data.kind === 'fixed') return data.values![i];
  const entry = data.codes === null ? i : data.codes[i]!;
  const [start, end] = [data.offsets[entry]!, data.offsets[entry + 1]!];
  return Buffer.from(data.bytes.buffer, data.bytes.byteOffset).toString('latin1', start, end);
}

const isNull = ({ length, nullCount, valid }: ColumnData, i: number): boolean =>
  nullCount === length || (valid !== null && valid[i] === 0);
