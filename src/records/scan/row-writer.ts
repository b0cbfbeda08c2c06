/**
 * From bytes straight into the columns of a table, in the kernel: the fast path of a source. It gives the same rows as
 * the reference path (sources/interpreter.ts) for every record that it takes, and takes only what that path would make a
 * row of, or a duplicate. What it leaves goes through the reference path, whose rows are appended here too.
 *
 * A writer is good for one batch after another (`begin`) and keeps its memory, so a source has a pool of them.
 */
import { createHash } from 'node:crypto';
import type { ColumnBatch } from '../../columns/batch.ts';
import type { RowBuffer } from '../../columns/row-buffer.ts';
import { isScalar, type Value } from '../../columns/types.ts';
import {
  Field_EventTime,
  Field_Extra,
  Field_Ip,
  Field_IpKey,
  Field_Json,
  Field_ObjectLong,
  Field_ObjectText,
  Field_Offset,
  Field_Port,
  Field_Ymd,
  Record_Conflict,
  Record_Duplicate,
  Record_New,
} from '../../kernel/assembly/codes.ts';
import { KernelColumn } from '../../kernel/columns.ts';
import { type Host, kernel as kernelOfThread } from '../../kernel/kernel.ts';
import type { TableDeclaration } from '../../tables/declaration.ts';
import type { MappedColumn } from '../../tables/mapping.ts';
import type { AnnotatedSchema, Extraction } from '../../tables/schema.ts';
import { ipKey, splitAddress } from '../address.ts';
import type { ComputedColumn } from '../computed.ts';
import type { EnvelopeForm } from '../envelope/form.ts';
import { comparedColumns, extraColumn } from '../identity.ts';
import type { RecordIdentity } from '../outcome.ts';
import { dayText, parseTime } from '../time.ts';
import { mappedField, type PathField, pathField, plainTags } from './fields.ts';
import { addForm, keyOfForm } from './forms.ts';
import { compile, indexOfPath, type Wanted } from './program.ts';

export interface RowWriterSpec {
  readonly table: TableDeclaration;
  readonly schema: AnnotatedSchema;
  readonly declared: readonly Extraction[];
  readonly mapped: readonly MappedColumn[];
  readonly promoted: readonly Extraction[];
  readonly computed: readonly ComputedColumn[];
  /** Whether columns are filled with what is around records: then those in envelopes are left to the reference path. */
  readonly readsEnvelope: boolean;
  readonly timeField: string;
  readonly zone: 'required' | 'utc';
  readonly maxDepth: number;
  /** The member that names a record; absent where nothing does. */
  readonly identityField?: string;
}

/** Whether rows of a day, YYYY-MM-DD, may go into the batch. Asked once for each day that the fast path meets. */
export type AdmitDay = (day: string) => boolean;

/** What the fast path made of the open object. */
export interface TakenCounts {
  readonly rows: number;
  readonly duplicates: number;
  /** Of the rows, those that share their id with a row of the batch whose content is another. */
  readonly conflicts: number;
  /** Microseconds since the epoch; null without rows. */
  readonly least: bigint | null;
  readonly greatest: bigint | null;
}

/** What a record is beside those of its batch: the same as one of them, new, or new beside others of its id. */
export type Compared = 'duplicate' | 'new' | 'conflict';

/** By the number that the kernel gives (kernel/assembly/identities.ts). */
const comparisons: Readonly<Record<number, Compared>> = {
  [Record_Duplicate]: 'duplicate',
  [Record_New]: 'new',
  [Record_Conflict]: 'conflict',
};

interface TableColumn {
  readonly name: string;
  readonly column: KernelColumn;
  readonly field: number;
}

/**
 * This thread's writers that wait for a batch, by what they write. What they are made of stays in the kernel for good, so that
 * sources which are made anew for each run, as those of a library's calls are, have to find them again.
 */
const idleWriters = new Map<string, RowWriter[]>();

/** Writers of one source, as many as it has had batches at a time. */
export class RowWriters {
  readonly #spec: RowWriterSpec;
  #idle: RowWriter[] | undefined;

  constructor(spec: RowWriterSpec) {
    this.#spec = spec;
  }

  /** A writer for an empty batch, which tells its records from each other by so many bytes of memory; by none each is new. */
  acquire(admit: AdmitDay, identityBytes = mostIdentityBytes): RowWriter {
    const writer = this.#waiting().pop() ?? new RowWriter(this.#spec);
    if (writer !== lastUsed) lastUsed?.giveBack();
    lastUsed = undefined;
    writer.begin(admit, identityBytes);
    return writer;
  }

  /** Takes a writer back, whose rows are of no use any more. */
  release(writer: RowWriter): void {
    this.#waiting().push(writer);
    lastUsed?.giveBack();
    lastUsed = writer;
  }

  #waiting(): RowWriter[] {
    if (this.#idle !== undefined) return this.#idle;
    const key = createHash('sha256').update(JSON.stringify(this.#spec)).digest('base64');
    this.#idle = idleWriters.get(key) ?? [];
    idleWriters.set(key, this.#idle);
    return this.#idle;
  }
}

/** The idle writer of this thread that keeps its memory for the next batch; there may be thousands of sources. */
let lastUsed: RowWriter | undefined;

/** Any number of records, as far as the kernel's memory goes. */
const mostIdentityBytes = 2 ** 30;

/** Forms of envelopes that are learned from one object: one that has a new one in each line is not worth it. */
const mostLearned = 64;

/** So many zero bytes stand behind a text: nothing of a token, so no token ends further on. */
export const endOfText = 16;

export class RowWriter implements RowBuffer {
  readonly #kernel = kernelOfThread();
  readonly #columns: readonly TableColumn[];
  readonly #writer: number;
  readonly #identities: number;
  readonly #host: Host;
  readonly #readsEnvelope: boolean;
  /** The forms that were learned last, by what they are. */
  readonly #forms = new Set<string>();
  #learned = 0;
  #admit: AdmitDay = () => true;
  #compares = true;
  /** Where a copy of the text is that records are taken of, and which text that is. */
  #place = 0;
  /** Where a copy of the record is that was offered alone. */
  #record = 0;
  #content = 0;
  #bytes: Uint8Array | undefined;
  #from = 0;
  #to = 0;

  constructor(spec: RowWriterSpec) {
    const { table, schema, declared, mapped, promoted, identityField } = spec;
    const kernel = this.#kernel;
    const { call } = kernel;
    const columnPaths = [...declared, ...promoted];
    const paths = [...columnPaths, ...mapped.flatMap(pathsOf)];
    const fields = columnPaths.map((path, i) => pathField(path, i >= declared.length, paths));
    const slotOf = (column: string): number => {
      const slot = fields.find((other) => other.column === column)?.slot ?? slotOfMapped(column);
      if (slot < 0) throw new Error(`no path gives the column ${column}`);
      return slot;
    };
    const slotOfMapped = (column: string): number => {
      const at = mapped.findIndex((other) => other.column === column);
      return at < 0 ? -1 : paths.length + at;
    };
    const timeSlot = indexOfPath(paths, [spec.timeField]);
    this.#readsEnvelope = spec.readsEnvelope;
    this.#identities = call.newIdentities();
    this.#writer = call.newWriter(
      compile(kernel, schema, paths, plainTags(fields, paths.length)),
      paths.length + mapped.length,
      Math.min(spec.maxDepth, 500),
      timeSlot,
      Number(spec.zone === 'required'),
      identityField === undefined ? -1 : slotOf(identityField),
      this.#identities,
    );
    const required = schema.required.map((name) => indexOfPath(paths, [name]));
    call.setRequired(this.#writer, kernel.block(required), required.length);
    this.#compareBy(spec.table, fields);

    this.#columns = table.columns.map(({ name, type }) => {
      const column = new KernelColumn(kernel, type);
      const mapping = mapped.find((other) => other.column === name);
      if (mapping !== undefined) {
        const field = this.#addMapped(mapping, slotOfMapped(name), paths, column);
        return { name, column, field };
      }
      const path = fields.find((field) => field.column === name);
      const computed = spec.computed.find((other) => other.column === name);
      const kind = ofRecord.get(name) ?? (type === 'string' ? Field_ObjectText : Field_ObjectLong);
      const { slot, holds, isDoubtful, ...field } = path ?? {
        ...nowhere,
        kind: computed?.field ?? kind,
        slot: computed ? slotOf(computed.from) : name === 'ymd' ? timeSlot : -1,
      };
      const place = call.addField(this.#writer, field.kind, slot, holds, Number(isDoubtful), column.place);
      return { name, column, field: place };
    });
    this.#host = {
      admitDay: (day) => this.#admit(dayText(day)),
      readTimestamp: (start, length, target) => {
        const time = parseTime(kernel.string(start, length), 'required');
        if (time !== null) kernel.view.setBigInt64(target, time, true);
        return time !== null;
      },
      partOfAddress: (part, start, length, target) => {
        const text = partOfAddress(part, kernel.string(start, length));
        if (text === null || typeof text === 'number') return text ?? -1;
        return Buffer.from(kernel.buffer, target).write(text);
      },
    };
  }

  /** An empty batch; `admit` stays with it. */
  begin(admit: AdmitDay, identityBytes: number): void {
    const { call } = this.#kernel;
    this.#admit = admit;
    this.#compares = identityBytes > 0;
    call.setComparing(this.#writer, Number(this.#compares));
    call.emptyRows(this.#writer);
    call.forgetOddKeys(this.#writer);
    call.openObject(this.#writer);
    call.emptyIdentities(this.#identities, Math.min(identityBytes, mostIdentityBytes));
    call.forgetDays(this.#writer);
  }

  /** Forgets all rows and gives their memory back. */
  giveBack(): void {
    const { call } = this.#kernel;
    call.releaseRows(this.#writer);
    call.emptyIdentities(this.#identities, 0);
    for (const place of [this.#place, this.#record, this.#content]) call.release(place);
    this.#place = 0;
    this.#record = 0;
    this.#content = 0;
    this.#bytes = undefined;
  }

  /** The records that follow come from this object; `constants` by column. */
  open(uri: string, constants: Readonly<Record<string, string | bigint | null>>): void {
    const { call } = this.#kernel;
    call.settle(this.#writer);
    call.openObject(this.#writer);
    this.#learned = 0;
    for (const [name, value] of [['source_uri', uri] as const, ...Object.entries(constants)]) {
      if (value === null) continue;
      const field = this.#column(name).field;
      if (typeof value === 'bigint') call.setLong(field, value);
      else {
        const { start, length } = this.#kernel.text(value);
        call.setText(field, start, length);
      }
    }
  }

  /**
   * Takes lines of bytes[start, end), which are valid UTF-8 and stand at `offset` of the object, and objects that another
   * one follows on their line. Returns where the first one begins that is in doubt, as one of more than `recordBytes` is,
   * or not complete; `end` where there is none. Bytes of the kernel's own memory are read where they stand: behind `end` the text goes
   * on, or ends with `endOfText` zero bytes, and all of it stays as it is until `settle`.
   */
  takeLines(bytes: Uint8Array, start: number, end: number, offset: number, recordBytes: number): number {
    const place = this.#placeOf(bytes, start, end);
    const to = this.#kernel.call.takeLines(this.#writer, place, place + end - start, offset, recordBytes);
    return start + to - place;
  }

  /** The same for objects that follow the value which ends at `start`, as `FastPath` has it (records/frame/framer.ts). */
  takeValues(
    bytes: Uint8Array,
    start: number,
    end: number,
    offset: number,
    recordBytes: number,
    inArray: boolean,
  ): number {
    const place = this.#placeOf(bytes, start, end);
    const to = this.#kernel.call.takeValues(this.#writer, place, place + end - start, offset, recordBytes, inArray);
    return start + to - place;
  }

  /** Puts what has been taken into the columns: nobody needs the texts any more that it stands in. */
  settle(): void {
    this.#kernel.call.settle(this.#writer);
  }

  /** Takes bytes[start, end), which are valid UTF-8, as one record; false where that is in doubt. */
  takeRecord(bytes: Uint8Array, start: number, end: number, offset: number): boolean {
    const { call } = this.#kernel;
    call.settle(this.#writer);
    const place = this.#copyTo(this.#record, bytes.subarray(start, end));
    this.#record = place;
    this.#kernel.host = this.#host;
    return call.takeRecord(this.#writer, place, place + end - start, offset) === 1;
  }

  /**
   * Where the record that was not taken last is a list of them: how many of its elements, from the first on, have been
   * taken all the same. Told once.
   */
  begun(): number {
    return this.#kernel.call.begunOf(this.#writer);
  }

  /** Records of the open object may stand in envelopes of this form, as one that the reference path has read. */
  learn(form: EnvelopeForm): void {
    if (this.#readsEnvelope || this.#learned === mostLearned) return;
    const key = keyOfForm(form);
    if (this.#forms.has(key)) return;
    this.#learned++;
    if (this.#forms.size === this.#kernel.call.mostForms()) this.#forms.delete(this.#forms.values().next().value!);
    this.#forms.add(key);
    addForm(this.#kernel, this.#writer, form);
  }

  /** What the fast path made of the open object so far; of what is not settled yet nothing. */
  get taken(): TakenCounts {
    const { call } = this.#kernel;
    const rows = call.takenOf(this.#writer);
    return {
      rows,
      duplicates: call.duplicatesOf(this.#writer),
      conflicts: call.conflictsOf(this.#writer),
      least: rows === 0 ? null : call.leastTime(this.#writer),
      greatest: rows === 0 ? null : call.greatestTime(this.#writer),
    };
  }

  /** How many values of other types than their column's were nulled since `open`, by column. */
  get mismatches(): ReadonlyMap<string, number> {
    const { call } = this.#kernel;
    call.settle(this.#writer);
    const counts = this.#columns.map(({ name, field }) => [name, call.mismatchesOf(field)] as const);
    return new Map(counts.filter(([, count]) => count > 0));
  }

  /** The same for a record of the reference path: whether the batch has it already, or another of its id. */
  compare({ id, content }: RecordIdentity): Compared {
    if (!this.#compares) return 'new';
    const { call } = this.#kernel;
    call.settle(this.#writer);
    const { start: idStart, length: idLength } = this.#kernel.text(id ?? '');
    const { start, length } = this.#copy(content);
    if (id === null) return comparisons[call.addContent(this.#identities, start, length)]!;
    return comparisons[call.addRecord(this.#identities, idStart, idLength, start, length)]!;
  }

  /** A row of the reference path. */
  append(values: readonly Value[]): void {
    const { call } = this.#kernel;
    call.settle(this.#writer);
    const row = call.rowsOf(this.#writer);
    for (const [i, { column }] of this.#columns.entries()) {
      const value = values[i];
      if (value !== null && value !== undefined) column.append(value, row);
    }
    call.endRow(this.#writer);
  }

  /** With records that are not settled yet: some of them may turn out to be duplicates. */
  get rows(): number {
    return this.#kernel.call.rowsOf(this.#writer);
  }

  get bytes(): number {
    this.#kernel.call.settle(this.#writer);
    return this.#kernel.call.bytesOfRows(this.#writer);
  }

  batch(): ColumnBatch {
    const { call } = this.#kernel;
    call.settle(this.#writer);
    call.padAll(this.#writer);
    const columns = this.#columns.map(({ name, column }) => ({ name, type: column.type, data: column.data() }));
    return { rows: this.rows, columns };
  }

  clear(): void {
    this.#kernel.call.emptyRows(this.#writer);
  }

  /** A column with alternatives, whose values are picked into a slot of its own. */
  #addMapped(mapping: MappedColumn, slot: number, paths: readonly Wanted[], column: KernelColumn): number {
    const kernel = this.#kernel;
    const { call } = kernel;
    const { kind, holds, alternatives } = mappedField(mapping);
    const field = call.addField(this.#writer, kind, slot, holds, 0, column.place);
    for (const [i, { path, is, join, lead, isAbove }] of mapping.alternatives.entries()) {
      const { action, usable } = alternatives[i]!;
      const document = is === 'present' && path.length > 1 ? indexOfPath(paths, path.slice(0, 1)) : -1;
      const place = call.addAlternative(field, indexOfPath(paths, path), action, usable, Number(isAbove), document);
      for (const [set, text] of [
        [call.setJoin, join],
        [call.setLead, lead],
      ] as const) {
        if (text === undefined) continue;
        const { start, length } = kernel.text(text);
        set(place, start, length);
      }
    }
    return field;
  }

  #column(name: string): TableColumn {
    const found = this.#columns.find((column) => column.name === name);
    if (found === undefined) throw new Error(`the table has no column ${name}`);
    return found;
  }

  /** Where bytes[start, end) are to be scanned. */
  #placeOf(bytes: Uint8Array, start: number, end: number): number {
    this.#kernel.host = this.#host;
    return bytes.buffer === this.#kernel.buffer ? bytes.byteOffset + start : this.#load(bytes, start, end);
  }

  /** Copies a text to the block, or to a larger one in its place. */
  #copyTo(block: number, text: Uint8Array): number {
    const { call, bytes } = this.#kernel;
    const { length } = text;
    let place = block;
    if (place === 0 || call.room(place) < length + endOfText) {
      call.release(place);
      place = call.allocate(length + endOfText);
    }
    this.#kernel.put(text, place);
    bytes.fill(0, place + length, place + length + endOfText);
    return place;
  }

  /** Where bytes[start, end) stand in the kernel's memory. Rows that stand in what was there before are settled. */
  #load(bytes: Uint8Array, start: number, end: number): number {
    if (bytes !== this.#bytes || start < this.#from || end > this.#to) {
      const { call } = this.#kernel;
      call.settle(this.#writer);
      this.#place = this.#copyTo(this.#place, bytes.subarray(start, end));
      this.#bytes = bytes;
      this.#from = start;
      this.#to = end;
    }
    return this.#place + start - this.#from;
  }

  /** A copy in a block of its own: `kernel.text` holds one text at a time. */
  #copy(bytes: Uint8Array): { readonly start: number; readonly length: number } {
    const { call } = this.#kernel;
    if (this.#content === 0 || call.room(this.#content) < bytes.length) {
      call.release(this.#content);
      this.#content = call.allocate(bytes.length);
    }
    this.#kernel.put(bytes, this.#content);
    return { start: this.#content, length: bytes.length };
  }

  /** Columns that no path gives, but for `extra`, have to be null in every record that the fast path takes. */
  #compareBy(table: TableDeclaration, fields: readonly PathField[]): void {
    const paths = new Map(fields.map((field) => [field.column, field]));
    const words = comparedColumns(table).flatMap(({ name, number }) => {
      const field = paths.get(name);
      if (field === undefined && name !== extraColumn) return [];
      return [number, field?.slot ?? -1, Number(field === undefined || field.kind === Field_Json)];
    });
    this.#kernel.call.setCompared(this.#writer, this.#kernel.block(words), words.length / 3);
  }
}

/** What the alternatives of a column are picked from. Only those of a list have elements to be noted. */
function pathsOf({ type, alternatives }: MappedColumn): Wanted[] {
  return alternatives.flatMap(({ path, is }) => [
    { path, type: isScalar(type) ? 'string' : type },
    // Whether the document is there at all tells a missing member from a missing answer.
    ...(is === 'present' ? [{ path: path.slice(0, 1), type: 'string' as const }] : []),
  ]);
}

const nowhere = { slot: -1, holds: 0, isDoubtful: false };

/** Columns that every table of events has. */
const ofRecord: ReadonlyMap<string, number> = new Map([
  ['ymd', Field_Ymd],
  ['event_time', Field_EventTime],
  ['source_offset', Field_Offset],
  ['extra', Field_Extra],
]);

/** What becomes of an address other than a plain IPv4 address. */
function partOfAddress(part: number, text: string): string | number | null {
  if (part === Field_IpKey) return ipKey(text);
  const { ip, port } = splitAddress(text);
  if (part === Field_Port) return port;
  return ip === null || part === Field_Ip ? ip : ipKey(ip);
}
