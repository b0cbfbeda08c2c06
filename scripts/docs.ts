/** Writes the pages that follow from the code. `--check`: writes nothing, exits 1 where a file differs from what would be written. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { configSchemaText } from './config-schema.ts';
import { costPage } from './cost-page.ts';
import { dbtSemantics, dbtSources } from './dbt.ts';
import { decisionsIndex } from './decisions-index.ts';
import { enginesPage } from './engines-page.ts';
import { alertRules, dashboard, prometheusRule } from './monitoring.ts';
import { scalePage } from './scale-page.ts';
import { shapesPage } from './shapes-page.ts';
import { tablesPage } from './tables-page.ts';

const pages = {
  'deploy/dbt/models/semantic.yml': dbtSemantics,
  'deploy/dbt/models/sources.yml': dbtSources,
  'deploy/kubernetes/monitoring/prometheus-rule.yaml': prometheusRule,
  'deploy/monitoring/alerts.yaml': alertRules,
  'deploy/monitoring/dashboard.json': dashboard,
  'docs/cost.md': costPage,
  'docs/scale.md': scalePage,
  'docs/decisions/README.md': decisionsIndex,
  'docs/engines.md': enginesPage,
  'docs/shapes.md': shapesPage,
  'docs/tables.md': tablesPage,
  'schemas/config.schema.json': configSchemaText,
};

for (const [name, text] of Object.entries(pages)) {
  const file = join(import.meta.dirname, '..', name);
  if (!process.argv.includes('--check')) {
    writeFileSync(file, text());
  } else if (readFileSync(file, 'utf8') !== text()) {
    console.error(`${name} is not what the code says: run scripts/docs`);
    process.exitCode = 1;
  }
}
