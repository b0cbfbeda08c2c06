import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Ajv } from 'ajv';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { expect, test } from 'vitest';
import { configSchema } from '../src/config/schema.ts';

// The program takes its schemas as valid, since checking them would take longer than to start.

const folder = join(import.meta.dirname, '../schemas');
test.each(readdirSync(folder))('%s is a valid JSON Schema', (name) => {
  const schema = JSON.parse(readFileSync(join(folder, name), 'utf8')) as { $schema: string };
  // Editors know draft 7 best, which is therefore that of the configuration.
  const ajv = schema.$schema.includes('draft-07') ? new Ajv() : new Ajv2020();
  expect(ajv.validateSchema(schema), ajv.errorsText()).toBe(true);
});

test('the schema of the configuration is a valid JSON Schema', () => {
  const ajv = new Ajv();
  expect(ajv.validateSchema(configSchema), ajv.errorsText()).toBe(true);
});
