/** The dbt package as far as it can be looked at without dbt: docs/dbt.md names all that it has. test/e2e/dbt.test.ts runs it. */
import { globSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { projectRoot } from '../support/cli.ts';

const root = join(projectRoot, 'deploy/dbt');
const read = (name: string): string => readFileSync(join(root, name), 'utf8');
const docs = readFileSync(join(projectRoot, 'docs/dbt.md'), 'utf8');
const files = globSync('{models,macros,tests}/**/*.sql', { cwd: root });
const models = files.filter((file) => file.startsWith('models/')).map((file) => basename(file, '.sql'));

test('docs/dbt.md names every model, metric and variable', () => {
  const { metrics } = parse(read('models/semantic.yml')) as { metrics: { name: string }[] };
  const { vars } = parse(read('dbt_project.yml')) as { vars: Record<string, unknown> };
  for (const name of [...models, ...metrics.map((metric) => metric.name), ...Object.keys(vars)])
    expect(docs).toContain(`\`${name}\``);
  expect(models.length).toBeGreaterThan(5);
});

test('models refer to models and sources that there are, and read only variables that are declared', () => {
  const { sources } = parse(read('models/sources.yml')) as { sources: { tables: { name: string }[] }[] };
  const tables = sources[0]!.tables.map((table) => table.name);
  const { vars } = parse(read('dbt_project.yml')) as { vars: Record<string, unknown> };
  for (const file of [...files, 'models/sources.yml', 'models/semantic.yml']) {
    const text = read(file);
    for (const [, name] of text.matchAll(/\bref\('(\w+)'\)/g)) expect(models, file).toContain(name);
    for (const [, name] of text.matchAll(/\bsource\('audit_warehouse', '(\w+)'\)/g))
      expect(tables, file).toContain(name);
    for (const [, name] of text.matchAll(/\bvar\('(\w+)'\)/g)) expect(Object.keys(vars), file).toContain(name);
  }
});
