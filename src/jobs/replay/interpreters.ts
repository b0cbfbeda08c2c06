/** Quarantined records, read by the sources as they are configured now. */

import { fetchObjects } from '../../ingest/fetch.ts';
import type { ConfiguredSource } from '../../ingest/plan.ts';
import type { Runtime } from '../../ingest/runtime.ts';
import type { Row } from '../../parquet/read/row-reader.ts';
import type { Frame } from '../../records/frame/frame.ts';
import { frameRecords } from '../../records/frame/index.ts';
import type { Rejection, RejectionCode, RowOutcome } from '../../records/outcome.ts';
import { quarantineRow } from '../../records/quarantine.ts';
import { type ReadRecord, readFrames } from '../../records/read-records.ts';
import { quarantine } from '../../tables/quarantine.ts';

/** What a quarantined record is now: usually one thing, but what was one record may turn out to hold several. */
export type Replayed =
  | {
      readonly kind: 'read';
      readonly source: ConfiguredSource;
      readonly rows: readonly RowOutcome[];
      /** What stays in quarantine, as it would be put there now. */
      readonly rejected: readonly Row[];
      /** All of it looks like lines of other programs now. */
      readonly isForeign: boolean;
    }
  | { readonly kind: 'unreadable' };

export class Interpreters {
  readonly #runtime: Runtime;
  readonly #sources: readonly ConfiguredSource[];

  constructor(runtime: Runtime, sources: readonly ConfiguredSource[]) {
    this.#runtime = runtime;
    this.#sources = sources;
  }

  /** The source whose objects these are; undefined for side tables, which are loaded whole, and for sources not asked for. */
  sourceOf(row: Row): ConfiguredSource | undefined {
    return this.#sources.find(
      ({ config }) => config.type === row.source_type && String(row.source_uri).startsWith(config.location),
    );
  }

  async interpret(rows: readonly Row[]): Promise<Map<Row, Replayed>> {
    const outcomes = new Map<Row, Replayed>();
    const cut = new Map<string, Row[]>();
    for (const row of rows) {
      const uri = String(row.source_uri);
      if (row.payload_truncated === true) cut.set(uri, [...(cut.get(uri) ?? []), row]);
      else outcomes.set(row, this.#interpret(row, { bytes: payloadOf(row), offset: Number(row.source_offset) }));
    }
    for (const [uri, mine] of cut)
      for (const [row, outcome] of await this.#fromObject(uri, mine)) outcomes.set(row, outcome);
    return outcomes;
  }

  #interpret(row: Row, frame: Frame): Replayed {
    const source = this.sourceOf(row)!;
    const uri = String(row.source_uri);
    const reader = source.source.openObject(uri, source.source.describeObject(uri));
    return replayed(source, row, readFrames(reader, [frame]));
  }

  /** Records that the quarantine holds only the head of are read from their object, as long as it has such records. */
  async #fromObject(uri: string, rows: readonly Row[]): Promise<Map<Row, Replayed>> {
    const { store, config, sleep } = this.#runtime;
    const outcomes = new Map<Row, Replayed>(rows.map((row) => [row, { kind: 'unreadable' }]));
    const object = await store.head(uri);
    if (object === undefined) return outcomes;
    const byOffset = new Map(rows.map((row) => [Number(row.source_offset), row]));
    const { limits } = config;
    const { downloads, downloadBytes } = config.batch;
    try {
      for await (const { body } of fetchObjects(store, [object], { downloads, downloadBytes, limits, sleep })) {
        if ('error' in body) break;
        const source = this.sourceOf(rows[0] as Row)!.source;
        const reader = source.openObject(uri, source.describeObject(uri));
        const interpret = ({ bytes, ...rest }: Frame): void => {
          const row = byOffset.get(rest.offset);
          if (row === undefined || !isSameRecord(row, { bytes, ...rest })) return;
          // Values are views of the record, and the object's memory is given back once it has been read.
          outcomes.set(row, this.#interpret(row, { ...rest, bytes: Buffer.from(bytes) }));
        };
        // What is cut is a frame, or what the reader found in one.
        for await (const frames of frameRecords(body, limits)) {
          for (const frame of frames) {
            interpret(frame);
            reader.read(frame, (_, origin) => origin !== frame && interpret(origin));
          }
        }
        reader.end((_, origin) => interpret(origin));
      }
    } catch (error) {
      this.#runtime.log.warn(
        { event: 'object-failed', uri, reason: error instanceof Error ? error.message : String(error) },
        'quarantined records of this object cannot be read again',
      );
    }
    return outcomes;
  }
}

/** What a quarantined record is, by what was read of it. Nothing that was quarantined is left out. */
function replayed(source: ConfiguredSource, row: Row, read: readonly ReadRecord[]): Replayed {
  const uri = String(row.source_uri);
  const facts = source.source.describeObject(uri);
  const context = { sourceType: source.source.type, uri, facts, lastModified: 0 };
  const rows: RowOutcome[] = [];
  const rejected: Row[] = [];
  const passedOver: Frame[] = [];
  const asRow = (origin: Frame, rejection: Rejection): Row => {
    const values = quarantineRow(context, origin, rejection);
    const now = Object.fromEntries(quarantine.columns.map(({ name }, i) => [name, values[i] ?? null]));
    return { ...now, ymd: row.ymd ?? null };
  };
  for (const { outcome, origin } of read) {
    if (outcome.kind === 'row') rows.push(outcome);
    else if (outcome.kind === 'quarantine')
      // What stood around a piece said that it is one, and is not here.
      rejected.push(row.reason === 'incomplete_record' && isSameRecord(row, origin) ? row : asRow(origin, outcome));
    else passedOver.push(origin);
  }
  // What looks like a line of another program now was evidence once: it stays for the reason that it had.
  const isForeign = rows.length + rejected.length === 0;
  if (isForeign) rejected.push(row);
  else for (const part of passedOver) if (!isSameRecord(row, part)) rejected.push(asRow(part, rejectionOf(row)));
  return { kind: 'read', source, rows, rejected, isForeign };
}

const rejectionOf = ({ reason, pointer, detail }: Row): Rejection => ({
  kind: 'quarantine',
  code: reason as RejectionCode,
  pointer: String(pointer),
  detail: String(detail),
});

function payloadOf(row: Row): Buffer {
  const payload = row.payload as string;
  return row.payload_encoding === 'base64' ? Buffer.from(payload, 'base64') : Buffer.from(payload, 'utf8');
}

/** The object may have been written anew: what stands there now has to be what was cut then. */
function isSameRecord(row: Row, { bytes, tooLarge }: Frame): boolean {
  const head = payloadOf(row);
  const length = tooLarge?.length ?? bytes.length;
  return length === Number(row.payload_bytes) && Buffer.compare(head, bytes.subarray(0, head.length)) === 0;
}
