/** Decisions to be wrapped, and what the reader of decisions makes of an object that holds them. */
import { openBody } from '../../../src/records/decompress.ts';
import { readRecords } from '../../../src/records/read-records.ts';
import { createSource } from '../../../src/sources/index.ts';

const limits = { recordBytes: 1 << 20, nestingDepth: 512, objectBytes: 1 << 26, compressionRatio: 200 };
const source = createSource('opa', {}, limits);
const column = (name: string): number => source.table.columns.findIndex((one) => one.name === name);
const [idAt, inputAt, extraAt, offsetAt] = ['decision_id', 'input', 'extra', 'source_offset'].map(column) as [
  number,
  number,
  number,
  number,
];

export interface Read {
  /** JSON text of `input` by decision id, in the order of the rows. */
  readonly rows: readonly (readonly [id: string, input: string])[];
  readonly extras: readonly string[];
  readonly offsets: readonly number[];
  readonly quarantined: readonly string[];
  readonly skipped: readonly string[];
}

export async function readObject(object: string | Buffer): Promise<Read> {
  const uri = 's3://bucket/object';
  const reader = source.openObject(uri, source.describeObject(uri));
  const read = {
    rows: [] as [string, string][],
    extras: [] as string[],
    offsets: [] as number[],
    quarantined: [] as string[],
    skipped: [] as string[],
  };
  async function* body(): AsyncGenerator<Uint8Array> {
    yield Buffer.from(object);
  }
  for await (const records of readRecords(reader, openBody(body(), limits), limits)) {
    for (const { outcome } of records) {
      if (outcome.kind === 'quarantine') read.quarantined.push(outcome.code);
      else if (outcome.kind === 'skip') read.skipped.push(outcome.reason);
      else {
        read.rows.push([String(outcome.values[idAt]), String(outcome.values[inputAt])]);
        read.extras.push(String(outcome.values[extraAt]));
        read.offsets.push(Number(outcome.values[offsetAt]));
      }
    }
  }
  return read;
}

/** A decision whose input has what misleads readers that look for patterns. */
export const decisionOf = (id: string, input: unknown = { user: 'heidi 2026-11-28T10:00:00Z stderr F {"log":1}' }) => ({
  decision_id: id,
  labels: { id: 'i', version: '1.4.2' },
  timestamp: '2026-11-28T10:00:00.123Z',
  level: 'info',
  msg: 'Decision Log',
  path: 'a/b',
  input,
  result: true,
});

export const large = (id: string) => decisionOf(id, { blob: 'x'.repeat(40_000) });

/** A line of OPA about a request. */
export const ownLine = JSON.stringify({ level: 'info', msg: 'Received request.', req_id: 1, req_path: '/v1/data' });

export function cut(text: string, length: number): string[] {
  const pieces: string[] = [];
  for (let at = 0; at < text.length; at += length) pieces.push(text.slice(at, at + length));
  return pieces;
}
