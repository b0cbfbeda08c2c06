/**
 * Which files of a table to rewrite: a pure function of what the manifests say about the live files. Held to three
 * promises: a day that a run has compacted needs nothing more; files that are sorted and of good size are left alone
 * where few others came; the same files give the same plan.
 */
import type { LiveFile } from '../../iceberg/scan.ts';
import { hasCompactedName } from '../../rewrite/without-rows.ts';
import { compareText } from '../../text/order.ts';

export interface CompactionRules {
  /** A file is cut when it has reached this size. */
  readonly targetBytes: number;
  /** A day with this many small files is compacted. */
  readonly smallFiles: number;
  /** A day with this many more files than its bytes need is compacted. */
  readonly excessFiles: number;
  /** A day with this share of its bytes in files of another order is compacted; 0 to 1. */
  readonly unsortedShare: number;
  /** Other days with new files are looked through for duplicates. */
  readonly findDuplicates: boolean;
}

/** What the plan has to know of a table. */
export interface PlannedTable {
  readonly name: string;
  /** The sort order of compacted files; undefined where the table has no such order yet. */
  readonly sortOrderId: number | undefined;
  /** Files that stay as they are whatever their size, such as the ledger's open claims. */
  readonly isPinned: (file: LiveFile) => boolean;
  readonly hasIdentity: boolean;
}

export type Reason = 'small-files' | 'excess-files' | 'unsorted' | 'duplicates' | 'row-level-deletes';

export interface DayPlan {
  readonly table: string;
  readonly day: string;
  readonly reasons: readonly Reason[];
  /** To be rewritten; by path. */
  readonly inputs: readonly LiveFile[];
  /** Compacted files that stay: their records are duplicates of none, and of the inputs they win. By path. */
  readonly kept: readonly LiveFile[];
  /** Rows of the inputs, those among them that are deleted too. */
  readonly rows: number;
  readonly bytes: number;
  /** Files that the rewritten rows will make, if they take as many bytes as now: mostly they take fewer. */
  readonly expectedFiles: number;
}

export interface Refusal {
  readonly table: string;
  /** null: all days. */
  readonly day: string | null;
  readonly reason: string;
  /** Present where the table cannot be used at all: read only, or files missing or damaged. */
  readonly fault?: true;
}

export interface TablePlan {
  /** To rewrite. */
  readonly days: readonly DayPlan[];
  /** To rewrite only where they hold duplicates. */
  readonly suspects: readonly DayPlan[];
  readonly refused: readonly Refusal[];
}

export function planTable(table: PlannedTable, files: readonly LiveFile[], rules: CompactionRules): TablePlan {
  const days: DayPlan[] = [];
  const suspects: DayPlan[] = [];
  const refused: Refusal[] = [];
  const byDay = Map.groupBy(files, (file) => file.ymd);
  for (const [day, all] of [...byDay].sort(([a], [b]) => compareText(a ?? '', b ?? ''))) {
    const movable = all.filter((file) => !table.isPinned(file)).sort((a, b) => compareText(a.path, b.path));
    const plan = planDay(table, day ?? '', movable, rules);
    if (plan === undefined) continue;
    const reason = refusal(day, movable);
    if (reason !== undefined) refused.push({ table: table.name, day, reason });
    else if (plan.reasons.length > 0) days.push(plan);
    else suspects.push(plan);
  }
  return { days, suspects, refused };
}

/** Whether a file is the work of a compaction in the order that is asked for now. */
export const isCompacted = (table: Pick<PlannedTable, 'sortOrderId'>, file: LiveFile): boolean =>
  file.sortOrderId === table.sortOrderId && hasCompactedName(file);

/** Smaller than this, a file is merged with others. Far enough below the target that no cut file gets there. */
export const smallBytes = (rules: Pick<CompactionRules, 'targetBytes'>): number => rules.targetBytes / 4;

/** With this share of a day to be rewritten, all of it is, so that its files cover ranges apart from each other. */
const wholeDayShare = 0.25;

/** A plan without reasons is of a day that may hold duplicates, and has no other need. */
function planDay(
  table: PlannedTable,
  day: string,
  files: readonly LiveFile[],
  rules: CompactionRules,
): DayPlan | undefined {
  const small = smallBytes(rules);
  const fresh = files.filter((file) => !isCompacted(table, file));
  // Where rows have an identity, order alone does not make a file good: its records were compared with no others yet.
  const unsorted = table.hasIdentity ? fresh : files.filter((file) => file.sortOrderId !== table.sortOrderId);
  const bytes = sumBytes(files);
  const reasons: Reason[] = [];
  if (files.filter((file) => file.fileSize < small).length >= rules.smallFiles) reasons.push('small-files');
  if (files.length - filesOf(bytes, rules) >= rules.excessFiles) reasons.push('excess-files');
  if (unsorted.length > 0 && sumBytes(unsorted) >= rules.unsortedShare * bytes) reasons.push('unsorted');
  if (files.some(hasDeletes)) reasons.push('row-level-deletes');
  const isSuspect = table.hasIdentity && rules.findDuplicates && fresh.length > 0 && files.length > 1;
  if (reasons.length === 0 && !isSuspect) return undefined;

  const loose = files.filter((file) => file.fileSize < small || unsorted.includes(file) || hasDeletes(file));
  const whole = sumBytes(loose) >= wholeDayShare * bytes || reasons.includes('excess-files');
  const inputs = reasons.length === 0 ? fresh : whole ? files : loose;
  const chosen = new Set(inputs);
  const kept = files.filter((file) => !chosen.has(file));
  const inputBytes = sumBytes(inputs);
  return {
    table: table.name,
    day,
    reasons,
    inputs,
    kept,
    rows: inputs.reduce((sum, file) => sum + file.recordCount, 0),
    bytes: inputBytes,
    expectedFiles: filesOf(inputBytes, rules),
  };
}

const hasDeletes = ({ deletes }: LiveFile): boolean => deletes.length > 0;

function refusal(day: string | null, files: readonly LiveFile[]): string | undefined {
  if (day === null) return 'files of another partition spec, which do not tell their day';
  const foreign = files.find((file) => file.format !== 'PARQUET');
  return foreign && `files of format ${foreign.format}, such as ${foreign.path}`;
}

const filesOf = (bytes: number, { targetBytes }: CompactionRules): number =>
  Math.max(1, Math.ceil(bytes / targetBytes));

export const sumBytes = (files: readonly Pick<LiveFile, 'fileSize'>[]): number =>
  files.reduce((sum, file) => sum + file.fileSize, 0);
