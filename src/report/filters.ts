/** What a report can be limited to. */
import type { Config } from '../config/config.ts';
import { selectSources } from '../ingest/select-sources.ts';

export interface Filters {
  /** Subject of decisions, user of Okera. */
  readonly subject?: string | undefined;
  readonly path?: string | undefined;
  /** Name of a source of the configuration. */
  readonly source?: string | undefined;
}

/** Throws UsageError for a source that is not in the configuration. */
export function checkFilters({ source }: Filters, config: Config): void {
  if (source !== undefined) selectSources({ config }, [source]);
}
