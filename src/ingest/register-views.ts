/** Registers the views over the tables that exist, where the catalog is one that engines look into. */
import { logEvent } from '../telemetry/events.ts';
import { viewsOver } from '../views/select.ts';
import type { Runtime } from './runtime.ts';

export async function registerViews({
  catalog,
  config,
  log,
}: Pick<Runtime, 'catalog' | 'config' | 'log'>): Promise<void> {
  if (catalog.registerViews === undefined) return;
  const views = viewsOver({ tables: await catalog.listTables(), stewards: config.stewards });
  const { created, updated, foreign } = await catalog.registerViews(views);
  if (created.length + updated.length > 0) logEvent(log, 'views-registered', { created, updated });
  if (foreign.length > 0) logEvent(log, 'view-name-taken', { views: foreign });
}
