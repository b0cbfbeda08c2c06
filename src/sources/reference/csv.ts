/** CSV with a header to rows. The header names what each column is made of, in any order; other columns are left out. */
import { isUtf8 } from 'node:buffer';
import { parse } from 'csv-parse/sync';
import type { Scalar } from '../../columns/types.ts';
import type { Limits } from '../../records/limits.ts';
import type { Rejection } from '../../records/outcome.ts';
import { parseRecord, reject } from '../../records/parse.ts';
import { pointerSegment } from '../../records/validate.ts';
import { type CsvFrame, csvFrames } from './csv-frames.ts';
import type { SideColumn, SideRecord } from './side-table.ts';
import { fromText, isRejected } from './values.ts';

/** A CSV that is not one of the table: all of its rows would be wrong. */
export class CsvHeaderError extends Error {
  override readonly name = 'CsvHeaderError';
  readonly code = 'csv_header';
}

type Fields = readonly (string | null)[];

/** Throws CsvHeaderError where the header lacks a column of the table. */
export async function* readCsv(
  chunks: AsyncIterable<Buffer>,
  columns: readonly SideColumn[],
  limits: Pick<Limits, 'recordBytes' | 'nestingDepth'>,
): AsyncGenerator<SideRecord[]> {
  let header: Header | undefined;
  for await (const group of csvFrames(chunks, limits)) {
    const frames = header === undefined ? group.slice(1) : group;
    header ??= new Header(group[0]!, columns);
    yield readRows(frames, header, limits);
  }
}

function readRows(
  frames: readonly CsvFrame[],
  header: Header,
  limits: Pick<Limits, 'recordBytes' | 'nestingDepth'>,
): SideRecord[] {
  const rejections = frames.map((frame) => rejectionOf(frame, limits));
  const fields = fieldsOf(frames.filter((_, i) => rejections[i] === null));
  let next = 0;
  return frames.map((frame, i) => ({ frame, outcome: rejections[i] ?? header.row(fields[next++]!) }));
}

function rejectionOf(frame: CsvFrame, limits: Pick<Limits, 'recordBytes' | 'nestingDepth'>): Rejection | null {
  if (frame.tooLarge) {
    return reject(
      'record_too_large',
      '',
      `${frame.tooLarge.length} bytes, limits.record_bytes is ${limits.recordBytes}`,
    );
  }
  if (!isUtf8(frame.bytes)) return parseRecord(frame.bytes as Buffer, limits) as Rejection;
  return frame.isMalformed ? reject('malformed_csv', '', 'its quotes are broken (RFC 4180)') : null;
}

/** The fields of well-formed records; null where a field is empty without quotes. */
function fieldsOf(frames: readonly CsvFrame[]): Fields[] {
  const text = frames
    .map((frame) => Buffer.from(frame.bytes.buffer, frame.bytes.byteOffset, frame.bytes.length).toString())
    .join('\n');
  const records: Fields[] = parse(text, {
    record_delimiter: '\n',
    relax_column_count: true,
    cast: (value, { quoting }) => (value === '' && !quoting ? null : value),
  });
  if (records.length !== frames.length) throw new Error(`${frames.length} CSV records were read as ${records.length}`);
  return records;
}

/** Without the header itself: where there is none, its first line is a record, which has no place in a message. */
function headerError(name: string, at: number, width: number): CsvHeaderError {
  if (at >= 0) return new CsvHeaderError(`its header has more than one column "${name}"`);
  const hint = width === 1 ? ', and but one column: fields are separated by commas' : ` among its ${width} columns`;
  return new CsvHeaderError(`its header has no column "${name}"${hint}`);
}

class Header {
  readonly #width: number;
  readonly #columns: readonly { readonly column: SideColumn; readonly at: number; readonly pointer: string }[];

  constructor(frame: CsvFrame, columns: readonly SideColumn[]) {
    const isReadable = frame.tooLarge === undefined && !frame.isMalformed && isUtf8(frame.bytes);
    if (!isReadable) throw new CsvHeaderError('its first line is neither JSON nor the header of a CSV in UTF-8');
    const names = fieldsOf([frame])[0]!;
    this.#width = names.length;
    this.#columns = columns.map((column) => {
      const at = names.indexOf(column.from);
      if (at < 0 || names.indexOf(column.from, at + 1) >= 0) throw headerError(column.from, at, names.length);
      return { column, at, pointer: `/${pointerSegment(column.from)}` };
    });
  }

  /** One value for each column of the table, in its order. */
  row(fields: Fields): (Scalar | null)[] | Rejection {
    if (fields.length !== this.#width) {
      return reject('malformed_csv', '', `${fields.length} fields, the header has ${this.#width}`);
    }
    const values: (Scalar | null)[] = [];
    for (const { column, at, pointer } of this.#columns) {
      const value = fromText(column, pointer, fields[at]!);
      if (isRejected(value)) return value;
      values.push(value);
    }
    return values;
  }
}
