/**
 * The text of schemas/config.schema.json: the configuration as editors check and complete it. It follows from the schema that
 * the program checks with (src/config/schema.ts): our keyword `unit` becomes the notations that it reads, a value may hold
 * `${VARIABLE}`, and what JSON Schema cannot say (bounds of `10m`, keys by type of source) is left to
 * `audit-warehouse validate`.
 */
import type { ConfigSchema, Unit } from '../src/config/keys.ts';
import { configSchema } from '../src/config/schema.ts';
import { unitPatterns } from '../src/config/units.ts';

type JsonSchema = Readonly<Record<string, unknown>>;

const variable = '\\$\\{[^}]+\\}';
const variableText: JsonSchema = { type: 'string', pattern: variable };
const isRecord = (value: unknown): value is ConfigSchema => typeof value === 'object' && value !== null;

export function configSchemaText(): string {
  const required = configSchema.required as readonly string[];
  const schema = {
    $schema: 'http://json-schema.org/draft-07/schema#',
    title: 'Configuration of audit-warehouse',
    ...forEditors(configSchema),
    properties: Object.fromEntries(
      // A group whose keys are all commented out is null in YAML.
      Object.entries(configSchema.properties ?? {}).map(([key, property]) => [
        key,
        required.includes(key) ? forEditors(property) : { anyOf: [forEditors(property), { type: 'null' }] },
      ]),
    ),
  };
  return `${JSON.stringify(schema, null, 2)}\n`;
}

function forEditors(schema: ConfigSchema): JsonSchema {
  const { unit, least, most, editors, secret: _, ...rest } = schema;
  if (editors !== undefined) return { ...rest, ...(editors as JsonSchema) };
  if (unit !== undefined) return withUnit(unit, { least, most }, rest);
  const { properties, additionalProperties, items, pattern, enum: names, type, ...others } = rest;
  if (names !== undefined) return { ...others, anyOf: [{ type, enum: names }, variableText] };
  return {
    ...others,
    ...(type !== undefined && { type }),
    ...(pattern !== undefined && { pattern: `(?:${pattern})|${variable}` }),
    ...(isRecord(items) && { items: forEditors(items) }),
    ...(isRecord(properties) && { properties: Object.fromEntries(Object.entries(properties).flatMap(bothSpellings)) }),
    ...(additionalProperties !== undefined && {
      additionalProperties: isRecord(additionalProperties) ? forEditors(additionalProperties) : additionalProperties,
    }),
  };
}

/** The program takes a key in camel case in snake case too. */
function bothSpellings([key, schema]: [string, ConfigSchema]): [string, JsonSchema][] {
  const snakeCase = key.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
  return [...new Set([key, snakeCase])].map((name) => [name, forEditors(schema)]);
}

function withUnit(unit: Unit, { least, most }: { least?: unknown; most?: unknown }, rest: JsonSchema): JsonSchema {
  const plain =
    unit === 'boolean'
      ? { type: 'boolean' }
      : {
          type: unit === 'duration' || unit === 'share' ? 'number' : 'integer',
          minimum: least ?? 0,
          ...(most !== undefined && { maximum: most }),
        };
  return { ...rest, anyOf: [plain, { type: 'string', pattern: `${unitPatterns[unit]}|${variable}` }] };
}
