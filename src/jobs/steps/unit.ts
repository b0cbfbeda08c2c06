/**
 * What the three steps of a backfill hand to each other, as JSON: a manifest has a line for each unit, which names an
 * open claim of the ledger, and staging a unit gives a receipt. docs/jobs.md is the contract.
 */
import { UsageError } from '../../config/errors.ts';
import type { ObjectFailure } from '../../ingest/request.ts';
import { countsOf, type Intent, type IntentCounts } from '../../ledger/batch-intent.ts';

const version = 1;

/** A batch to stage, wherever. */
export interface Unit {
  readonly version: typeof version;
  readonly kind: 'ingest';
  /** Place in the manifest, from 0. */
  readonly unit: number;
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

export type UnitState =
  /** Its intent stands, put by this try or by an earlier one. */
  | 'staged'
  /** Nothing of it was or will be committed: its accounts did not hold, and its objects are free again. */
  | 'given-back'
  /** Its claim is not open any more: the unit was committed or given back before. */
  | 'settled'
  /** This try failed; another one may do better. */
  | 'failed';

export interface Receipt {
  readonly version: typeof version;
  readonly kind: 'ingest';
  readonly unit: number;
  readonly source: string;
  readonly batch: string;
  readonly state: UnitState;
  /** Of the intent that stands. */
  readonly counts?: IntentCounts;
  /** Objects that could not be read by this try; the intent leaves them free. */
  readonly failures: readonly ObjectFailure[];
  readonly error?: { readonly code: string; readonly message: string };
  readonly seconds: number;
}

export const newUnit = (unit: Omit<Unit, 'version' | 'kind'>): Unit => ({ version, kind: 'ingest', ...unit });

export interface UnitOutcome extends Pick<Receipt, 'state' | 'error'> {
  /** The one that stands. */
  readonly intent?: Intent;
  readonly failures?: readonly ObjectFailure[];
}

export function receiptOf({ kind, unit, source, batch }: Unit, outcome: UnitOutcome, seconds: number): Receipt {
  const { state, intent, failures = [], error } = outcome;
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

/** Throws UsageError for a line that no `job plan` of this version has written. */
export function parseUnit(line: string): Unit {
  let json: unknown;
  try {
    json = JSON.parse(line);
  } catch (error) {
    throw new UsageError('a line of the manifest is no JSON: give the manifest as job plan has written it', {
      cause: error,
    });
  }
  const unit = json as Unit;
  const isUnit =
    typeof json === 'object' &&
    json !== null &&
    Number.isSafeInteger(unit.unit) &&
    typeof unit.source === 'string' &&
    /^[0-9a-f]{32}$/.test(String(unit.batch)) &&
    /^\d{4}-\d{2}-\d{2}$/.test(String(unit.ymd));
  if (!isUnit)
    throw new UsageError('a line of the manifest is not a unit: give the manifest as job plan has written it');
  if (unit.version !== version || unit.kind !== 'ingest') {
    throw new UsageError(
      `unit ${unit.unit} is of version ${unit.version}, kind ${unit.kind}: this version stages units of version ${version}, kind ingest`,
    );
  }
  return unit;
}
