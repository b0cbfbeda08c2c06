/** A verification that is told to stop ends, whatever it is waiting for, and leaves no half of a file behind. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { binary, temporaryFolder } from '../support/cli.ts';

test.each([[[]], [['--deep', '--digests', 'digests.jsonl']]])(
  'verify %j, while the store does not answer',
  async (options) => {
    const { folder, remove } = temporaryFolder();
    writeFileSync(join(folder, 'c.yaml'), 'sources: [{ name: s, type: opa, location: s3://bucket/logs/ }]\n');
    const silent = createServer(() => {});
    silent.listen(0, '127.0.0.1');
    await once(silent, 'listening');
    onTestFinished(() => {
      silent.closeAllConnections();
      silent.close();
      remove();
    });
    const settings = [
      'warehouse=s3://bucket/warehouse',
      `s3.endpoint=http://127.0.0.1:${(silent.address() as AddressInfo).port}`,
      's3.region=us-east-1',
    ].flatMap((setting) => ['--set', setting]);
    const run = spawn(binary, ['verify', ...options, ...settings], {
      cwd: folder,
      env: {
        ...process.env,
        AWS_ACCESS_KEY_ID: 'k',
        AWS_SECRET_ACCESS_KEY: 's',
        AUDIT_WAREHOUSE_CONFIG: join(folder, 'c.yaml'),
      },
    });
    await once(silent, 'request');
    run.kill('SIGTERM');
    expect(await once(run, 'exit')).toEqual([1, null]);
    expect(readdirSync(folder)).toEqual(['c.yaml']);
  },
);
