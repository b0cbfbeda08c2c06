/** The Lambda package as deploy/lambda/package makes it: plain JavaScript, which ingests the events of S3 as the worker does. */
import { execFile } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type EventSite, eventSite } from '../e2e/support/event-site.ts';
import { decisionLogs } from '../e2e/support/logs.ts';
import { contents } from '../e2e/support/sites.ts';
import { projectRoot } from '../support/cli.ts';
import { describeWith } from '../support/rig.ts';

const run = promisify(execFile);

async function packageFor(architecture: string, folder: string): Promise<void> {
  const config = join(folder, 'configuration.yaml');
  writeFileSync(config, 'warehouse: s3://warehouse/\nsources: [{ name: eopa, type: opa, location: s3://logs/ }]\n');
  await run(join(projectRoot, 'deploy/lambda/package'), [config, join(folder, 'package')], {
    env: { ...process.env, LAMBDA_ARCH: architecture },
    maxBuffer: 2 ** 26,
  });
}

test.each(['x64', 'arm64'])('packaged for %s, it brings the native code of that machine only', async (architecture) => {
  const folder = mkdtempSync(join(tmpdir(), 'aw-lambda-'));
  try {
    await packageFor(architecture, folder);
    const installed = readdirSync(join(folder, 'package/node_modules'), { recursive: true }) as string[];
    const native = installed.filter((path) => path.endsWith('.node'));
    expect(native.length).toBeGreaterThan(0);
    expect(native.filter((path) => !path.includes(`linux-${architecture}-gnu`))).toEqual([]);
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
    await packageFor(process.arch, folder);
    site = await eventSite();
  });
  afterAll(() => {
    site?.close();
    rmSync(folder, { recursive: true, force: true });
  });

  test('has the schemas and the SQL of the views, and commits what an event names, without TypeScript', async () => {
    expect(existsSync(join(folder, 'package/dist/views/audit_events.sql'))).toBe(true);
    const [log] = decisionLogs(1, 10);
    await site.put([log!]);
    const record = {
      eventSource: 'aws:s3',
      eventName: 'ObjectCreated:Put',
      s3: { bucket: { name: site.bucket }, object: { key: encodeURIComponent(`logs/${log!.key}`) } },
    };
    const event = {
      Records: [
        { messageId: 'good', body: JSON.stringify({ Records: [record] }) },
        { messageId: 'bad', body: 'no event' },
      ],
    };
    const code = `
      const { handler } = await import(${JSON.stringify(join(folder, 'package/dist/lambda.js'))});
      process.stdout.write('answer ' + JSON.stringify(await handler(${JSON.stringify(event)})) + '\\n');
      process.exit();`;
    const node = join(projectRoot, 'node_modules/node/bin/node');
    const { stdout } = await run(node, ['--no-experimental-strip-types', '--input-type=module', '-e', code], {
      cwd: site.place.cwd,
      env: { PATH: process.env.PATH, ...site.place.env },
    });
    expect(stdout).toContain('answer {"batchItemFailures":[{"itemIdentifier":"bad"}]}');
    const { decisions } = await contents(site.place);
    expect(decisions).toHaveLength(10);
  });
});
