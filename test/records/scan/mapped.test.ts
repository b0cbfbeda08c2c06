/**
 * Columns with alternatives: whatever stands at any of their paths, the fast path picks what the reference path picks.
 * The records are made for the mapping, with all kinds of values at all of its paths.
 */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createSource } from '../../../src/sources/index.ts';
import type { FieldPaths } from '../../../src/sources/opa/fields.ts';
import { mappingOf, type ShapeName, shapeNames } from '../../../src/sources/opa/shapes.ts';
import type { Source } from '../../../src/sources/source.ts';
import type { Mapping } from '../../../src/tables/mapping.ts';
import { propertyRuns } from '../../support/thorough.ts';
import { number, string, value } from './arbitraries.ts';
import { BothPaths } from './both-paths.ts';
import { limits } from './promotions.ts';

const runs = propertyRuns(120);

type Fields = Readonly<Record<string, readonly FieldPaths[]>>;

const everyRule: Fields = {
  subject: ['input.a.b', { path: 'input.list', join: ', ' }, { path: 'input.a', join: '' }, 'labels.team', 'req_id'],
  action: [{ path: 'input.list', join: '/', lead: '/' }, 'input', 'unknown.x', 'decision_id'],
  resource: ['input.list.0', 'input.list', 'input.a.b.c', 'mapped_result'],
  client_ip: ['input.a.b', { path: 'unknown.list', join: ':' }],
  country: ['result', 'metrics.timer_x'],
  allowed: [
    'result.ok',
    { path: 'result.denied', is: 'false' },
    { path: 'result.granted', is: 'true' },
    { path: 'result.deny', is: 'empty' },
    { path: 'result', is: 'empty' },
    { path: 'input.a.b', is: 'present' },
    { path: 'unknown', is: 'present' },
    { path: 'unknown.x', is: 'present' },
  ],
  message: [{ path: 'result.deny', join: '; ' }, { path: 'result', join: '\n' }, 'result.why'],
  roles: ['input.list', 'result.deny', 'erased', 'labels', 'input.a'],
};

const groups: ReadonlyMap<string, Mapping> = new Map([
  ...shapeNames.map((name): [string, Mapping] => [name, mappingOf([name])]),
  ['all shapes, one behind the other', mappingOf(shapeNames)],
  ['all shapes in another order', mappingOf([...shapeNames].reverse() as ShapeName[])],
  ['every rule', mappingOf(['article'], everyRule)],
  ['no column at all', {}],
]);

const promoted = {
  of_the_same_path: { path: 'input.subject', type: 'string', strict: false },
  number_of_it: { path: 'result', type: 'double', strict: false },
} as const;

const sources = new Map([...groups].map(([name, mapping]) => [name, createSource('opa', promoted, limits, mapping)]));

/** What may stand at a path: usable for some columns, odd for others. */
const leaf = fc.oneof(
  { weight: 6, arbitrary: string },
  { weight: 2, arbitrary: number },
  { weight: 4, arbitrary: fc.constantFrom('true', 'false', 'null') },
  { weight: 2, arbitrary: fc.array(string, { maxLength: 3 }).map((some) => `[ ${some.join(' ,')} ]`) },
  { weight: 3, arbitrary: fc.constantFrom('[]', '[ ]', '{}', '{ }', '""', '[""]', '["a","b"]', '["a\\"\\u00e9/"]') },
  { weight: 1, arbitrary: fc.constantFrom('[1]', '["a",1]', '[["a"]]', '[{}]', '-0', '1e3', '12345678901234567890') },
  { weight: 1, arbitrary: value },
);

/** A tree of members along some of the paths, with a value at the end of each; a path may end where another goes on. */
interface Tree {
  text?: string;
  readonly below: Map<string, Tree>;
}

function textOf({ text, below }: Tree): string {
  if (text !== undefined) return text;
  return `{${[...below].map(([key, tree]) => `${JSON.stringify(key)}:${textOf(tree)}`).join(',')}}`;
}

function recordOf(mapping: Mapping): fc.Arbitrary<string> {
  const paths = Object.values(mapping).flatMap((alternatives) => alternatives.map(({ path }) => path));
  const some = paths.length === 0 ? fc.constant([]) : fc.subarray(paths, { maxLength: Math.min(14, paths.length) });
  return some.chain((chosen) =>
    fc.tuple(...chosen.map((path) => fc.tuple(fc.constant(path), leaf))).map((values) => {
      const root: Tree = { below: new Map() };
      const members: [string, string][] = [
        ['decision_id', '"d-1"'],
        ['timestamp', '"2023-07-11T17:01:42Z"'],
      ];
      for (const [path, text] of values as [readonly string[], string][]) {
        let tree = root;
        for (const segment of path) {
          const next = tree.below.get(segment) ?? { below: new Map() };
          tree.below.set(segment, next);
          tree = next;
        }
        // Seldom in the way of what lies below it.
        if (tree.below.size === 0 || text.length % 5 === 0) tree.text = text;
      }
      for (const [key, tree] of root.below) if (key !== 'decision_id') members.push([key, textOf(tree)]);
      return `{${members.map(([key, text]) => `${JSON.stringify(key)}:${text}`).join(',')}}`;
    }),
  );
}

describe.each([...sources])('%s', (name, source: Source) => {
  const records = recordOf(groups.get(name)!);

  test('one record alone', () => {
    let fast = 0;
    fc.assert(
      fc.property(records, (record) => {
        const both = new BothPaths(source);
        if (both.take(record) === 'fast') fast++;
        both.compareRows();
      }),
      { numRuns: runs },
    );
    expect(fast).toBeGreaterThan(0);
  });

  test('many records of one run, each beside the others', () => {
    fc.assert(
      fc.property(fc.array(records, { minLength: 2, maxLength: 150 }), (some) => {
        const both = new BothPaths(source);
        for (const [n, record] of some.entries()) both.take(record.replace('"d-1"', `"d-${n}"`));
        both.compareRows();
      }),
      { numRuns: propertyRuns(15) },
    );
  });
});

test('no record of a known shape is left to the reference path for its mapping', () => {
  const both = new BothPaths(sources.get('every rule')!);
  const texts = [
    '"t"',
    '"esc\\n"',
    '12',
    '-1.5e3',
    '12345678901234567890',
    'true',
    'null',
    '[]',
    '["a","b"]',
    '{"x":1}',
  ];
  let n = 0;
  for (const text of texts) {
    for (const member of [
      '"input":{"a":{"b":@}}',
      '"result":{"denied":@}',
      '"result":{"why":@}',
      '"unknown":{"x":@}',
    ]) {
      both.take(`{"decision_id":"d-${n++}","timestamp":"2023-07-11T17:01:42Z",${member.replace('@', text)}}`);
    }
  }
  both.compareRows();
  expect(both.counts).toMatchObject({ fast: n, slow: 0 });
});
