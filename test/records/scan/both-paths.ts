/**
 * Runs records through the reference path and through the fast path, as jobs/ingest.ts does, and holds that they agree:
 * a record that the fast path takes is a row on the reference path too, or a duplicate there, with the same values in all
 * columns and with the same identity and mismatches (what shows only once records are settled is checked by `compareRows`).
 */
import { isUtf8 } from 'node:buffer';
import { isDeepStrictEqual } from 'node:util';
import { expect } from 'vitest';
import type { ColumnBatch, ColumnData, ScalarData } from '../../../src/columns/batch.ts';
import { KernelTable } from '../../../src/kernel/table.ts';
import type { Frame } from '../../../src/records/frame/frame.ts';
import { NEWLINE, OPEN_BRACE } from '../../../src/records/frame/framer.ts';
import { objectEnd } from '../../../src/records/frame/lines.ts';
import { isSpace } from '../../../src/records/grammar.ts';
import type { ObjectFacts } from '../../../src/records/object-facts.ts';
import type { RecordIdentity, RecordOutcome } from '../../../src/records/outcome.ts';
import { type ReadRecord, readFrames } from '../../../src/records/read-records.ts';
import type { RecordReader } from '../../../src/records/record-reader.ts';
import type { Compared, RowWriter } from '../../../src/records/scan/row-writer.ts';
import type { Source } from '../../../src/sources/source.ts';

export type Verdict = 'fast' | 'slow' | 'quarantine' | 'skip';

export interface Way {
  /** What stands before and behind the record in the buffer that the fast path scans. */
  readonly around?: readonly [before: string, after: string];
  /** The fast path is not asked: it is given the row of the reference path. */
  readonly slowly?: boolean;
  /** The record does not share its memory with those before it. */
  readonly alone?: boolean;
}

/** As large as a hundred records: more than the fast path takes in one run. */
const chunkBytes = 64 << 10;
/** Behind so many lines one after the other at most comes a record that is given as what it is, which ends a run. */
const mostLines = 150;

export const defaultUri = 's3://audit-logs/eopa=e1/first_ts=1689094800/last_ts=1689094860/batch_id=b1.jsonl';

/** One at a time: a new one takes the memory of the one before. */
export class BothPaths {
  static #last: BothPaths | undefined;
  /** Records taken, by what became of them. */
  readonly counts = { fast: 0, slow: 0, quarantine: 0, skip: 0, duplicate: 0 };
  readonly #source: Source;
  readonly #slow: KernelTable;
  /** Contents, by id; those of records without one by null. */
  readonly #contents = new Map<string | null, Set<string>>();
  readonly #writer: RowWriter;
  #reader!: RecordReader;
  #offset = 0;
  #chunk = Buffer.alloc(0);
  #used = 0;
  /** How many more records that may be lines are given as lines, and how many it will be the next time. */
  #linesLeft = 0;
  #linesNext = 1;
  /** Of the open object, what the fast path has to make of the records that it took. */
  #expected = { rows: 0, duplicates: 0, conflicts: 0 };
  /** Of the records that the fast path took since it opened the object, by the reference path. */
  #mismatches = new Map<string, number>();
  /** Records that the fast path took, whose identities are still to be compared. */
  #taken: { readonly bytes: Uint8Array; readonly identity: RecordIdentity | null }[] = [];

  constructor(source: Source, uri = defaultUri) {
    this.#source = source;
    this.#slow = new KernelTable(source.table.columns);
    const last = BothPaths.#last;
    if (last !== undefined) {
      last.#source.writers.release(last.#writer);
      last.#slow.release();
    }
    BothPaths.#last = this;
    this.#writer = source.writers.acquire(() => true);
    this.open(uri);
  }

  /** The records that follow come from this object. */
  open(uri: string, facts: ObjectFacts = this.#source.describeObject(uri)): void {
    this.#compareTaken();
    this.#mismatches.clear();
    this.#expected = { rows: 0, duplicates: 0, conflicts: 0 };
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

  takeFrame(frame: Frame, way: Way = {}): Verdict {
    const { bytes } = frame;
    const before = new Map(this.#reader.typeMismatches);
    const [{ outcome }] = readFrames(this.#reader, [frame]) as [ReadRecord];
    const mismatches = increases(before, this.#reader.typeMismatches);
    const taken = this.#recordsTaken;
    const mayBeCertain = way.slowly !== true && frame.tooLarge === undefined && isUtf8(bytes);
    const certain = mayBeCertain && this.#offer(frame, way);
    if (certain) {
      if (this.#recordsTaken !== taken + 1) throw new Error('a record is a row or a duplicate');
      this.#expect(outcome, frame, mismatches);
    } else if (outcome.kind === 'row') {
      const { identity, values } = outcome;
      const compared = this.#compare(identity);
      expect(identity === null ? 'new' : this.#writer.compare(identity)).toBe(compared);
      if (compared !== 'duplicate') for (const buffer of [this.#slow, this.#writer]) buffer.append(values);
      else this.counts.duplicate++;
    }
    const verdict = certain ? 'fast' : outcome.kind === 'row' ? 'slow' : outcome.kind;
    this.counts[verdict]++;
    return verdict;
  }

  get #recordsTaken(): number {
    return this.#writer.rows + this.#writer.taken.duplicates;
  }

  /** Whether the fast path takes the record, as a line or as what it is. */
  #offer({ bytes, offset }: Frame, { around = ['', ''], alone = false }: Way): boolean {
    const [head, tail] = around.map((text) => Buffer.from(text)) as [Buffer, Buffer];
    const isLine = this.#isLine(bytes);
    const end = isLine ? Buffer.from('\n') : tail;
    const [chunk, place] = this.#place([head, bytes, end], alone);
    const start = place + head.length;
    if (!isLine) return this.#writer.takeRecord(chunk, start, start + bytes.length, offset);
    const behind = start + bytes.length + 1;
    const taken = this.#writer.takeLines(chunk, start, behind, offset, bytes.length);
    if (taken !== start && taken !== behind) throw new Error(`stopped at ${taken - start} of ${bytes.length + 1}`);
    return taken === behind;
  }

  #isLine(bytes: Uint8Array): boolean {
    if (bytes.includes(NEWLINE) || hasSecond(bytes)) return false;
    if (this.#linesLeft-- > 0) return true;
    this.#linesLeft = this.#linesNext;
    this.#linesNext = (this.#linesNext % mostLines) + 1;
    return false;
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

  #compare(identity: RecordIdentity | null): Compared {
    if (identity === null) return 'new';
    const { id } = identity;
    const contents = this.#contents.get(id) ?? new Set<string>();
    this.#contents.set(id, contents);
    const content = Buffer.from(identity.content).toString('latin1');
    if (contents.has(content)) return 'duplicate';
    contents.add(content);
    return id !== null && contents.size > 1 ? 'conflict' : 'new';
  }

  /** What the fast path made of a record shows once it is settled. */
  #expect(outcome: RecordOutcome, { bytes }: Frame, mismatches: Counts): void {
    if (outcome.kind !== 'row') {
      const text = Buffer.from(bytes).toString();
      throw new Error(`accepted what the reference path makes ${JSON.stringify(outcome)} of: ${text}`);
    }
    const compared = this.#compare(outcome.identity);
    this.#taken.push({ bytes: Buffer.from(bytes), identity: outcome.identity });
    if (compared === 'duplicate') {
      this.#expected.duplicates++;
      this.counts.duplicate++;
      return;
    }
    this.#expected.rows++;
    if (compared === 'conflict') this.#expected.conflicts++;
    this.#slow.append(outcome.values);
    for (const [column, count] of Object.entries(mismatches)) {
      this.#mismatches.set(column, (this.#mismatches.get(column) ?? 0) + count);
    }
  }

  #compareTaken(): void {
    const mismatches = new Map(this.#writer.mismatches);
    if (!isDeepStrictEqual(mismatches, this.#mismatches)) expect(mismatches).toEqual(this.#mismatches);
    expect(this.#writer.taken).toMatchObject(this.#expected);
  }

  /** The identities of both paths count as one and the same, whichever comes first. */
  #compareIdentities(): void {
    const { writers } = this.#source;
    for (const { bytes, identity } of this.#taken) {
      const orders = [
        (take: () => boolean, add: () => boolean) => [take(), add()],
        (take: () => boolean, add: () => boolean) => [add(), take()].reverse(),
      ].map((inOrder) => {
        const writer = writers.acquire(() => true);
        writer.open('', {});
        const take = (): boolean => {
          const isTaken = writer.takeRecord(bytes, 0, bytes.length, 0);
          writer.settle();
          return isTaken && writer.taken.rows === 1;
        };
        const result = inOrder(take, () => identity === null || writer.compare(identity) === 'new');
        writers.release(writer);
        return result;
      });
      const expected = identity === null ? [true, true] : [true, false];
      const wanted = [expected, identity === null ? expected : [false, true]];
      if (!isDeepStrictEqual(orders, wanted)) throw new Error(`another identity: ${Buffer.from(bytes).toString()}`);
    }
    this.#taken = [];
  }

  /** All rows since the last clear, column by column. */
  compareRows(): void {
    const [slow, fast] = [rowsOf(this.#slow.batch()), rowsOf(this.#writer.batch())];
    if (!isDeepStrictEqual(fast, slow)) expect(fast).toEqual(slow);
    this.#compareTaken();
    this.#compareIdentities();
  }

  /** Compares, and begins a new set of rows as after a flush. */
  clear(): void {
    this.compareRows();
    this.#slow.clear();
    this.#writer.clear();
  }
}

/** Whether another object follows the first one, which as a line would be a record by itself. */
function hasSecond(bytes: Uint8Array): boolean {
  if (bytes[0] !== OPEN_BRACE) return false;
  const text = Buffer.from(bytes);
  return text.subarray(objectEnd(text, 0)).find((byte) => !isSpace(byte)) === OPEN_BRACE;
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
    if (data.length < rows) throw new Error(`column ${name} has ${data.length} of ${rows} rows`);
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
