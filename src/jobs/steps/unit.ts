/**
 * What the three steps of a backfill or a compaction hand to each other, as JSON: a manifest has a line for each unit, and
 * staging a unit gives a receipt. A unit of ingest names an open claim of the ledger, one of compaction a day of a table
 * as it was in a snapshot. docs/jobs.md is the contract.
 */
import { UsageError } from '../../config/errors.ts';
import type { ObjectFailure } from '../../ingest/request.ts';
import { countsOf, type Intent, type IntentCounts } from '../../ledger/batch-intent.ts';
import type { CompactionCounts } from './compaction-intent.ts';

const version = 1;

/** A batch, or a day or a part of one, to stage wherever. */
export type Unit = IngestUnit | CompactUnit;

interface UnitOf<Kind> {
  readonly version: typeof version;
  readonly kind: Kind;
  /** Place in the manifest, from 0. */
  readonly unit: number;
}

export interface IngestUnit extends UnitOf<'ingest'> {
  readonly source: string;
  readonly batch: string;
  /** UTC day of the claim, YYYY-MM-DD. */
  readonly ymd: string;
  readonly objects: number;
  /** As stored. */
  readonly bytes: number;
  /** When the claim ends and any run may take the unit over, RFC 3339. */
  readonly claimedUntil: string;
}

export interface CompactUnit extends UnitOf<'compact'> {
  readonly table: string;
  /** The partition, YYYY-MM-DD. */
  readonly day: string;
  /** Of a day that is cut, by time: which part, from 0, and of how many. All of them are committed together. */
  readonly part?: number;
  readonly parts?: number;
  /** The same for the same files of the same day, whenever they are planned: 32 hex digits. */
  readonly id: string;
  /** Id of the snapshot whose files it is about. */
  readonly snapshot: string;
  /** Empty: it is only looked through for duplicates, and rewritten where it holds some. */
  readonly reasons: readonly string[];
  /** To be rewritten. */
  readonly files: number;
  readonly bytes: number;
  readonly rows: number;
  /** What is staged is committed until then, RFC 3339. */
  readonly until: string;
}

export type UnitState =
  /** Its intent stands, put by this try or by an earlier one. */
  | 'staged'
  /** Nothing of it was or will be committed: its accounts did not hold, and its objects are free again. */
  | 'given-back'
  /** It is over: the unit was committed or given back before. */
  | 'settled'
  /** A day without duplicates, that needs nothing else: there is nothing to commit. */
  | 'unchanged'
  /** Another writer has changed its files: the next plan has what is left to do. */
  | 'overtaken'
  /** Its files hold what cannot be written anew; they stay as they are. */
  | 'refused'
  /** This try failed; another one may do better. */
  | 'failed';

export interface UnitError {
  readonly code: string;
  readonly message: string;
}

interface ReceiptOf<Kind> extends UnitOf<Kind> {
  readonly state: UnitState;
  readonly error?: UnitError;
  readonly seconds: number;
}

export type Receipt = IngestReceipt | CompactReceipt;

export interface IngestReceipt extends ReceiptOf<'ingest'>, Pick<IngestUnit, 'source' | 'batch'> {
  /** Of the intent that stands. */
  readonly counts?: IntentCounts;
  /** Objects that could not be read by this try; the intent leaves them free. */
  readonly failures: readonly ObjectFailure[];
}

export interface CompactReceipt extends ReceiptOf<'compact'>, Pick<CompactUnit, 'table' | 'day' | 'id'> {
  /** Of the intent that stands. */
  readonly counts?: CompactionCounts;
}

export const newUnit = (unit: Omit<IngestUnit, 'version' | 'kind'>): IngestUnit => ({
  version,
  kind: 'ingest',
  ...unit,
});

export const newCompactUnit = (unit: Omit<CompactUnit, 'version' | 'kind'>): CompactUnit => ({
  version,
  kind: 'compact',
  ...unit,
});

export interface IngestOutcome extends Pick<Receipt, 'state' | 'error'> {
  /** The one that stands. */
  readonly intent?: Intent;
  readonly failures?: readonly ObjectFailure[];
}

export function ingestReceipt(
  { kind, unit, source, batch }: IngestUnit,
  { state, intent, failures = [], error }: IngestOutcome,
  seconds: number,
): IngestReceipt {
  const counts = intent && countsOf(intent);
  return {
    version,
    kind,
    unit,
    source,
    batch,
    state,
    ...(counts && { counts }),
    failures,
    ...(error && { error }),
    seconds,
  };
}

export type CompactOutcome = Pick<CompactReceipt, 'state' | 'counts' | 'error'>;

export const compactReceipt = (
  { kind, unit, table, day, id }: CompactUnit,
  { state, counts, error }: CompactOutcome,
  seconds: number,
): CompactReceipt => ({
  version,
  kind,
  unit,
  table,
  day,
  id,
  state,
  ...(counts && { counts }),
  ...(error && { error }),
  seconds,
});

export function unitError(error: unknown): UnitError {
  const { code, name, message } = error as Error & { code?: unknown };
  return { code: typeof code === 'string' ? code : name, message };
}

/** After that, what becomes of the unit is up to others; in milliseconds since the epoch. */
export const timeIsOver = (unit: Unit): number => Date.parse(unit.kind === 'ingest' ? unit.claimedUntil : unit.until);

const isId = (value: unknown): boolean => /^[0-9a-f]{32}$/.test(String(value));
const isDay = (value: unknown): boolean => /^\d{4}-\d{2}-\d{2}$/.test(String(value));
const isTime = (value: unknown): boolean => !Number.isNaN(Date.parse(String(value)));

/** What a unit of each kind has at least. */
const isOfKind: Readonly<Record<Unit['kind'], (unit: Readonly<Record<string, unknown>>) => boolean>> = {
  ingest: ({ source, batch, ymd, claimedUntil }) =>
    typeof source === 'string' && isId(batch) && isDay(ymd) && isTime(claimedUntil),
  compact: ({ table, day, part, id, snapshot, until }) =>
    typeof table === 'string' &&
    (part === undefined || Number.isSafeInteger(part)) &&
    isDay(day) &&
    isId(id) &&
    /^-?\d{1,19}$/.test(String(snapshot)) &&
    isTime(until),
};

/** Throws UsageError for a line that no `job plan` of this version has written. */
export function parseUnit(line: string): Unit {
  const advice = 'give the manifest as job plan has written it';
  let json: unknown;
  try {
    json = JSON.parse(line);
  } catch (error) {
    throw new UsageError(`a line of the manifest is no JSON: ${advice}`, { cause: error });
  }
  const unit = (typeof json === 'object' && json !== null ? json : {}) as Readonly<Record<string, unknown>>;
  if (!Number.isSafeInteger(unit.unit)) throw new UsageError(`a line of the manifest is not a unit: ${advice}`);
  const kind = Object.hasOwn(isOfKind, String(unit.kind)) ? (unit.kind as Unit['kind']) : undefined;
  if (unit.version !== version || kind === undefined)
    throw new UsageError(
      `unit ${unit.unit} is of version ${unit.version}, kind ${unit.kind}: this version stages units of version ${version}, ` +
        `kind ${Object.keys(isOfKind).join(' or ')}`,
    );
  if (!isOfKind[kind](unit)) throw new UsageError(`a line of the manifest is not a unit: ${advice}`);
  return json as Unit;
}
