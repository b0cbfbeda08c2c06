/** What a catalog promises that can register views. */
import { beforeAll, expect, test } from 'vitest';
import type { ViewChanges, ViewEntry } from '../../src/iceberg/catalog.ts';

export const answers: ViewEntry = {
  name: 'answers',
  description: 'Answers.',
  sql: "SELECT 'ä' AS text, 42 AS number",
  columns: {
    text: { type: 'string', description: 'What was said.' },
    number: { type: 'int', description: 'How often.' },
  },
  reads: 'asker',
};

/** `open` gives a way to catalogs without views, each of them another one on the same database. */
export function viewsContract(
  open: () => Promise<() => { registerViews(views: readonly ViewEntry[]): Promise<ViewChanges> }>,
): void {
  let again: Awaited<ReturnType<typeof open>>;
  beforeAll(async () => {
    again = await open();
  });
  const registered = (view: ViewEntry) => again().registerViews([view]);
  const nothing = { created: [], updated: [], foreign: [] };

  test('is created, and not written again where nothing has changed', async () => {
    const view = { ...answers, name: 'anew' };
    expect(await registered(view)).toEqual({ ...nothing, created: ['anew'] });
    expect(await registered(view)).toEqual(nothing);
  });

  const { text, number } = answers.columns as { text: object; number: object };
  test.each([
    ['SQL', { sql: "SELECT 'b' AS text, 1 AS number" }],
    ['columns', { columns: { text, number: { ...number, type: 'long' } } }],
    ['meaning of a column', { columns: { text, number: { ...number, description: 'How many.' } } }],
    ['rights', { reads: 'owner' }],
    ['meaning', { description: 'Other.' }],
  ])('is replaced when its %s changes, and when that is undone', async (what, change) => {
    const name = what.replaceAll(' ', '_').toLowerCase();
    const [before, after] = [{ ...answers, name }, { ...answers, ...change, name } as ViewEntry];
    expect(await registered(before)).toEqual({ ...nothing, created: [name] });
    for (const view of [after, before]) {
      expect(await registered(view)).toEqual({ ...nothing, updated: [name] });
      expect(await registered(view)).toEqual(nothing);
    }
  });
}
