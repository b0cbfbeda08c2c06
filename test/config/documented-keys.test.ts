/** The table of keys in docs/cli.md, against the declaration. */
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { sections } from '../../src/config/schema.ts';

const page = readFileSync(new URL('../../docs/cli.md', import.meta.url), 'utf8');

/** Default by key; where a row has several keys, defaults are as many or one for all. */
function documented(): Map<string, string> {
  const rows = page.matchAll(/^\| (`[a-z]+[.][^|]*?`) *\| ([^|]*?) *\|/gm);
  return new Map(
    [...rows].flatMap(([, keys, defaults]) => {
      const named = keys!.split(', ').map((key) => key.replaceAll('`', ''));
      const values = defaults!.split(', ');
      const section = named[0]!.split('.', 1)[0]!;
      return named.map((key, i) => {
        const name = key.startsWith('.') ? section + key : key;
        return [name, (values[i] ?? values.at(-1)!).replaceAll('`', '')] as const;
      });
    }),
  );
}

test('every key that has a default is documented with it', () => {
  const inPage = documented();
  const declared = Object.entries(sections).flatMap(([section, { properties }]) =>
    Object.entries(properties as Record<string, { readonly default?: unknown }>).flatMap(
      ([name, { default: value }]) =>
        ['string', 'number', 'boolean'].includes(typeof value) ? [[`${section}.${name}`, String(value)] as const] : [],
    ),
  );
  expect(declared.length).toBeGreaterThan(30);
  expect(declared.map(([key]) => [key, inPage.get(key)])).toEqual(declared);
});
