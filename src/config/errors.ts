/**
 * What is wrong with a configuration: every problem found in one pass, each with the key, the file and the line where
 * it stands and what is expected there. Commands exit 2 on it, before anything is read or written.
 */
export interface ConfigProblem {
  /** Dotted path of the key, such as sources[0].location; '' is the document. */
  readonly key: string;
  readonly message: string;
  /** Where the value came from: `audit-warehouse.yaml:12`, `AUDIT_WAREHOUSE_S3_REGION`, `--set`. */
  readonly origin: string;
}

const mostShown = 50;

export class ConfigError extends Error {
  override readonly name = 'ConfigError';
  readonly code = 'invalid-configuration';
  readonly problems: readonly ConfigProblem[];
  constructor(problems: readonly ConfigProblem[], options?: { cause?: unknown }) {
    const shown = problems.slice(0, mostShown).map(describe);
    if (problems.length > mostShown) shown.push('and further problems');
    super(shown.join('\n'), options);
    this.problems = problems;
  }
}

const describe = ({ key, message, origin }: ConfigProblem): string =>
  key === '' ? `${origin}: ${message}` : `${origin}: ${key}: ${message}`;

/** The candidate closest to `name`, where close enough to be a slip of the hand. */
export function nearest(name: string, candidates: readonly string[]): string | undefined {
  let best: string | undefined;
  let bestDistance = Math.max(2, Math.floor(name.length / 3)) + 1;
  for (const candidate of candidates) {
    // So far apart that the lengths alone tell.
    if (Math.abs(candidate.length - name.length) >= bestDistance) continue;
    const distance = editDistance(name.toLowerCase(), candidate.toLowerCase());
    if (distance < bestDistance) {
      best = candidate;
      bestDistance = distance;
    }
  }
  return best;
}

/** Levenshtein distance, by rows. */
function editDistance(a: string, b: string): number {
  let previous = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      row[j] = Math.min(previous[j]! + 1, row[j - 1]! + 1, previous[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1));
    }
    previous = row;
  }
  return previous[b.length]!;
}

/** What was asked for makes no sense; nothing has been read or written. The CLI exits with 2. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
  readonly code = 'usage';
}
