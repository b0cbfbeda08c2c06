/**
 * Gathers the numbers of the records of a batch, day by day and instance by instance, from columns that are about to
 * become files. A pass over three columns, by the codes of their dictionaries: a text is made once for each instance and
 * day that the columns hold, and no value is boxed.
 */
import type { ColumnBatch, ColumnData, StringData } from '../columns/batch.ts';
import type { Value } from '../columns/types.ts';
import { compareText } from '../text/order.ts';
import { type Evidence, EvidenceBook } from './evidence.ts';
import { Longs } from './longs.ts';
import { type NumberRange, NumberSet, unionOfRanges } from './number-set.ts';
import { instanceKey, longestInstance, type SequenceKind, toRows } from './rows.ts';

/** Columns of a table of events that say who counts, and how far. */
export interface SequenceColumns {
  readonly number: string;
  readonly instance: string;
}

/** What a record says that did not become a row. */
export interface NumberedRecord {
  readonly number: number;
  readonly instance: string;
}

interface Gathered {
  readonly ymd: string;
  readonly kind: SequenceKind;
  readonly instance: string | null;
  readonly numbers: NumberSet;
  /** There are records that have no number. */
  isUnnumbered: boolean;
  firstTime: number;
  lastTime: number;
}

/** When one instance made records of one object; both by their codes. */
interface ObjectSpan {
  readonly object: number;
  readonly instance: number;
  firstTime: number;
  lastTime: number;
}

/** Ranges, and instances at a fixed price, that are held before rows are made of them. */
const mostHeld = 200_000;
const rangesPerInstance = 16;

const ymdColumn = 'ymd';
const timeColumn = 'event_time';
const objectColumn = 'source_uri';

export class SequenceCollector {
  readonly #columns: SequenceColumns;
  readonly #source: string;
  readonly #batch: string;
  readonly #evidence = new EvidenceBook();
  #gathered = new Map<string, Gathered>();

  /** `source` and `batch` go into the rows. */
  constructor(columns: SequenceColumns, source: string, batch: string) {
    this.#columns = columns;
    this.#source = source;
    this.#batch = batch;
  }

  /** Whether what is held should become rows before more comes. */
  get isFull(): boolean {
    let held = 0;
    for (const { numbers } of this.#gathered.values()) held += numbers.size + rangesPerInstance;
    return held > mostHeld;
  }

  /**
   * The rows of a table of events. Only reads. Records of an object come one after another, most of them of one instance and
   * day: what is said of such a run is said once. The loops over rows are functions of their own, and small, since V8 compiles
   * a loop anew with all that it calls whenever it meets something new in it.
   */
  take(batch: ColumnBatch): void {
    const { rows } = batch;
    const days = new Texts(column(batch, ymdColumn), rows);
    const instances = new Texts(column(batch, this.#columns.instance), rows);
    const objects = new Texts(column(batch, objectColumn), rows);
    const numbers = new Longs(column(batch, this.#columns.number));
    const times = new Longs(column(batch, timeColumn));
    const known = new Map<number, Gathered>();
    const seen = new Map<number, ObjectSpan>();
    for (let from = 0; from < rows; ) {
      const to = endOfRun(days.codes, instances.codes, objects.codes, from, rows);
      const instance = instances.codes[from]!;
      const day = days.codes[from]!;
      let gathered = known.get(pairOf(day, instance));
      if (gathered === undefined) {
        gathered = this.#gatheredOf(days.text(day)!, 'decision', usable(instances.text(instance)));
        known.set(pairOf(day, instance), gathered);
      }
      const [first, last] = times.bounds(from, to);
      addNumbers(gathered, numbers, from, to);
      widen(gathered, first, last);
      const object = objects.codes[from]!;
      const span = seen.get(pairOf(object, instance));
      if (span !== undefined) widen(span, first, last);
      else seen.set(pairOf(object, instance), { object, instance, firstTime: first, lastTime: last });
      from = to;
    }
    this.#sawObjects(seen, objects, instances);
  }

  /** A record in quarantine has arrived too. `time` in microseconds since the epoch, of the UTC day `ymd`. */
  takeRejected(uri: string, ymd: string, { number, instance }: NumberedRecord, time: number): void {
    const name = usable(instance);
    if (name === null || !isCounted(number)) return;
    const gathered = this.#gatheredOf(ymd, 'quarantined', name);
    gathered.numbers.add(number);
    widen(gathered, time, time);
    this.#evidence.sawRecords(uri, name, time, time);
  }

  /** A record of the object that is in the warehouse already. */
  sawRecord(uri: string, instance: string, time: number): void {
    const name = usable(instance);
    if (name !== null) this.#evidence.sawRecords(uri, name, time, time);
  }

  /** A line of the object that says something of its producer's requests. */
  takeEvidence(uri: string, evidence: Evidence): void {
    this.#evidence.add(uri, evidence);
  }

  /** The object could not be read to its end. */
  forgetEvidence(uri: string): void {
    this.#evidence.forget(uri);
  }

  /** Rows of what the lines of all objects say, which are read to their ends; before `rows` is called for the last time. */
  *evidenceRows(): Generator<Value[]> {
    const sets = new Map<string, NumberRange[][]>();
    for (const { instance, numbers } of this.#gathered.values()) {
      if (instance === null) continue;
      const ofInstance = sets.get(instance) ?? [];
      sets.set(instance, ofInstance);
      ofInstance.push(numbers.ranges());
    }
    const arrived = new Map([...sets].map(([instance, all]) => [instance, unionOfRanges(all)]));
    for (const { use, instance, ...used } of this.#evidence.settle((name) => arrived.get(name) ?? [])) {
      const name = usable(instance);
      if (name === null) continue;
      const owner = { instance: name, instanceKey: instanceKey(name), source: this.#source, batch: this.#batch };
      yield* toRows({ ...owner, ...used, kind: use });
    }
  }

  /** Which instances made the records of each object, and when. */
  #sawObjects(seen: ReadonlyMap<number, ObjectSpan>, objects: Texts, instances: Texts): void {
    for (const { object, instance, firstTime, lastTime } of seen.values()) {
      const [uri, name] = [objects.text(object), usable(instances.text(instance))];
      if (uri !== undefined && name !== null) this.#evidence.sawRecords(uri, name, firstTime, lastTime);
    }
  }

  /** Rows of the table `sequences` in its order, of all that is held; holds nothing afterwards. */
  *rows(): Generator<Value[]> {
    const all = [...this.#gathered.values()]
      .map((one) => ({ ...one, instanceKey: instanceKey(one.instance) }))
      .sort(
        (a, b) =>
          compareText(a.ymd, b.ymd) ||
          Number(a.instanceKey > b.instanceKey) - Number(a.instanceKey < b.instanceKey) ||
          compareText(a.kind, b.kind) ||
          compareText(a.instance ?? '', b.instance ?? ''),
      );
    this.#gathered = new Map();
    for (const { numbers, isUnnumbered, ...owner } of all) {
      const row = { ...owner, source: this.#source, batch: this.#batch };
      const ranges = numbers.ranges();
      if (isUnnumbered) yield* toRows({ ...row, ranges: [] });
      if (ranges.length > 0) yield* toRows({ ...row, ranges });
    }
  }

  #gatheredOf(ymd: string, kind: SequenceKind, instance: string | null): Gathered {
    const key = `${ymd} ${kind} ${instance ?? ''}`;
    let gathered = this.#gathered.get(key);
    if (gathered === undefined) {
      const times = { firstTime: Number.POSITIVE_INFINITY, lastTime: Number.NEGATIVE_INFINITY };
      gathered = { ymd, kind, instance, numbers: new NumberSet(), isUnnumbered: false, ...times };
      this.#gathered.set(key, gathered);
    }
    return gathered;
  }
}

/** One number for two codes. Both are below 2^26: there are no more rows than that in memory. */
const pairOf = (code: number, other: number): number => (code + 1) * 2 ** 26 + other + 1;

/** Up to which row the codes are those of row `from`. */
function endOfRun(days: Int32Array, instances: Int32Array, objects: Int32Array, from: number, rows: number): number {
  const [day, instance, object] = [days[from]!, instances[from]!, objects[from]!];
  let row = from + 1;
  while (row < rows && days[row] === day && instances[row] === instance && objects[row] === object) row++;
  return row;
}

function addNumbers(gathered: Gathered, numbers: Longs, from: number, to: number): void {
  if (numbers.isEmpty) {
    gathered.isUnnumbered = true;
    return;
  }
  for (let row = from, end = row; row < to; row = end) {
    end = numbers.endOfCount(row, to);
    const [first, last] = [numbers.at(row), numbers.at(end - 1)];
    if (gathered.instance !== null && isCounted(first) && isCounted(last)) gathered.numbers.addRange(first, last);
    else for (let each = row; each < end; each++) addNumber(gathered, numbers.at(each));
  }
}

function addNumber(gathered: Gathered, number: number): void {
  if (gathered.instance !== null && isCounted(number)) gathered.numbers.add(number);
  else gathered.isUnnumbered = true;
}

function widen(span: { firstTime: number; lastTime: number }, first: number, last: number): void {
  if (first < span.firstTime) span.firstTime = first;
  if (last > span.lastTime) span.lastTime = last;
}

/** Counters begin at 1. What is not exact as a double was never counted to by one. */
const isCounted = (number: number): boolean => number >= 1 && number < Number.MAX_SAFE_INTEGER;

const usable = (instance: string | undefined): string | null =>
  instance === undefined || instance === '' || instance.length > longestInstance ? null : instance;

function column(batch: ColumnBatch, name: string): ColumnData {
  const found = batch.columns.find((one) => one.name === name);
  if (found === undefined) throw new Error(`the table has no column ${name}, by which its records are counted`);
  return found.data;
}

/** The texts of a column, each by a small number of its own: -1 for none. */
class Texts {
  /** By row. */
  readonly codes: Int32Array;
  readonly #data: StringData;
  /** Rows by code, where the column has no dictionary. */
  readonly #rows: number[] | undefined;

  constructor(data: ColumnData, rows: number) {
    this.#data = data as StringData;
    const { codes, valid } = this.#data;
    if (data.nullCount === data.length) this.codes = new Int32Array(rows).fill(-1);
    else if (codes === null) [this.codes, this.#rows] = codesOf(this.#data, rows);
    else this.codes = valid === null ? codes : codes.map((code, row) => (valid[row] === 1 ? code : -1));
  }

  text(code: number): string | undefined {
    if (code < 0) return undefined;
    const entry = this.#rows === undefined ? code : this.#rows[code]!;
    const { offsets, bytes } = this.#data;
    // Up to four bytes are a character; a longer text is not worth making.
    if (offsets[entry + 1]! - offsets[entry]! > longestInstance * 4) return undefined;
    return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString(
      'utf8',
      offsets[entry],
      offsets[entry + 1],
    );
  }
}

/** Codes for a column that has too many different texts for a dictionary, and a row that has the text of each. */
function codesOf({ valid, offsets, bytes }: StringData, rows: number): [codes: Int32Array, rows: number[]] {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const codes = new Int32Array(rows).fill(-1);
  const known = new Map<string, number>();
  const rowOf: number[] = [];
  for (let row = 0; row < rows; row++) {
    if (valid !== null && valid[row] !== 1) continue;
    const value = text.toString('latin1', offsets[row], offsets[row + 1]);
    let code = known.get(value);
    if (code === undefined) {
      code = rowOf.push(row) - 1;
      known.set(value, code);
    }
    codes[row] = code;
  }
  return [codes, rowOf];
}
