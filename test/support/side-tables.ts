/** Side tables to load in tests. */
import type { IdentitiesConfig, ReferenceConfig } from '../../src/sources/config.ts';
import type { ObjectStore } from '../../src/store/store.ts';

export const countries: ReferenceConfig = {
  name: 'countries',
  type: 'reference',
  location: 'memory://test/reference/',
  table: 'user_countries',
  columns: { subject: { type: 'string', required: true }, country: { type: 'string', required: false } },
};

export const identities: IdentitiesConfig = {
  name: 'identities',
  type: 'okera-identities',
  location: 'memory://test/identities/',
};

/** Puts a body under the location of a source. */
export const putExport = (store: ObjectStore, source: { location: string }, key: string, body: string | Uint8Array) =>
  store.put(source.location + key, typeof body === 'string' ? Buffer.from(body) : body);
