/** The text of docs/tables.md: every table with its columns, and the reasons of quarantine, from their declarations. */
import { rejectionCodes } from '../src/records/outcome.ts';
import { identityTableOf } from '../src/sources/okera-identities/tables.ts';
import { provenanceColumns } from '../src/sources/reference/side-table.ts';
import { eventSources } from '../src/sources/registry.ts';
import { amendments } from '../src/tables/amendments.ts';
import type { TableDeclaration } from '../src/tables/declaration.ts';
import { declareTable } from '../src/tables/declare.ts';
import { ingestedObjects } from '../src/tables/ingested-objects.ts';
import { quarantine } from '../src/tables/quarantine.ts';
import { type AnnotatedSchema, columnTypeText, extractions } from '../src/tables/schema.ts';
import { sequences } from '../src/tables/sequences.ts';
import { type ViewDeclaration, viewDeclarations } from '../src/views/declarations.ts';

interface Section {
  readonly table: TableDeclaration;
  readonly schema?: AnnotatedSchema;
}

export function tablesPage(): string {
  const sections: Section[] = [
    ...Object.values(eventSources).map(({ schema }) => ({ table: declareTable(schema), schema })),
    { table: quarantine },
    { table: ingestedObjects },
    { table: amendments },
    { table: sequences },
  ];
  const identities = Object.values(identityTableOf).map(({ declaration }) => ({ table: declaration }));
  const reasons = Object.entries(rejectionCodes).map(([code, meaning]) => `| \`${code}\` | ${meaning} |`);
  return [
    '# Tables',
    '',
    'Written by `scripts/docs` from `schemas/` and `src/tables/`; do not edit.',
    '',
    'All tables are partitioned by `ymd`, the UTC day of the event as `YYYY-MM-DD`. Timestamps are without zone, in UTC, in',
    'microseconds. Columns stand in the order of the files: what is read together side by side, big raw text last. Columns',
    'that the configuration promotes come before the big raw text.',
    ...sections.flatMap(section),
    '',
    '## Side tables',
    '',
    'Tables of sources of type `okera-identities`, which follow, and `reference`, whose columns the configuration declares. Each',
    'is replaced as a whole, in one snapshot, when the objects that it is made of change. All end with these columns:',
    '',
    '| column | type | meaning |',
    '| --- | --- | --- |',
    ...provenanceColumns.map(
      ({ name, type, description }) => `| \`${name}\` | \`${columnTypeText(type)}\`, never null | ${description} |`,
    ),
    ...identities.flatMap(section),
    '',
    '## Views',
    '',
    'What they are for is in [views.md](views.md).',
    ...viewDeclarations.flatMap(viewSection),
    '',
    '## Reasons of quarantine',
    '',
    '| reason | meaning |',
    '| --- | --- |',
    ...reasons,
    '',
  ].join('\n');
}

function section({ table, schema }: Section): string[] {
  const paths = new Map(schema ? extractions(schema).map(({ column, path }) => [column, `\`${path.join('.')}\``]) : []);
  for (const column of Object.keys(schema?.['x-table'].mapped ?? {})) paths.set(column, '[shape](shapes.md)');
  const facts = [`Sorted by ${names(table.sortedBy)} inside a file.`];
  if (table.bloomColumns.length > 0) facts.push(`Bloom filters on ${names(table.bloomColumns)}.`);
  return [
    '',
    `## ${table.name}`,
    '',
    `${table.description} ${facts.join(' ')}`,
    '',
    `| column | type |${schema ? ' from |' : ''} meaning |`,
    `| --- | --- |${schema ? ' --- |' : ''} --- |`,
    ...table.columns.map(({ name, type, description, required }) => {
      const path = paths.get(name);
      const from = schema ? ` ${path ?? ''} |` : '';
      const typeText = `\`${columnTypeText(type)}\`${required ? ', never null' : ''}`;
      return `| \`${name}\` | ${typeText} |${from} ${escaped(description)} |`;
    }),
  ];
}

const viewSection = ({ name, description, columns }: ViewDeclaration): string[] => [
  '',
  `### ${name}`,
  '',
  description,
  '',
  '| column | type | meaning |',
  '| --- | --- | --- |',
  ...Object.entries(columns).map(
    ([column, { type, description: meaning }]) => `| \`${column}\` | \`${type}\` | ${escaped(meaning)} |`,
  ),
];

const escaped = (text: string): string => text.replaceAll('|', '\\|').replaceAll('<', '&lt;');

const names = (columns: readonly string[]): string => columns.map((name) => `\`${name}\``).join(', ');
