/** The text of docs/engines.md, from the operations that test/interop carries out. */
import {
  installed,
  isAbsent,
  type Operation,
  operations,
  outcomes,
  type Writer,
  writers,
} from '../test/interop/operations.ts';

const titles = {
  rows: 'Rows',
  files: 'Files',
  schema: 'Columns and partitions',
  history: 'Snapshots and the catalog',
} as const;

export function enginesPage(): string {
  const names = Object.keys(writers) as Writer[];
  const head = (first: string) =>
    `| ${[first, ...names.map((name) => writers[name].title), 'and then'].join(' | ')} |\n|${' --- |'.repeat(names.length + 2)}`;
  return `# Other engines

Written by \`scripts/docs\` from \`test/interop/operations.ts\`, whose operations the tests of \`test/interop\` carry out. Do not edit.

The tables are ordinary Iceberg tables of format version 2: other engines read them, and may write to them. This page says what each of them
may do, and what \`verify\` makes of it. After every operation below, the tests hold that \`query\`, Trino, PyIceberg and Spark read
the same decisions, those that the logs and the operation make; that \`tables\`, \`backfill\` of new and of grown objects, \`compact\`, \`verify\`,
\`verify --deep\`, \`doctor\`, \`erase\`, \`expire\` and \`report\` go on; and that no row is lost or counted twice. Operations of all three
and our commands are also mixed, in sequences drawn from a seed (\`test/interop/random.test.ts\`), and held to the same.

## Readers

| engine | tested with | what to know |
| --- | --- | --- |
| Trino | ${writers.trino.version} | reads everything |
| Spark | ${installed('spark')} (the files), ${writers.spark.version} (the tables) | reads everything, row by row: [decision 029](decisions/029-encodings-and-old-readers.md) says why, and how newer versions change that |
| PyIceberg | ${writers.pyiceberg.version} | reads everything that the writers below and our commands write |
| DuckDB | in \`query\` and \`sql\` | reads everything, with all kinds of row-level deletes |

## Writers

Tested with ${names.map((name) => `${writers[name].title} ${writers[name].version}`).join(', ')}. "Yes" is a statement that was carried out; the last column says what the
account makes of it and what settles it.

${Object.entries(operations)
  .map(([group, list]) =>
    [
      `### ${titles[group as keyof typeof titles]}`,
      '',
      head('operation'),
      ...list.map((one) => row(one, names)),
      '',
    ].join('\n'),
  )
  .join('\n')}
## What is never done

- A table of format version 3, or one that an engine has made one, is read by \`query\` and \`verify\` (with deletion vectors, as Iceberg ${installed('spark35new_iceberg')} writes
  them) and refused by everything that writes.
- Snapshots, branches and tags of other engines stay; \`expire\` keeps the files that they need.
- An account is never settled by itself: a row that another engine took or added is named until somebody accepts it
  ([operations](operations.md#changes-by-other-engines-that-were-wanted)).
`;
}

function row({ name, by, outcome, note }: Operation, names: readonly Writer[]): string {
  const cells = names.map((writer) => {
    const step = by[writer];
    return isAbsent(step) ? `no: ${step.absent}` : 'yes';
  });
  return `| ${[name, ...cells, outcomes[outcome] + (note === undefined ? '' : `; ${note}`)].join(' | ')} |`;
}
