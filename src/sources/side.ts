/** The sources of side tables by the type that the config names. */
import type { SideSourceConfig } from './config.ts';
import { okeraIdentitiesSource } from './okera-identities/source.ts';
import type { SideSource } from './reference/side-table.ts';
import { referenceSource } from './reference/source.ts';

export const createSideSource = (config: SideSourceConfig): SideSource =>
  config.type === 'reference' ? referenceSource(config) : okeraIdentitiesSource(config);
