import { ParquetFault } from '../../parquet/read/fault.ts';
import { QueryError } from '../../sql/parameter.ts';
import { DamagedObject, StoreError } from '../../store/store.ts';

/** Exit codes, a stable part of the command line, and which errors lead to which. */
export const exitCodes = {
  done: 0,
  failed: 1,
  usage: 2,
  tooManyQuarantined: 3,
  verifyDifference: 4,
} as const;

/** The reader of stdout has gone (`| head`): the command gives up in good order, and there is nobody left to tell. */
export class ClosedPipe extends Error {}

/** Errors of the person at the keyboard: nothing has been read or written when they are thrown. */
const usageErrors: ReadonlySet<string> = new Set(['UsageError', 'ConfigError', 'ParameterError']);

export const exitCodeOf = (error: unknown): number =>
  error instanceof Error && usageErrors.has(error.name) ? exitCodes.usage : exitCodes.failed;

/** The message, with what caused it below. Further lines are set in, so that none passes for a message of its own. */
export function describeFailure(error: unknown): string {
  if (!(error instanceof Error)) return indented(String(error));
  const lines = [error.message === '' ? error.name : error.message];
  let table = tableOfLostFile(error);
  for (let cause = error.cause; cause instanceof Error && lines.length < 5; cause = cause.cause) {
    table ??= tableOfLostFile(cause);
    if (cause.message !== '' && !lines.some((line) => line.includes((cause as Error).message))) {
      lines.push(`because: ${cause.message}`);
    }
  }
  if (table !== undefined) lines.push(records.has(table) ? wayOutOfRecords : wayOut);
  return indented(lines.join('\n'));
}

/** The table of which an error says that a data file is not there or cannot be read. */
function tableOfLostFile(error: Error): string | undefined {
  const file = unreadableFile(error);
  return file && /.*\/([^/]*)\/data\/.*\.parquet$/.exec(file)?.[1];
}

function unreadableFile(error: Error): string | undefined {
  if (error instanceof QueryError) return error.file;
  if (error instanceof ParquetFault || error instanceof DamagedObject) return error.uri;
  return error instanceof StoreError && error.code === 'not-found' ? error.uri : undefined;
}

/** What these say is in no other place. */
const records: ReadonlySet<string> = new Set(['ingested_objects', 'amendments']);

const wayOutOfRecords =
  'it is a file of the record of what was read and what was changed: bring it back from the versions of the bucket; docs/disaster-recovery.md says what to do where there is none';
const wayOut =
  'verify says whether the file is lost or damaged; verify --repair then takes it out of its table and reads again what it held';

/** A line of somebody else's text shall not look like one of ours. */
export const indented = (lines: string): string => lines.replace(/\n(?=[^ \n])/g, '\n  ');
