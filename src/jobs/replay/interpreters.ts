/** Quarantined records, read by the sources as they are configured now. */

import { fetchObjects } from '../../ingest/fetch.ts';
import type { ConfiguredSource } from '../../ingest/plan.ts';
import type { Runtime } from '../../ingest/runtime.ts';
import type { Row } from '../../parquet/read/row-reader.ts';
import type { Frame } from '../../records/frame/frame.ts';
import { frameRecords } from '../../records/frame/index.ts';
import type { Outcome, RowOutcome, Skip } from '../../records/outcome.ts';
import { quarantineRow } from '../../records/quarantine.ts';
import { quarantine } from '../../tables/quarantine.ts';

export type Replayed =
  | (RowOutcome & { readonly source: ConfiguredSource })
  | Skip
  | { readonly kind: 'quarantine'; readonly row: Row }
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
    const facts = source.source.describeObject(uri);
    const outcome: Outcome = source.source.openObject(uri, facts).interpret(frame);
    if (outcome.kind === 'row') return { ...outcome, source };
    if (outcome.kind === 'skip') return outcome;
    const context = { sourceType: source.source.type, uri, facts, lastModified: 0 };
    const values = quarantineRow(context, frame, outcome);
    const now = Object.fromEntries(quarantine.columns.map(({ name }, i) => [name, values[i] ?? null]));
    return { kind: 'quarantine', row: { ...now, ymd: row.ymd ?? null } };
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
        for await (const frames of frameRecords(body, limits)) {
          for (const frame of frames) {
            const row = byOffset.get(frame.offset);
            if (row === undefined || !isSameRecord(row, frame)) continue;
            // Values are views of the record, and the object's memory is given back once it has been read.
            outcomes.set(row, this.#interpret(row, { ...frame, bytes: Buffer.from(frame.bytes) }));
          }
        }
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
