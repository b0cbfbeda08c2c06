/**
 * Records of objects, one object after the other, on their way into the columns of a batch. What is certain to be a row,
 * or a duplicate of one, takes the fast path (records/scan); everything else is interpreted by the reference path.
 */
import type { Config } from '../config/config.ts';
import type { ObjectCounts } from '../ledger/entry.ts';
import { placeOfRecord } from '../ledger/subject-digest.ts';
import type { Frame } from '../records/frame/frame.ts';
import type { FastPath } from '../records/frame/framer.ts';
import { frameRecords } from '../records/frame/index.ts';
import { rowIdentity } from '../records/identity.ts';
import type { Limits } from '../records/limits.ts';
import type { ObjectFacts } from '../records/object-facts.ts';
import type { RecordOutcome, Rejection, RejectionCode, RowOutcome, Skip, SkipReason } from '../records/outcome.ts';
import { frameKey, keyOfFrame, quarantineRow } from '../records/quarantine.ts';
import type { RecordReader } from '../records/record-reader.ts';
import type { RowWriter } from '../records/scan/row-writer.ts';
import { dayOfMicros } from '../records/time.ts';
import type { SequenceCollector } from '../sequences/collector.ts';
import { subjectColumns } from '../sources/registry.ts';
import type { Source } from '../sources/source.ts';
import type { ObjectInfo } from '../store/store.ts';
import { partitionColumn } from '../tables/declaration.ts';
import { quarantine } from '../tables/quarantine.ts';
import type { ErasedRows, GivenRecords, PriorRows } from './existing-rows.ts';
import { ObjectFault, TooManyRejected } from './fetch.ts';
import { increase, Tally } from './object-counts.ts';
import type { TableWriter } from './table-writer.ts';

/** Rows that the warehouse has of an object already, which become no rows a second time. */
export interface Prior {
  readonly events: PriorRows;
  readonly quarantine: PriorRows;
  readonly erased: ErasedRows;
}

/** What is to be known of an object while it is read; nothing of most. */
export interface Known {
  readonly prior?: Prior;
  /** To be told of every record. */
  readonly given?: GivenRecords;
}

/** Takes the rows of quarantine. */
export type RejectedRows = Pick<TableWriter, 'append'>;

/** Writes what the objects of one batch hold, and counts it. */
export class RecordWriter {
  /** The rows of the event table that are waiting to become files. */
  readonly rows: RowWriter;
  /** Values of another type than their column's, by column. */
  readonly typeMismatches = new Map<string, number>();
  /** Quarantined records by reason. */
  readonly reasons = new Map<RejectionCode, number>();
  /** Lines left out, by reason. */
  readonly skips = new Map<SkipReason, number>();
  /** Records that took the reference path. */
  fallbacks = 0;
  /** Of the rows, those that share their id with another row of the batch and differ from it. */
  conflicts = 0;
  readonly source: Source;
  readonly limits: Limits;
  readonly quarantine: RejectedRows;
  readonly #days = new Set<string>();
  readonly #dayAt: number;
  readonly #subjectsAt: readonly number[];
  readonly #instanceAt: number;

  readonly sequences: SequenceCollector | undefined;

  /**
   * `sequences` is told of records in quarantine that say their number. With no `batch.identityBytes` records that the batch
   * has already become rows all the same.
   */
  constructor(
    source: Source,
    { limits, batch }: Pick<Config, 'limits' | 'batch'>,
    quarantineTable: RejectedRows,
    sequences?: SequenceCollector,
  ) {
    this.source = source;
    this.sequences = sequences;
    this.limits = limits;
    this.quarantine = quarantineTable;
    this.rows = source.writers.acquire((day) => this.#admit(day), batch.identityBytes);
    const indexOf = (name: string): number => source.table.columns.findIndex((column) => column.name === name);
    this.#dayAt = indexOf(partitionColumn);
    this.#instanceAt = source.sequence === undefined ? -1 : indexOf(source.sequence.instance);
    this.#subjectsAt = (subjectColumns.get(source.table.name) ?? []).map(indexOf);
  }

  /** To be written to the end before the next one is opened. */
  open(object: ObjectInfo, known: Known): ObjectRecords {
    return new ObjectRecords(this, object, known);
  }

  /** The row's day where it is one more than a batch may touch. */
  dayBeyond({ values }: RowOutcome): string | undefined {
    const day = String(values[this.#dayAt]);
    return this.#admit(day) ? undefined : day;
  }

  /** Who made the record of a row, where its source says so. */
  instanceOf({ values }: RowOutcome): string | null {
    return this.#instanceAt < 0 ? null : (values[this.#instanceAt] as string | null);
  }

  /** Whom a row is about: what an erasure goes by. */
  subjectsOf({ values }: RowOutcome): string[] {
    return this.#subjectsAt
      .map((at) => values[at])
      .filter((value) => value !== null)
      .map(String);
  }

  /** Gives the memory of the rows back. */
  release(): void {
    this.source.writers.release(this.rows);
  }

  /** Whether rows of the day may go into the batch, which from then on has it. */
  #admit(day: string): boolean {
    if (this.#days.has(day)) return true;
    if (this.#days.size >= this.limits.daysPerBatch) return false;
    this.#days.add(day);
    return true;
  }
}

/** The records of one object. */
class ObjectRecords {
  readonly #batch: RecordWriter;
  readonly #object: ObjectInfo;
  readonly #facts: ObjectFacts;
  readonly #prior: Prior | undefined;
  readonly #given: GivenRecords | undefined;
  readonly #reader: RecordReader;
  readonly #tally = new Tally();
  /** Records that cannot be rows, those included that are in quarantine already. */
  #rejected = 0;

  constructor(batch: RecordWriter, object: ObjectInfo, { prior, given }: Known) {
    const { source, rows } = batch;
    this.#batch = batch;
    this.#object = object;
    this.#prior = prior;
    this.#given = given;
    this.#facts = source.describeObject(object.uri);
    this.#reader = source.openObject(object.uri, this.#facts);
    rows.open(object.uri, this.#facts.columns);
  }

  /** `body`: its decompressed bytes. Yields now and then, when the columns may be emptied. Throws ObjectFault. */
  async *write(body: AsyncIterable<Uint8Array>): AsyncGenerator<void> {
    // Earlier rows are found by their values, which only the reference path gives.
    const isPlain = this.#prior === undefined && this.#given === undefined;
    const fastPath = isPlain ? this.#fastPath() : undefined;
    try {
      for await (const frames of frameRecords(this.#tally.measured(body), this.#batch.limits, fastPath)) {
        for (const frame of frames) this.#interpret(frame);
        // What they stand in may be another chunk's memory from here on.
        this.#batch.rows.settle();
        yield;
      }
    } finally {
      this.#batch.rows.settle();
    }
    this.#reader.end(this.#take);
  }

  /** What became of its records. To be called once all of it is written. */
  end(): ObjectCounts {
    const { rows, source, typeMismatches } = this.#batch;
    this.#tally.taken(rows.taken);
    for (const mismatches of [this.#reader.typeMismatches, rows.mismatches])
      for (const [column, count] of mismatches) increase(typeMismatches, column, count);
    for (const [reason, count] of this.#tally.skips) increase(this.#batch.skips, reason, count);
    this.#batch.fallbacks += this.#tally.fallbacks;
    this.#batch.conflicts += this.#tally.conflicts;
    return this.#tally.counts(this.#object, source.mapping?.current ?? null);
  }

  #fastPath(): FastPath {
    const { rows } = this.#batch;
    return {
      takeLines: (bytes, start, end, offset, recordBytes) => rows.takeLines(bytes, start, end, offset, recordBytes),
      takeValues: (bytes, start, end, offset, recordBytes, inArray) =>
        rows.takeValues(bytes, start, end, offset, recordBytes, inArray),
      takeRecord: (bytes, start, end, offset) => rows.takeRecord(bytes, start, end, offset),
      fallBack: (frame) => {
        this.#interpret(frame, rows.begun());
        const { form } = this.#reader;
        if (form !== undefined) rows.learn(form);
      },
    };
  }

  /** `begun`: so many records of its list are written already. */
  #interpret(frame: Frame, begun = 0): void {
    this.#reader.read(frame, this.#take, begun);
  }

  readonly #take = (outcome: RecordOutcome, origin: Frame): void => {
    this.#tally.records++;
    this.#tally.fallbacks++;
    if (outcome.kind === 'skip') this.#skip(outcome);
    else if (outcome.kind === 'quarantine') this.#reject(outcome, origin);
    else this.#append(outcome, origin);
  };

  #skip({ reason, evidence }: Skip): void {
    increase(this.#tally.skips, reason, 1);
    if (evidence !== undefined) this.#batch.sequences?.takeEvidence(this.#object.uri, evidence);
  }

  #append(row: RowOutcome, origin: Frame): void {
    const { rows, source, limits, sequences } = this.#batch;
    const instance = this.#batch.instanceOf(row);
    if (instance !== null) sequences?.sawRecord(this.#object.uri, instance, Number(row.eventTime));
    this.#given?.addRow(rowIdentity(source.table, row.values), keyOfFrame(origin));
    if (this.#prior?.events.take(rowIdentity(source.table, row.values))) {
      if (row.identity !== null) rows.compare(row.identity);
      this.#tally.duplicates++;
      return;
    }
    const at = placeOfRecord(origin.offset, row.eventTime);
    if (this.#prior?.erased.has(this.#batch.subjectsOf(row), at, row.identity?.content)) {
      this.#tally.duplicates++;
      return;
    }
    const day = this.#batch.dayBeyond(row);
    if (day !== undefined) {
      const detail = `${day} is beyond the ${limits.daysPerBatch} days that one batch may touch`;
      this.#reject({ kind: 'quarantine', code: 'too_many_days', pointer: '', detail }, origin);
      return;
    }
    const compared = row.identity === null ? 'new' : rows.compare(row.identity);
    if (compared === 'duplicate') {
      this.#tally.duplicates++;
      return;
    }
    if (compared === 'conflict') this.#tally.conflicts++;
    rows.append(row.values);
    this.#tally.row(row.eventTime);
  }

  #reject(rejection: Rejection, origin: Frame): void {
    const { limits, source, quarantine: table, reasons, sequences } = this.#batch;
    const { uri, lastModified } = this.#object;
    if (++this.#rejected > limits.rejectedRecords) throw new ObjectFault(uri, new TooManyRejected(uri, limits));
    const context = { sourceType: source.type, uri, facts: this.#facts, lastModified };
    const values = quarantineRow(context, origin, rejection);
    this.#given?.addRejected(frameKey(values));
    const { numbered, eventTime } = rejection;
    if (numbered !== undefined && eventTime !== undefined)
      sequences?.takeRejected(uri, dayOfMicros(eventTime), numbered, Number(eventTime));
    if (this.#prior?.quarantine.take(rowIdentity(quarantine, values))) {
      this.#tally.duplicates++;
      return;
    }
    table.append(values);
    this.#tally.quarantined++;
    increase(reasons, rejection.code, 1);
  }
}
