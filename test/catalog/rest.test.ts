import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { RestCatalog } from '../../src/catalog/rest/catalog.ts';
import type { ViewEntry } from '../../src/iceberg/catalog.ts';
import { LocalStore } from '../../src/store/local.ts';
import { RoutedStore } from '../../src/store/router.ts';
import { catalogContract } from '../contract/catalog.ts';
import { describeWith, rig } from '../support/rig.ts';

const folder = mkdtempSync(join(tmpdir(), 'aw-rest-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

async function open() {
  const { uri, namespace } = await rig.rest();
  // Two levels, of which none exists.
  const options = { uri, namespace: [namespace, 'logs'], warehouse: `file://${folder}/${namespace}` };
  const again = () => new RestCatalog(options);
  return {
    store: new RoutedStore({ file: new LocalStore() }),
    catalog: again(),
    again,
    serverWritesMetadata: true,
    options,
  };
}

describeWith(['rest'], 'REST catalog', () => {
  catalogContract(open);

  describe('views', () => {
    let again: () => RestCatalog;
    const view: ViewEntry = {
      name: 'who',
      description: 'Who there is.',
      sql: 'SELECT subject FROM events',
      columns: { subject: 'string' },
      reads: 'owner',
    };
    beforeAll(async () => {
      const opened = await open();
      again = opened.again;
      await opened.catalog.ensureNamespace();
    });
    const registered = (...views: ViewEntry[]) => again().registerViews(views);

    test('are created, then left alone, then replaced when they change', async () => {
      expect(await registered(view)).toEqual({ created: ['who'], updated: [], foreign: [] });
      expect(await registered(view)).toEqual({ created: [], updated: [], foreign: [] });
      const changed: ViewEntry = {
        ...view,
        sql: 'SELECT subject, 1 n FROM events',
        columns: { subject: 'string', n: 'int' },
      };
      expect(await registered(changed)).toEqual({ created: [], updated: ['who'], foreign: [] });
      expect(await registered({ ...changed, reads: 'asker' })).toEqual({ created: [], updated: ['who'], foreign: [] });
      expect(await registered({ ...changed, reads: 'asker' })).toEqual({ created: [], updated: [], foreign: [] });
      // And back to what it has said before.
      expect(await registered(view)).toEqual({ created: [], updated: ['who'], foreign: [] });
      expect(await registered(view)).toEqual({ created: [], updated: [], foreign: [] });
    });
  });
});
