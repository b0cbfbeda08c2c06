/**
 * The records of one object of a side table: JSON lines, one JSON array (or values one behind the other), or CSV with a
 * header, told by the first byte that is not white space, never by the name.
 */
import type { Scalar } from '../../columns/types.ts';
import { tooLarge } from '../../records/envelope/reader.ts';
import type { Frame } from '../../records/frame/frame.ts';
import { frameRecords } from '../../records/frame/index.ts';
import { isSpace } from '../../records/grammar.ts';
import type { Limits } from '../../records/limits.ts';
import { exactDigits, lookUp } from '../../records/look-up.ts';
import { isRejection, parseRecord } from '../../records/parse.ts';
import { pointerSegment } from '../../records/validate.ts';
import { readCsv } from './csv.ts';
import type { SideRecord } from './side-table.ts';
import { pathOf, type SideColumn, type SideTable } from './side-table.ts';
import { fromJson, isRejected } from './values.ts';

type ReadLimits = Pick<Limits, 'recordBytes' | 'nestingDepth'>;

const BOM = Buffer.from([0xef, 0xbb, 0xbf]);
const BRACE = 0x7b;
const BRACKET = 0x5b;
/** White space that is looked through for the first other byte. */
const LOOKAHEAD_BYTES = 64 << 10;

/** Records in groups, in the order of the object. Throws CsvHeaderError for a CSV that is not one of the table. */
export async function* readSideRecords(
  body: AsyncIterable<Uint8Array>,
  { columns }: SideTable,
  limits: ReadLimits,
): AsyncGenerator<SideRecord[]> {
  const chunks = body[Symbol.asyncIterator]();
  let head = Buffer.alloc(0);
  let first: number | undefined;
  while (first === undefined && head.length < LOOKAHEAD_BYTES) {
    const next = await chunks.next();
    if (next.done) break;
    head = Buffer.concat([head, next.value]);
    first = (head.subarray(0, BOM.length).equals(BOM) ? head.subarray(BOM.length) : head).find(
      (byte) => !isSpace(byte),
    );
  }
  const whole = (async function* (): AsyncGenerator<Buffer> {
    if (head.length > 0) yield head;
    for (let next = await chunks.next(); !next.done; next = await chunks.next()) yield asBuffer(next.value);
  })();
  const isJson = first === undefined || first === BRACE || first === BRACKET;
  try {
    yield* isJson ? readJson(whole, columns, limits) : readCsv(whole, columns, limits);
  } finally {
    await chunks.return?.();
  }
}

async function* readJson(
  chunks: AsyncIterable<Buffer>,
  columns: readonly SideColumn[],
  limits: ReadLimits,
): AsyncGenerator<SideRecord[]> {
  const targets = columns.map((column) => {
    const path = pathOf(column);
    return {
      column,
      path,
      pointer: path.map((s) => `/${pointerSegment(s)}`).join(''),
    };
  });
  const interpret = (frame: Frame): SideRecord['outcome'] => {
    const record = tooLarge(frame, limits) ?? parseRecord(asBuffer(frame.bytes), limits);
    if (isRejection(record)) return record;
    const values: (Scalar | null)[] = [];
    for (const target of targets) {
      const value = fromJson(target.column, target.pointer, lookUp(record, target), () =>
        exactDigits(record, target.path),
      );
      if (isRejected(value)) return value;
      values.push(value);
    }
    return values;
  };
  for await (const frames of frameRecords(chunks, limits)) {
    yield frames.map((frame) => ({ frame, outcome: interpret(frame) }));
  }
}

const asBuffer = (bytes: Uint8Array): Buffer => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
