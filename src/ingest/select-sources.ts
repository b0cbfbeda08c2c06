import { UsageError } from '../config/errors.ts';
import { configuredSource } from '../sources/index.ts';
import type { ConfiguredSource } from './plan.ts';
import type { Runtime } from './runtime.ts';

/** Throws UsageError for a name that is not configured. */
export function selectSources(
  { config }: Pick<Runtime, 'config'>,
  names: readonly string[] | undefined,
): ConfiguredSource[] {
  const unknown = names?.find((name) => !config.sources.some((source) => source.name === name));
  if (unknown !== undefined) {
    throw new UsageError(
      `no source ${unknown} in the configuration; there are: ${config.sources.map((s) => s.name).join(', ')}`,
    );
  }
  const selected = config.sources.filter(
    (source) => names === undefined || names.length === 0 || names.includes(source.name),
  );
  return selected.map((source) => ({
    config: source,
    source: configuredSource(source, config.limits),
  }));
}
