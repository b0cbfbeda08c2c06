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
  for (let cause = error.cause; cause instanceof Error && lines.length < 5; cause = cause.cause) {
    if (cause.message !== '' && !lines.some((line) => line.includes((cause as Error).message))) {
      lines.push(`because: ${cause.message}`);
    }
  }
  const table = lines.map(lostFileOf).find((name) => name !== undefined);
  if (table !== undefined) lines.push(records.has(table) ? wayOutOfRecords : wayOut);
  return indented(lines.join('\n'));
}

/** The table of which a message says that a data file cannot be read, in the words of the stores, of our readers or of DuckDB. */
const lostFileOf = (line: string): string | undefined => {
  const isRead = /^(cannot (read|open)|a data file|the object gave|the bytes|(Invalid Input|IO) Error)/.test(line);
  return isRead ? /([^/\s]*)\/data\/(ymd=)?[^\s']*\.parquet\b/.exec(line)?.[1] : undefined;
};

/** What these say is in no other place. */
const records: ReadonlySet<string> = new Set(['ingested_objects', 'amendments']);

const wayOutOfRecords =
  'it is a file of the record of what was read and what was changed: bring it back from the versions of the bucket; docs/disaster-recovery.md says what to do where there is none';
const wayOut =
  'verify says whether the file is lost or damaged; verify --repair then takes it out of its table and reads again what it held';

/** A line of somebody else's text shall not look like one of ours. */
export const indented = (lines: string): string => lines.replace(/\n(?=[^ \n])/g, '\n  ');
