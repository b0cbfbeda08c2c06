/** The Lambda package as deploy/lambda/package makes it: plain JavaScript, which ingests the events of S3 as the worker does. */
import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { signed } from '../../src/store/aws-request.ts';
import { SigningKeys } from '../../src/store/s3-signature.ts';
import { type EventSite, eventSite } from '../e2e/support/event-site.ts';
import { decisionLogs } from '../e2e/support/logs.ts';
import { contents } from '../e2e/support/sites.ts';
import { projectRoot } from '../support/cli.ts';
import { describeWith } from '../support/rig.ts';

const run = promisify(execFile);

async function packageIn(folder: string): Promise<void> {
  const config = join(folder, 'configuration.yaml');
  writeFileSync(config, 'warehouse: s3://warehouse/\nsources: [{ name: eopa, type: opa, location: s3://logs/ }]\n');
  await run(join(projectRoot, 'deploy/lambda/package'), [config, join(folder, 'package')], { maxBuffer: 2 ** 26 });
}

test('packaged, it is JavaScript alone, for machines of any kind', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'aw-lambda-'));
  try {
    await packageIn(folder);
    const installed = readdirSync(join(folder, 'package/node_modules'), { recursive: true }) as string[];
    expect(installed.length).toBeGreaterThan(0);
    expect(installed.filter((path) => /\.(node|so|dylib|dll)$/.test(path))).toEqual([]);
    expect(readdirSync(join(folder, 'package')).sort()).toEqual(
      ['audit-warehouse.yaml', 'dist', 'node_modules', 'package-lock.json', 'package.json', 'schemas'].sort(),
    );
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

describeWith(['s3', 'glue'], 'the Lambda package', () => {
  let folder: string;
  let site: EventSite;
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'aw-lambda-'));
    await packageIn(folder);
    site = await eventSite();
  });
  afterAll(() => {
    site?.close();
    rmSync(folder, { recursive: true, force: true });
  });

  /** Runs the handler on one event, as Lambda's Node.js does. */
  async function invoke(event: object, cwd: string, env: Readonly<Record<string, string>>): Promise<string> {
    const code = `
      const { handler } = await import(${JSON.stringify(join(folder, 'package/dist/lambda.js'))});
      process.stdout.write('answer ' + JSON.stringify(await handler(${JSON.stringify(event)})) + '\\n');
      process.exit();`;
    const node = join(projectRoot, 'node_modules/node/bin/node');
    const { stdout } = await run(node, ['--no-experimental-strip-types', '--input-type=module', '-e', code], {
      cwd,
      env: { PATH: process.env.PATH, ...env },
    });
    return stdout;
  }

  const eventOf = (...keys: string[]) => ({
    Records: [
      ...keys.map((key) => ({
        messageId: 'good',
        body: JSON.stringify({
          Records: [
            {
              eventSource: 'aws:s3',
              eventName: 'ObjectCreated:Put',
              s3: { bucket: { name: site.bucket }, object: { key: encodeURIComponent(`logs/${key}`) } },
            },
          ],
        }),
      })),
      { messageId: 'bad', body: 'no event' },
    ],
  });

  test('has the schemas and the SQL of the views, and commits what an event names, without TypeScript', async () => {
    expect(existsSync(join(folder, 'package/dist/views/audit_events.sql'))).toBe(true);
    const [log] = decisionLogs(1, 10);
    await site.put([log!]);
    const stdout = await invoke(eventOf(log!.key), site.place.cwd, site.place.env);
    expect(stdout).toContain('answer {"batchItemFailures":[{"itemIdentifier":"bad"}]}');
    const { decisions } = await contents(site.place);
    expect(decisions).toHaveLength(10);
    const metrics = stdout
      .split('\n')
      .filter((line) => line.startsWith('{"_aws"'))
      .map((line) => JSON.parse(line));
    expect(metrics).toContainEqual(expect.objectContaining({ source: 'eopa', outcome: 'row', records_total: 10 }));
  });

  test('reads its configuration from a parameter, and says what is wrong with it', async () => {
    const config = readFileSync(join(site.place.cwd, 'audit-warehouse.yaml'), 'utf8');
    const env = { ...site.place.env, AWS_ENDPOINT_URL_SSM: site.place.env.AWS_ENDPOINT_URL_S3! };
    const version = await putParameter(env, '/aw/config', config);
    const [, log] = decisionLogs(2, 10);
    await site.put([log!]);
    const empty = join(folder, 'empty');
    mkdirSync(empty);
    const named = { ...env, AUDIT_WAREHOUSE_CONFIG_PARAMETER: `/aw/config:${version}` };
    expect(await invoke(eventOf(log!.key), empty, named)).toContain(
      'answer {"batchItemFailures":[{"itemIdentifier":"bad"}]}',
    );
    await expect(invoke(eventOf(), empty, { ...env, AUDIT_WAREHOUSE_CONFIG_PARAMETER: '/aw/none' })).rejects.toThrow(
      '/aw/none: there is no such parameter in this region and account',
    );
    await putParameter(env, '/aw/broken', 'warehouse: s3://w/\nsorces: []\n');
    await expect(invoke(eventOf(), empty, { ...env, AUDIT_WAREHOUSE_CONFIG_PARAMETER: '/aw/broken' })).rejects.toThrow(
      '/aw/broken:2: sorces',
    );
  });
});

/** Its version. */
async function putParameter(env: Readonly<Record<string, string>>, name: string, value: string): Promise<number> {
  const request = signed(
    {
      method: 'POST',
      url: new URL('/', env.AWS_ENDPOINT_URL_SSM),
      headers: { 'content-type': 'application/x-amz-json-1.1', 'x-amz-target': 'AmazonSSM.PutParameter' },
      body: JSON.stringify({ Name: name, Type: 'String', Value: value, Overwrite: true }),
    },
    'ssm',
    env.AWS_REGION!,
    { accessKeyId: env.AWS_ACCESS_KEY_ID!, secretAccessKey: env.AWS_SECRET_ACCESS_KEY! },
    new Date(),
    new SigningKeys(),
  );
  const response = await fetch(request.url, request as RequestInit);
  const { Version } = (await response.json()) as { Version: number };
  return Version;
}
