/** The text of docs/decisions/README.md: every decision with its date and status, from the first lines of its page. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const folder = join(import.meta.dirname, '../docs/decisions');

export function decisionsIndex(): string {
  const pages = readdirSync(folder).filter((name) => /^\d{3}-.*\.md$/.test(name));
  return [
    '# Decisions',
    '',
    'Why things are as they are: one page per decision with its context, the options, what was measured and what follows from it. A',
    'page is not rewritten when a later decision replaces it; its status says which one does. This index is written by `scripts/docs`.',
    '',
    '| decision | date | status |',
    '| --- | --- | --- |',
    ...pages.sort().map(row),
    '',
  ].join('\n');
}

function row(name: string): string {
  const head = /^# (\d{3}): ([^\n]+)\n\nDate: (\d{4}-\d{2}-\d{2})\. Status: ([^\n]+)\.\n\n/.exec(
    readFileSync(join(folder, name), 'utf8'),
  );
  if (head === null || !name.startsWith(`${head[1]}-`)) {
    throw new Error(
      `docs/decisions/${name} has to begin with "# ${name.slice(0, 3)}: Title", an empty line and "Date: YYYY-MM-DD. Status: …."`,
    );
  }
  const [, number, title, date, status] = head;
  return `| [${number}: ${title}](${name}) | ${date} | ${status} |`;
}
