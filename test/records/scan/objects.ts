/** Reads one object as jobs/ingest.ts does, with or without the fast path, and gives all that a job would see of it. */
import { isUtf8 } from 'node:buffer';
import { TableBuffer } from '../../../src/columns/table-buffer.ts';
import type { FastLane, FrameLimits } from '../../../src/records/frame/framer.ts';
import { frameRecords } from '../../../src/records/frame/index.ts';
import { IdentitySet } from '../../../src/records/identity-set.ts';
import type { Frame, Source } from '../../../src/sources/source.ts';
import { rowsOf } from './both-paths.ts';

export interface ObjectReading {
  readonly rows: readonly Record<string, unknown>[];
  /** One for each record, in the order of the object: what became of it, and where it stood. */
  readonly outcomes: readonly string[];
  /** Of the rows, by column. */
  readonly mismatches: ReadonlyMap<string, number>;
  /** Records that the fast path took. */
  readonly certain: number;
}

export async function readObject(
  source: Source,
  uri: string,
  body: AsyncIterable<Uint8Array>,
  limits: FrameLimits,
  isFast: boolean,
): Promise<ObjectReading> {
  const buffer = new TableBuffer(source.table.columns);
  const facts = source.describeObject(uri);
  const reader = source.openObject(uri, facts);
  const writer = source.rowWriter(buffer);
  writer.open(uri, facts.columns);
  const identities = new IdentitySet();
  const outcomes: string[] = [];
  const mismatches = new Map<string, number>();
  let certain = 0;

  const take = (bytes: Buffer, start: number, end: number, offset: number): boolean => {
    if (!writer.accept(bytes, start, end)) return false;
    certain++;
    const isNew = writer.addIdentity(identities);
    if (isNew) writer.write(offset);
    outcomes.push(isNew ? `row at ${offset} of ${writer.eventTime}` : `duplicate at ${offset}`);
    return true;
  };
  const doubt = (frame: Frame): void => {
    const before = new Map(reader.typeMismatches);
    const outcome = reader.interpret(frame);
    if (outcome.kind !== 'row') {
      outcomes.push(`${outcome.kind} ${outcome.kind === 'quarantine' ? outcome.code : ''} at ${frame.offset}`);
      return;
    }
    const isNew = outcome.identity === null || identities.add(outcome.identity);
    outcomes.push(isNew ? `row at ${frame.offset} of ${outcome.eventTime}` : `duplicate at ${frame.offset}`);
    if (!isNew) return;
    buffer.append(outcome.values);
    for (const [column, count] of reader.typeMismatches) {
      const more = count - (before.get(column) ?? 0);
      if (more > 0) mismatches.set(column, (mismatches.get(column) ?? 0) + more);
    }
  };
  const lane: FastLane | undefined = isFast ? { take, doubt } : undefined;
  for await (const frames of frameRecords(body, limits, lane)) {
    for (const frame of frames) {
      const bytes = frame.bytes as Buffer;
      const mayBeCertain = isFast && frame.tooLarge === undefined && isUtf8(bytes);
      if (!mayBeCertain || !take(bytes, 0, bytes.length, frame.offset)) doubt(frame);
    }
  }
  for (const [column, count] of writer.mismatches) mismatches.set(column, (mismatches.get(column) ?? 0) + count);
  return { rows: rowsOf(buffer.batch()), outcomes, mismatches: new Map([...mismatches].sort()), certain };
}
