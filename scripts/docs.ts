/** Writes docs/tables.md. `--check`: writes nothing, exits 1 where the file differs from what would be written. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { tablesPage } from './tables-page.ts';

const file = join(import.meta.dirname, '..', 'docs', 'tables.md');
const page = tablesPage();
if (!process.argv.includes('--check')) {
  writeFileSync(file, page);
} else if (readFileSync(file, 'utf8') !== page) {
  console.error('docs/tables.md does not match the schemas: run scripts/docs');
  process.exitCode = 1;
}
