/** What ingest would make of samples of objects, by the readers that it uses. */
import type { Limits } from '../../records/limits.ts';
import type { RejectionCode, SkipReason } from '../../records/outcome.ts';
import { type ReadRecord, readRecords } from '../../records/read-records.ts';
import type { Source } from '../../sources/source.ts';
import type { Sample } from './sample.ts';

export interface Read {
  readonly source: Source;
  /** Values of the rows, in the order of the table's columns. */
  readonly rows: readonly (readonly unknown[])[];
  readonly reasons: readonly RejectionCode[];
  readonly skips: readonly SkipReason[];
}

/** Whether any record of the samples ended in them. */
export const hasRecords = ({ rows, reasons, skips }: Read): boolean => rows.length + reasons.length + skips.length > 0;

/** What ingest would make of the samples. The record at which a sample was cut does not count. */
export async function readSamples(source: Source, samples: readonly Sample[], limits: Limits): Promise<Read> {
  const rows: (readonly unknown[])[] = [];
  const reasons: RejectionCode[] = [];
  const skips: SkipReason[] = [];
  for (const { object, text, isCut } of samples) {
    const reader = source.openObject(object.uri, source.describeObject(object.uri));
    const records: ReadRecord[] = [];
    for await (const group of readRecords(reader, once(text), limits)) records.push(...group);
    for (const { outcome, origin } of records) {
      if (isCut && outcome.kind !== 'row' && origin.offset + origin.bytes.length === text.length) continue;
      if (outcome.kind === 'row') rows.push(outcome.values.map(copied));
      else if (outcome.kind === 'quarantine') reasons.push(outcome.code);
      else skips.push(outcome.reason);
    }
  }
  return { source, rows, reasons, skips };
}

/** Values can be views of memory that the next record is read into. */
const copied = (value: unknown): unknown => (value instanceof Uint8Array ? Buffer.from(value) : value);

async function* once(text: Buffer): AsyncGenerator<Buffer> {
  yield text;
}
