/** The Lambda package: plain JavaScript, which takes the events of S3 in as the worker does. */
import { execFile } from 'node:child_process';
import { copyFileSync, existsSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { projectRoot } from '../commands/cli.ts';
import { type EventSite, eventSite } from '../e2e/event-site.ts';
import { decisionLogs } from '../e2e/logs.ts';
import { contents } from '../e2e/sites.ts';
import { describeWith } from '../support/rig.ts';

const run = promisify(execFile);

describeWith(['s3', 'glue'], 'the Lambda package', () => {
  let folder: string;
  let site: EventSite;
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'aw-lambda-'));
    await run(join(projectRoot, 'deploy/lambda/compile'), [folder]);
    copyFileSync(join(projectRoot, 'package.json'), join(folder, 'package.json'));
    symlinkSync(join(projectRoot, 'node_modules'), join(folder, 'node_modules'));
    site = await eventSite();
  });
  afterAll(() => {
    site?.close();
    rmSync(folder, { recursive: true, force: true });
  });

  test('has the schemas and the SQL of the views, and commits what an event names, without TypeScript', async () => {
    expect(existsSync(join(folder, 'src/views/audit_events.sql'))).toBe(true);
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
      const { handler } = await import(${JSON.stringify(join(folder, 'src/lambda.js'))});
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
