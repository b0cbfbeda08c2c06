/** The configuration's check against Ajv, which compiles the same schema: for any document they find the same faults in the same keys. */
import { Ajv, type SchemaValidateFunction } from 'ajv';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { checkAgainstSchema, formatKey } from '../../src/config/check.ts';
import type { ConfigSchema, Unit } from '../../src/config/keys.ts';
import { configSchema } from '../../src/config/schema.ts';
import { parseBoolean, parseCount, parseDuration, parseShare, parseSize } from '../../src/config/units.ts';
import { propertyRuns } from '../support/thorough.ts';

const parse: Readonly<Record<Unit, (value: never) => number | boolean | undefined>> = {
  size: parseSize,
  duration: parseDuration,
  count: parseCount,
  share: parseShare,
  boolean: parseBoolean,
};

const unit: SchemaValidateFunction = (name: Unit, value: unknown, schema, context) => {
  const { least = -Infinity, most = Infinity } = schema as { least?: number; most?: number };
  const isPlain = typeof value === 'string' || typeof value === (name === 'boolean' ? 'boolean' : 'number');
  const read = isPlain ? parse[name](value as never) : undefined;
  if (read === undefined || Number(read) < least || Number(read) > most) return false;
  (context!.parentData as Record<string, unknown>)[context!.parentDataProperty] = read;
  return true;
};

/** A value of a wrong type may be found to fail other keywords as well. */
const once = (keys: readonly string[]): string[] => [...new Set(keys)].sort();

function byAjv() {
  const ajv = new Ajv({ strict: true, allErrors: true, useDefaults: true, allowUnionTypes: true });
  ajv.addKeyword({ keyword: 'unit', schemaType: 'string', modifying: true, validate: unit });
  for (const keyword of ['least', 'most', 'editors', 'secret']) ajv.addKeyword(keyword);
  const validate = ajv.compile(configSchema);
  return (document: unknown): string[] => {
    if (validate(document)) return [];
    return validate.errors!.flatMap(({ instancePath, params, propertyName }) => {
      // The name is in the error of propertyNames that follows.
      if (propertyName !== undefined) return [];
      const key = params.additionalProperty ?? params.missingProperty ?? params.propertyName;
      const path = instancePath.split('/').slice(1);
      const names = path.map((name) => name.replaceAll('~1', '/').replaceAll('~0', '~'));
      return [...names, ...(key === undefined ? [] : [key])].join('.');
    });
  };
}

/** Values that the schema takes more often than not, with any value mixed in. */
function documentOf(schema: ConfigSchema): fc.Arbitrary<unknown> {
  const any = fc.oneof(
    fc.constantFrom(null, true, '', 'a', 'A b', '0', '1%', '5m', '300MiB', '10,000', 's3://b/p', [], {}),
    fc.jsonValue({ maxDepth: 1 }),
  );
  const fitting = (): fc.Arbitrary<unknown> => {
    if (schema.enum) return fc.constantFrom(...(schema.enum as unknown[]));
    if (schema.unit) return fc.oneof(fc.constantFrom('1', '64', '5m', '300MiB', '10,000', '1%', 'yes', true), fc.nat());
    if (schema.type === 'array')
      return fc.array(schema.items ? documentOf(schema.items as ConfigSchema) : any, { maxLength: 3 });
    if (schema.type !== 'object') return fc.constantFrom('a', 'a_b', '*', 's3://bucket/', 'https://host/path', 'h:1');
    const own = Object.entries(schema.properties ?? {}).map(([key, one]) => [key, documentOf(one)] as const);
    const others = schema.additionalProperties ? documentOf(schema.additionalProperties as ConfigSchema) : any;
    return fc
      .tuple(
        fc.record(Object.fromEntries(own), { requiredKeys: [] }),
        fc.dictionary(fc.constantFrom('a', 'b_1', 'A', 'nearly', 'constructor', 'a/b', 'typ'), others, { maxKeys: 1 }),
      )
      .map(([one, other]) => ({ ...other, ...one }));
  };
  return fc.oneof({ weight: 15, arbitrary: fitting() }, { weight: 1, arbitrary: any });
}

describe('a document', () => {
  test('has the faults that Ajv finds, in the same keys, and becomes the same values', () => {
    const ajv = byAjv();
    fc.assert(
      fc.property(documentOf(configSchema), (document) => {
        const theirs = structuredClone(document);
        const ours = structuredClone(document);
        const expected = ajv(theirs);
        const problems = checkAgainstSchema(ours).map(({ path }) => path.join('.'));
        expect(once(problems)).toEqual(once(expected));
        if (expected.length === 0) expect(ours).toEqual(theirs);
      }),
      { numRuns: propertyRuns(3000) },
    );
  });

  test('that a program gives may have undefined where there is nothing', () => {
    const document = { warehouse: 'w', sources: [{ name: 'a', type: 'opa', location: 'l' }], batch: undefined };
    expect(checkAgainstSchema(document)).toEqual([]);
    expect(document.batch).toMatchObject({ objects: 10_000 });
    expect(checkAgainstSchema({ warehouse: undefined, sources: document.sources })).toEqual([
      expect.objectContaining({ path: ['warehouse'] }),
    ]);
  });

  test.each([
    ['batch', 'claim', true, 'must be a duration such as'],
    ['compact', 'find_duplicates', 0, 'must be true or false'],
    ['batch', 'bytes', () => 1, 'must be a size such as'],
  ])('%s.%s: %s is refused, not stumbled over', (section, key, value, message) => {
    const document = {
      warehouse: 'w',
      sources: [{ name: 'a', type: 'opa', location: 'l' }],
      [section]: { [key]: value },
    };
    expect(checkAgainstSchema(document)).toEqual([{ path: [section, key], message: expect.stringContaining(message) }]);
  });

  test('that is as wrong as it can be is told no more than a thousand faults', () => {
    const sources = Array.from({ length: 5000 }, () => 1);
    const problems = checkAgainstSchema({ warehouse: 'w', sources });
    expect(problems).toHaveLength(1000);
    expect(problems.slice(0, 2).map(({ path, message }) => `${formatKey(path)} ${message}`)).toEqual([
      'sources must not have more than 1000 items',
      'sources[0] must be a group of keys',
    ]);
  });
});

test('the schema has no keyword that the check does not carry out, or that says nothing to it', () => {
  const known = [
    ...['type', 'enum', 'pattern', 'minLength', 'minItems', 'maxItems', 'items', 'properties', 'required'],
    ...['propertyNames', 'additionalProperties', 'unit', 'least', 'most', 'default'],
    ...['description', 'examples', 'editors', 'secret'],
  ];
  const keywords = (schema: unknown): string[] => {
    if (typeof schema !== 'object' || schema === null) return [];
    const { properties = {}, items, additionalProperties, propertyNames } = schema as ConfigSchema;
    const inside = [...Object.values(properties), items, additionalProperties].flatMap(keywords);
    expect(Object.keys(propertyNames ?? { pattern: '' })).toEqual(['pattern']);
    return [...Object.keys(schema), ...inside];
  };
  expect([...new Set(keywords(configSchema))].filter((keyword) => !known.includes(keyword))).toEqual([]);
});
