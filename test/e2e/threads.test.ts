/** The binary with threads of its own: what ends one of them, or stops the run, is told by the exit code and repaired by the next run. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { backfill, start } from '../support/binary.ts';
import { decisionLogs } from './support/logs.ts';
import { contents, localSite, type Site } from './support/sites.ts';

const objects = 12;
const records = 40;
const config = { batch: { objects: 3, threads: 2 } };
let site: Site;
beforeAll(async () => {
  site = await localSite(decisionLogs(objects, records));
});
afterAll(() => site?.close());

async function expectWhole(place: Parameters<typeof backfill>[0]): Promise<void> {
  const next = await backfill(place);
  expect(next.code).toBe(0);
  const { decisions, quarantine, ledger } = await contents(place);
  expect([decisions.length, quarantine.length, ledger.length]).toEqual([objects * records, objects * 2, objects]);
}

test.each([
  ['ends', 'process.exit(9)', 'it exited with code 9'],
  ['throws', "setImmediate(() => { throw new Error('out of luck'); })", 'out of luck'],
])('a thread that %s: exit 1, a message, and the next run does all of it once', async (_, does, said) => {
  const place = await site.warehouse(config);
  const preload = join(place.cwd, 'preload.mjs');
  // When it tells of the first object that it has read.
  writeFileSync(
    preload,
    `import { isMainThread, MessagePort } from 'node:worker_threads';
const { postMessage } = MessagePort.prototype;
if (!isMainThread)
  MessagePort.prototype.postMessage = function (message, ...rest) {
    if (message?.kind === 'object') ${does};
    return postMessage.call(this, message, ...rest);
  };
`,
  );
  const env = { ...place.env, NODE_OPTIONS: `--import=${preload}` };
  const run = await start(['backfill', '--json'], { ...place, env }).done;
  expect(run.code).toBe(1);
  expect(run.stderr).toMatch(new RegExp(`audit-warehouse: the thread that ingested batch \\w+ ended: ${said}`));
  await expectWhole(place);
});

test('SIGINT: exit 1, nothing half committed, and the next run does the rest', async () => {
  const place = await site.warehouse(config);
  let begun = 0;
  const run = start(['backfill', '--json', '--log-level', 'debug'], {
    ...place,
    onLine: (line) => void (line.includes('"batch-claimed"') && ++begun === 2 && run.kill('SIGINT')),
  });
  const { code, stderr } = await run.done;
  expect(stderr).toContain('stopping in good order');
  expect(code).toBe(1);
  await expectWhole(place);
});
