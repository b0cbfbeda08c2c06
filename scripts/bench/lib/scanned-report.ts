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
  readonly ours: readonly Reading[];
}

export interface Reading {
  /** By Trino. */
  readonly bytes: number;
  readonly seconds: number;
  readonly difference?: string;
  /** By the engine in this process, which fetches. */
  readonly embedded: { readonly bytes: number; readonly seconds: number; readonly difference?: string };
  /** By DuckDB with httpfs on the same files, where it was asked. */
  readonly httpfs?: number;
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
  const isCompared = questions.some(({ ours }) => ours.some(({ httpfs }) => httpfs !== undefined));
  const others = ['embedded', ...(isCompared ? ['httpfs'] : [])];
  const titles = ['question', 'rows', 'raw MB', ...states.flatMap((state) => [label(state), ...others])];
  const rows = questions.map(({ question, rows, rawBytes, ours }) => [
    question,
    rows.toLocaleString('en-US'),
    rawBytes === undefined ? '' : megabytes(rawBytes),
    ...ours.flatMap(({ bytes, embedded, httpfs }) => [
      cell(bytes, rawBytes, input.bytes),
      megabytes(embedded.bytes),
      ...(isCompared ? [httpfs === undefined ? '' : megabytes(httpfs)] : []),
    ]),
  ]);
  const size = [
    'all files',
    '',
    megabytes(input.bytes),
    ...states.flatMap(({ files, bytes }) => [`${megabytes(bytes)} in ${files}`, ...others.map(() => '')]),
  ];
  return (
    `${input.records.toLocaleString('en-US')} decisions, days of ${input.shares.join(' : ')}, ${input.objects} raw objects of ` +
    `${megabytes(input.bytes)} MB. MB read by Trino, and fetched by the embedded engine; in brackets the share of what the raw table reads for the question, and of all raw bytes.\n\n` +
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

/** Of what DuckDB fetches by httpfs, and of what Trino reports, which leaves out what it read to leave out all else. */
const [mostOfHttpfs, mostOfTrino] = [1.5, 1.2];
/** A footer of a table that is nearly empty is more than its share of anything. */
const smallBytes = 64 << 10;

export const embeddedVerdicts = ({ states, questions }: Results): Verdict[] =>
  states.flatMap((state, i) =>
    questions.map(({ question, ours }): Verdict => {
      const { bytes: trino, embedded, httpfs } = ours[i]!;
      const most = Math.max(smallBytes, httpfs === undefined ? trino * mostOfTrino : httpfs * mostOfHttpfs);
      const passed = embedded.bytes <= most;
      const than = httpfs === undefined ? `${mostOfTrino} of Trino` : `${mostOfHttpfs} of httpfs`;
      const ofTrino = trino > 0 ? `, ${(embedded.bytes / trino).toFixed(2)} of Trino` : '';
      const text = `${passed ? 'PASS' : 'FAIL'}  embedded, ${label(state)}: ${question}: ${megabytes(embedded.bytes)} MB of at most ${megabytes(most)} (${than})${ofTrino}`;
      return { question, state, passed, text };
    }),
  );

const megabytes = (bytes: number): string =>
  (bytes / 1e6).toLocaleString('en-US', { minimumFractionDigits: 2, maximumFractionDigits: 2 });

const ratio = (whole: number, part: number): string => {
  const value = whole / part;
  return value < 10 ? value.toFixed(1) : Math.floor(value).toLocaleString('en-US');
};
