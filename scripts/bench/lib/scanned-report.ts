/** The table of bytes, and whether the targets are met. */
import type { Input } from './scanned-input.ts';
import type { Target } from './scanned-questions.ts';

/** A table as it stood when the questions were asked. */
export interface State {
  readonly layout: string;
  readonly stage: 'ingested' | 'compacted';
  readonly files: number;
  readonly bytes: number;
}

export interface Measured {
  readonly question: string;
  readonly target?: Target;
  readonly rows: number;
  /** Absent where the raw table was not asked. */
  readonly rawBytes?: number;
  /** In the order of the states. */
  readonly ours: readonly { readonly bytes: number; readonly seconds: number; readonly difference?: string }[];
}

export interface Results {
  readonly input: Omit<Input, 'folder' | 'name'>;
  readonly states: readonly State[];
  readonly questions: readonly Measured[];
}

export const label = ({ layout, stage }: State): string => `${layout}, ${stage}`;

/** Most bytes that ours may read; undefined where nothing was set. */
function allowance({ target, rawBytes }: Measured, whole: number): number | undefined {
  if (target === undefined) return undefined;
  const limits = [
    target.bytes,
    target.ofWhole ? whole / target.ofWhole : undefined,
    target.ofRaw && rawBytes !== undefined ? rawBytes / target.ofRaw : undefined,
  ].filter((limit) => limit !== undefined);
  return Math.min(...limits);
}

export function table({ input, states, questions }: Results): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |\n`;
  const titles = ['question', 'rows', 'raw MB', ...states.map(label)];
  const rows = questions.map(({ question, rows, rawBytes, ours }) => [
    question,
    rows.toLocaleString('en-US'),
    rawBytes === undefined ? '' : megabytes(rawBytes),
    ...ours.map(({ bytes }) => cell(bytes, rawBytes, input.bytes)),
  ]);
  const size = [
    'all files',
    '',
    megabytes(input.bytes),
    ...states.map(({ files, bytes }) => `${megabytes(bytes)} in ${files}`),
  ];
  return (
    `${input.records.toLocaleString('en-US')} decisions, days of ${input.shares.join(' : ')}, ${input.objects} raw objects of ` +
    `${megabytes(input.bytes)} MB. MB read by Trino; in brackets the share of what the raw table reads for the question, and of all raw bytes.\n\n` +
    [titles, titles.map(() => '---'), size, ...rows].map(line).join('')
  );
}

function cell(bytes: number, rawBytes: number | undefined, whole: number): string {
  if (bytes === 0) return '0';
  const shares = [rawBytes, whole].flatMap((of) => (of === undefined ? [] : [`1/${ratio(of, bytes)}`]));
  return `${megabytes(bytes)} (${shares.join(', ')})`;
}

export interface Verdict {
  readonly question: string;
  readonly state: State;
  readonly passed: boolean;
  readonly text: string;
}

export const verdicts = ({ input, states, questions }: Results): Verdict[] =>
  states.flatMap((state, i) =>
    questions.flatMap((measured): Verdict[] => {
      const most = allowance(measured, input.bytes);
      if (most === undefined) return [];
      const { bytes } = measured.ours[i]!;
      const passed = bytes <= most;
      const text = `${passed ? 'PASS' : 'FAIL'}  ${label(state)}: ${measured.question}: ${megabytes(bytes)} MB of at most ${megabytes(most)}`;
      return [{ question: measured.question, state, passed, text }];
    }),
  );

const megabytes = (bytes: number): string =>
  (bytes / 1e6).toLocaleString('en-US', { minimumFractionDigits: 2, maximumFractionDigits: 2 });

const ratio = (whole: number, part: number): string => {
  const value = whole / part;
  return value < 10 ? value.toFixed(1) : Math.floor(value).toLocaleString('en-US');
};
