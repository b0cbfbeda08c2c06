import { describe, expect, test } from 'vitest';
import { producers, typed } from './producers.ts';
import { decisionOf, readObject } from './read.ts';

const parsed = producers.find(({ name }) => name === 'OpenTelemetry Collector, parsed')!;
const members = (record: object) =>
  Object.entries(record).map(([key, value]) => ({ ...(key !== '' && { key }), value: typed(value) }));
const logs = (logRecord: object): string =>
  JSON.stringify({ resourceLogs: [{ scopeLogs: [{ logRecords: [logRecord] }] }] });
/** A decision's body with another value of `input`. */
const bodyWith = (input: unknown, more: readonly unknown[] = []): string => {
  const { input: _, ...rest } = decisionOf('a');
  return logs({ body: { kvlistValue: { values: [...members(rest), { key: 'input', value: input }, ...more] } } });
};

describe('typed values that say less than others', () => {
  const inputs = [
    null,
    { user: null },
    { roles: [null, 'x', null], groups: [], attributes: {} },
    { '': 1, a: { '': null } },
    [[], [[null]], {}],
  ];

  test.each(inputs.map((input) => [JSON.stringify(input), input] as const))('%s', async (text, input) => {
    for (const object of [
      parsed.write([decisionOf('a', input)]),
      logs({ attributes: members(decisionOf('a', input)) }),
      logs({ attributes: members({ ...decisionOf('a', input), error: null, '': 'empty key' }) }),
    ])
      expect(await readObject(object)).toMatchObject({ rows: [['a', text]], quarantined: [] });
  });

  test.each([
    [{ kvlistValue: {} }, '{}'],
    [{ kvlistValue: { values: null } }, '{}'],
    [{ kvlistValue: null }, 'null'],
    [{ arrayValue: {} }, '[]'],
    [{ arrayValue: { values: [{ arrayValue: {} }, null] } }, '[[],null]'],
    [{ kvlistValue: { values: [{ key: 'a' }, { value: { boolValue: false }, key: 'b' }] } }, '{"a":null,"b":false}'],
    [{ kvlistValue: { values: [{ value: { stringValue: 'x' } }] } }, '{"":"x"}'],
  ])('%j is %s', async (value, text) => {
    expect(await readObject(bodyWith(value))).toMatchObject({ rows: [['a', text]], quarantined: [] });
  });
});

test.each([
  [{ intValue: '9007199254740993' }, '9007199254740993'],
  [{ intValue: 7 }, '7'],
  [{ intValue: '007' }, '"007"'],
  [{ doubleValue: '1.50' }, '1.50'],
  [{ doubleValue: 'NaN' }, '"NaN"'],
  [{ doubleValue: '-Infinity' }, '"-Infinity"'],
])('the number %j is %s', async (value, text) => {
  expect(await readObject(bodyWith(value))).toMatchObject({ rows: [['a', text]], quarantined: [] });
});

test('values of no type, and elements that are no members, are kept beside the others', async () => {
  const odd = { kvlistValue: { values: [{ key: 'a', value: { futureValue: [1] } }, 'junk'], future: 1 } };
  expect(await readObject(bodyWith(odd, [{ key: 'future', value: { stringValue: 'x', strindex: 1 } }]))).toMatchObject({
    rows: [['a', '{"a":{"futureValue":[1]},"":"junk"}']],
    extras: [expect.stringContaining('"future":{"stringValue":"x","strindex":1}')],
    quarantined: [],
  });
});

test('messages of a list are no members of one object, though each has a typed value', async () => {
  const messages = ['a', 'b'].map((id) => ({ value: { stringValue: JSON.stringify(decisionOf(id)) } }));
  const { rows } = await readObject(JSON.stringify({ batch: messages }));
  expect(rows.map(([id]) => id)).toEqual(['a', 'b']);
});
