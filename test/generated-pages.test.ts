/** Pages and schemas that scripts/docs writes are what the code says. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { configSchemaText } from '../scripts/config-schema.ts';
import { costPage } from '../scripts/cost-page.ts';
import { dbtSemantics, dbtSources } from '../scripts/dbt.ts';
import { decisionsIndex } from '../scripts/decisions-index.ts';
import { enginesPage } from '../scripts/engines-page.ts';
import { alertRules, dashboard, prometheusRule } from '../scripts/monitoring.ts';
import { scalePage } from '../scripts/scale-page.ts';
import { shapesPage } from '../scripts/shapes-page.ts';
import { tablesPage } from '../scripts/tables-page.ts';

const read = (name: string): string => readFileSync(join(import.meta.dirname, '..', name), 'utf8');

test('docs/tables.md says what the schemas say', () => {
  expect(read('docs/tables.md')).toBe(tablesPage());
});

test('docs/shapes.md says what the shapes say', () => {
  expect(read('docs/shapes.md')).toBe(shapesPage());
});

test('schemas/config.schema.json says what the program checks a configuration with', () => {
  expect(read('schemas/config.schema.json')).toBe(configSchemaText());
});

test('docs/decisions/README.md lists every decision with its date and status', () => {
  expect(read('docs/decisions/README.md')).toBe(decisionsIndex());
});

test('deploy/dbt has the tables, views and columns that there are, and what is measured of them', () => {
  expect(read('deploy/dbt/models/sources.yml')).toBe(dbtSources());
  expect(read('deploy/dbt/models/semantic.yml')).toBe(dbtSemantics());
});

test('deploy/monitoring has the rules and panels of the metrics that there are', () => {
  expect(read('deploy/monitoring/alerts.yaml')).toBe(alertRules());
  expect(read('deploy/kubernetes/monitoring/prometheus-rule.yaml')).toBe(prometheusRule());
  expect(read('deploy/monitoring/dashboard.json')).toBe(dashboard());
});

test('docs/scale.md sums up what its assumptions say', () => {
  expect(read('docs/scale.md')).toBe(scalePage());
});

test('docs/cost.md sums up what its assumptions say', () => {
  expect(read('docs/cost.md')).toBe(costPage());
});

test('docs/engines.md says what the matrix of test/interop does', () => {
  expect(read('docs/engines.md')).toBe(enginesPage());
});
