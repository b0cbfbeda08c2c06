/**
 * Holds a raw configuration against the schema: fills defaults in, turns units into numbers, and says what is wrong by
 * key. Nothing here touches a file; load.ts says where each key came from.
 */
import { Ajv, type ErrorObject, type SchemaValidateFunction } from 'ajv';
import { nearest } from './errors.ts';
import type { ConfigSchema, Unit } from './keys.ts';
import { configSchema } from './schema.ts';
import { parseBoolean, parseCount, parseDuration, parseShare, parseSize } from './units.ts';

export type KeyPath = readonly (string | number)[];

export interface KeyProblem {
  readonly path: KeyPath;
  readonly message: string;
}

const readers: Readonly<Record<Unit, { parse(value: never): number | boolean | undefined; expected: string }>> = {
  size: { parse: parseSize, expected: 'a size such as 268435456, 256MiB or 1GB' },
  duration: { parse: parseDuration, expected: 'a duration such as 600, 90s, 10m or 1h30m' },
  count: { parse: parseCount, expected: 'a whole number such as 10000 or 10,000' },
  share: { parse: parseShare, expected: 'a share such as 1% or 0.01' },
  boolean: { parse: parseBoolean, expected: 'true or false' },
};

/** `least` and `most` stand beside `unit` in the schema, so that they are looked at after it has read the value. */
const readUnit: SchemaValidateFunction = (unit: Unit, value: unknown, schema, context) => {
  const { parse, expected } = readers[unit];
  const { least, most } = schema as { least?: number; most?: number };
  const result = typeof value === 'object' || value === undefined ? undefined : parse(value as never);
  const fail = (message: string): false => {
    readUnit.errors = [{ keyword: 'unit', message, params: {} }];
    return false;
  };
  if (result === undefined || (unit !== 'boolean' && typeof value === 'boolean')) return fail(`must be ${expected}`);
  if (typeof result === 'number' && least !== undefined && result < least) return fail(`must be at least ${least}`);
  if (typeof result === 'number' && most !== undefined && result > most) return fail(`must be at most ${most}`);
  if (context) (context.parentData as Record<string, unknown>)[context.parentDataProperty] = result;
  return true;
};

/** More are not told apart: each costs a look through the document for its line. */
const mostProblems = 1000;

/** Changes `raw` in place: after a check without problems it has every key of the schema that has a default. */
export function checkAgainstSchema(raw: unknown): KeyProblem[] {
  // validateSchema off: compiling the schema of schemas takes longer than all else here; a test holds ours to it.
  const options = { allErrors: true, useDefaults: true, verbose: true, allowUnionTypes: true, validateSchema: false };
  const ajv = new Ajv({ ...options, strict: true });
  ajv.addKeyword({ keyword: 'unit', schemaType: 'string', modifying: true, errors: true, validate: readUnit });
  ajv.addKeyword({ keyword: 'least', schemaType: 'number' });
  ajv.addKeyword({ keyword: 'most', schemaType: 'number' });
  ajv.addKeyword({ keyword: 'editors', schemaType: 'object' });
  ajv.addKeyword({ keyword: 'secret', schemaType: 'boolean' });
  const validate = ajv.compile(configSchema);
  if (validate(raw)) return [];
  return (validate.errors ?? []).slice(0, mostProblems).flatMap(toProblem);
}

function toProblem(error: ErrorObject): KeyProblem[] {
  const path = error.instancePath
    .split('/')
    .slice(1)
    .map((segment) => segment.replaceAll('~1', '/').replaceAll('~0', '~'))
    .map((segment) => (/^\d+$/.test(segment) ? Number(segment) : segment));
  const schema = error.parentSchema as ConfigSchema;
  switch (error.keyword) {
    case 'additionalProperties': {
      const key = String(error.params.additionalProperty);
      const known = Object.keys(schema.properties ?? {});
      const near = nearest(key, known);
      const hint = near ? `did you mean ${near}?` : `known here: ${known.join(', ')}`;
      return [{ path: [...path, key], message: `unknown key; ${hint}` }];
    }
    case 'required': {
      const key = String(error.params.missingProperty);
      const description = schema.properties?.[key]?.description;
      return [{ path: [...path, key], message: `is missing${description ? `: ${description}` : ''}` }];
    }
    case 'type': {
      const names = { object: 'a group of keys', array: 'a list', string: 'text' } as Record<string, string>;
      return [{ path, message: `must be ${names[String(error.params.type)] ?? error.params.type}` }];
    }
    case 'enum': {
      const allowed = (error.params.allowedValues as readonly string[]) ?? [];
      const near = typeof error.data === 'string' ? nearest(error.data, allowed) : undefined;
      return [{ path, message: `must be one of ${allowed.join(', ')}${near ? `; did you mean ${near}?` : ''}` }];
    }
    case 'propertyNames':
      return [
        {
          path: [...path, String(error.params.propertyName)],
          message: 'a column name is lower-case letters, digits and _, and starts with a letter or _',
        },
      ];
    case 'pattern':
      // The name itself is reported by the propertyNames error that comes with it.
      if (error.propertyName !== undefined) return [];
      return [
        { path, message: `does not fit: ${schema.description ?? error.params.pattern} (${error.params.pattern})` },
      ];
    case 'minItems':
    case 'minLength':
      return [{ path, message: 'must not be empty' }];
    default:
      return [{ path, message: error.message ?? 'is not valid' }];
  }
}

/** sources[0].columns.tenant from ['sources', 0, 'columns', 'tenant']. */
export const formatKey = (path: KeyPath): string =>
  path.reduce<string>(
    (text, part) => (typeof part === 'number' ? `${text}[${part}]` : text === '' ? part : `${text}.${part}`),
    '',
  );
