/** Whether the rows of each source have the standard columns that its configuration gives now. */
import { createLedger } from '../../ingest/claimed-batch.ts';
import { adviceOnOtherMapping, describeOtherMapping, findOtherMappings } from '../../ingest/other-mappings.ts';
import type { Runtime } from '../../ingest/runtime.ts';
import { selectSources } from '../../ingest/select-sources.ts';
import { type Finding, ok, warning } from './check.ts';

export async function checkMappings(runtime: Runtime): Promise<Finding> {
  const others = await findOtherMappings(createLedger(runtime), selectSources(runtime, undefined));
  if (others.length === 0) return ok('all rows were written with the shape and fields that their sources have now');
  return warning(others.map(describeOtherMapping).join('; '), others.map(adviceOnOtherMapping).join('; '));
}
