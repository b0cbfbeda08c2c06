import { expect, test } from 'vitest';
import { createSource } from '../../src/sources/index.ts';
import { identityTableOf } from '../../src/sources/okera-identities/tables.ts';
import { isProductName } from '../../src/sources/registry.ts';
import { amendments } from '../../src/tables/amendments.ts';
import { ingestedObjects } from '../../src/tables/ingested-objects.ts';
import { quarantine } from '../../src/tables/quarantine.ts';
import { sequences } from '../../src/tables/sequences.ts';
import { viewDeclarations } from '../../src/views/declarations.ts';
import { defaultLimits } from '../support/fixture.ts';

test('every table and view of the product is refused as the name of a table of the configuration', () => {
  const events = (['opa', 'okera-audit'] as const).map((type) => createSource(type, {}, defaultLimits).table);
  const identities = Object.values(identityTableOf).map((table) => table.declaration);
  for (const { name } of [
    ...events,
    ...identities,
    quarantine,
    ingestedObjects,
    amendments,
    sequences,
    ...viewDeclarations,
  ]) {
    expect(isProductName(name), name).toBe(true);
  }
  expect(isProductName('user_countries')).toBe(false);
});
