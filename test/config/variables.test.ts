// biome-ignore-all lint/suspicious/noTemplateCurlyInString: it is the notation of the configuration.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { ConfigError } from '../../src/config/errors.ts';
import { type LoadOptions, loadConfig } from '../../src/config/load.ts';

const folder = mkdtempSync(join(tmpdir(), 'aw-config-'));
afterAll(() => rmSync(folder, { recursive: true }));

const reserved = (): ReadonlySet<string> => new Set(['ymd', 'event_time', 'subject']);

function load(yaml: string, options: Partial<LoadOptions> = {}) {
  writeFileSync(join(folder, 'audit-warehouse.yaml'), yaml);
  return loadConfig({ env: {}, cwd: folder, reserved, ...options });
}

function problemsOf(yaml: string, options: Partial<LoadOptions> = {}) {
  try {
    load(yaml, options);
  } catch (error) {
    if (error instanceof ConfigError)
      return error.problems.map(({ key, origin, message }) => ({ key, origin, message }));
    throw error;
  }
  throw new Error('the configuration was accepted');
}

describe('variables', () => {
  const yaml = `warehouse: \${ROOT}/warehouse
catalog: { type: glue, database: "\${DB:-audit}", region: "\${REGION:-}eu-west-1" }
limits: { record_bytes: "\${CAP}" }
sources:
  - name: eopa
    type: opa
    location: s3://\${BUCKET:-logs}/\${PREFIX:-a:-b/c}/
    columns: { odd: { path: 'input."$\${x}"', type: string } }
`;

  it('are expanded in values, with a default where they are missing or empty', () => {
    const { config } = load(yaml, { env: { ROOT: 's3://bucket', CAP: '2MiB', BUCKET: '', REGION: '' } });
    expect(config.warehouse).toBe('s3://bucket/warehouse');
    expect(config.catalog).toMatchObject({ database: 'audit', region: 'eu-west-1' });
    expect(config.limits.recordBytes).toBe(2 << 20);
    expect(config.sources[0]!.location).toBe('s3://logs/a:-b/c/');
    expect(config.sources[0]!.columns.odd!.path).toBe('input."${x}"');
  });

  it('are text, whatever they hold', () => {
    const hostile = 's3://bucket/x\n  - evil: ${HOME}';
    const { config } = load(yaml, { env: { ROOT: hostile, CAP: '2MiB' } });
    expect(config.warehouse).toBe(`${hostile}/warehouse`);
  });

  it('that are missing or misspelt are named with their key, all of them', () => {
    const broken = yaml.replace('${BUCKET:-logs}', '${1X}').replace('${DB:-audit}', '${DB');
    expect(problemsOf(broken, { env: { CAP: 'constructor' } }).map(({ key, message }) => [key, message])).toEqual([
      ['warehouse', expect.stringContaining('needs the environment variable ROOT, which is not set')],
      ['catalog.database', expect.stringContaining('write ${NAME} or ${NAME:-default}')],
      ['sources[0].location', expect.stringContaining('write ${NAME} or ${NAME:-default}')],
      ['limits.record_bytes', expect.stringContaining('must be a size')],
    ]);
    expect(problemsOf(yaml.replace('ROOT', 'toString'), { env: { CAP: '1MiB' } })).toHaveLength(1);
  });

  it('are not missed where a flag says the value', () => {
    const { config } = load(yaml, { env: { CAP: '1MiB' }, settings: ['warehouse=s3://other'] });
    expect(config.warehouse).toBe('s3://other');
  });

  it('in a text that an alias of YAML repeats are expanded once', () => {
    const aliased = `warehouse: /w
sources:
  - &one { name: a, type: opa, location: "\${A}", columns: {} }
  - { name: b, type: opa, location: /b, columns: &columns { x: { path: "input.\${P}", type: string } } }
  - { name: c, type: opa, location: /c, columns: *columns }
`;
    const { config } = load(aliased, { env: { A: '/a/$${Q}', P: 'tenant' } });
    expect(config.sources.map(({ columns }) => columns.x?.path)).toEqual([undefined, 'input.tenant', 'input.tenant']);
    expect(config.sources[0]!.location).toBe('file:///a/$${Q}/');
  });
});
