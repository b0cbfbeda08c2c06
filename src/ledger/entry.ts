/** One row of the ledger `ingested_objects`: what is known of one version of one source object. */
import type { Value } from '../columns/types.ts';
import { KernelTable } from '../kernel/table.ts';
import type { ObjectInfo } from '../store/store.ts';
import type { TableDeclaration } from '../tables/declaration.ts';

export interface LedgerEntry {
  /** UTC day of the claim: the ledger's partition. */
  readonly ymd: string;
  readonly object: ObjectInfo;
  readonly source: string;
  readonly sourceType: string;
  readonly batch: string;
  readonly state: 'claimed' | 'committed';
  readonly owner: string;
  /** Milliseconds since the epoch, as all times of an entry but the event times. */
  readonly claimedAt: number;
  readonly claimedUntil: number;
  readonly committedAt: number | null;
  /** The run of `backfill --again` that read it, or is reading it, in place of what was there. */
  readonly again: string | null;
  /** When an entry of the object first was committed, where this one took its place. */
  readonly firstCommittedAt: number | null;
  readonly counts: ObjectCounts | null;
}

/** What became of the records of one object. */
export interface ObjectCounts {
  readonly records: number;
  readonly rows: number;
  readonly quarantined: number;
  readonly skipped: number;
  /** Of those skipped: lines of OPA about requests that it received, and about answers that it sent. */
  readonly requestLines: number;
  readonly responseLines: number;
  readonly duplicates: number;
  /** Digest of the mapping (tables/mapping.ts) that the rows were written with; null where none was recorded. */
  readonly mapping: string | null;
  readonly bytesDecompressed: number;
  /** Microseconds since the epoch; null where the object gave no row. */
  readonly minEventTime: bigint | null;
  readonly maxEventTime: bigint | null;
}

const micros = (ms: number): bigint => BigInt(Math.round(ms * 1000));
const millis = (value: unknown): number => Number(value as bigint) / 1000;

function toRow(entry: LedgerEntry): Record<string, Value> {
  const { object, counts } = entry;
  return {
    ymd: entry.ymd,
    uri: object.uri,
    etag: object.etag,
    size: BigInt(object.size),
    last_modified: micros(object.lastModified),
    source: entry.source,
    source_type: entry.sourceType,
    batch: entry.batch,
    state: entry.state,
    owner: entry.owner,
    claimed_at: micros(entry.claimedAt),
    claimed_until: micros(entry.claimedUntil),
    committed_at: entry.committedAt === null ? null : micros(entry.committedAt),
    again: entry.again,
    first_committed_at: entry.firstCommittedAt === null ? null : micros(entry.firstCommittedAt),
    records: counts && BigInt(counts.records),
    rows: counts && BigInt(counts.rows),
    quarantined: counts && BigInt(counts.quarantined),
    skipped: counts && BigInt(counts.skipped),
    request_lines: counts && BigInt(counts.requestLines),
    response_lines: counts && BigInt(counts.responseLines),
    duplicates: counts && BigInt(counts.duplicates),
    mapping: counts?.mapping ?? null,
    bytes_decompressed: counts && BigInt(counts.bytesDecompressed),
    min_event_time: counts?.minEventTime ?? null,
    max_event_time: counts?.maxEventTime ?? null,
  };
}

export function fromRow(row: Readonly<Record<string, Value>>): LedgerEntry {
  const state = row.state;
  if (state !== 'claimed' && state !== 'committed')
    throw new Error(`ledger row of ${row.uri} has the unknown state ${state}`);
  const count = (name: string): number => Number(row[name]);
  return {
    ymd: String(row.ymd),
    object: {
      uri: String(row.uri),
      etag: String(row.etag),
      size: count('size'),
      lastModified: millis(row.last_modified),
    },
    source: String(row.source),
    sourceType: String(row.source_type),
    batch: String(row.batch),
    state,
    owner: String(row.owner),
    claimedAt: millis(row.claimed_at),
    claimedUntil: millis(row.claimed_until),
    committedAt: row.committed_at === null ? null : millis(row.committed_at),
    again: typeof row.again === 'string' ? row.again : null,
    firstCommittedAt: typeof row.first_committed_at === 'bigint' ? millis(row.first_committed_at) : null,
    counts:
      state === 'claimed'
        ? null
        : {
            records: count('records'),
            rows: count('rows'),
            quarantined: count('quarantined'),
            skipped: count('skipped'),
            // 0 where they were not counted yet.
            requestLines: Number(row.request_lines ?? 0),
            responseLines: Number(row.response_lines ?? 0),
            duplicates: count('duplicates'),
            mapping: typeof row.mapping === 'string' ? row.mapping : null,
            bytesDecompressed: count('bytes_decompressed'),
            minEventTime: (row.min_event_time as bigint | null) ?? null,
            maxEventTime: (row.max_event_time as bigint | null) ?? null,
          },
  };
}

/** The entries as columns of the ledger table, to be released by the caller. */
export function tableOfEntries(declaration: TableDeclaration, entries: readonly LedgerEntry[]): KernelTable {
  const table = new KernelTable(declaration.columns);
  for (const entry of entries) {
    const row = toRow(entry);
    table.append(declaration.columns.map((column) => row[column.name] ?? null));
  }
  return table;
}
