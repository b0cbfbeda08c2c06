import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { tablesPage } from '../../scripts/tables-page.ts';

test('docs/tables.md says what the schemas say (scripts/docs writes it)', () => {
  expect(readFileSync(join(import.meta.dirname, '..', '..', 'docs', 'tables.md'), 'utf8')).toBe(tablesPage());
});
