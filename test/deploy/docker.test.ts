/** The image, as far as it can be looked at without a daemon: its recipe, and the files that it takes, in their places. */
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { validate } from 'dockerfile-utils';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import packageJson from '../../package.json' with { type: 'json' };
import { cli, projectRoot } from '../support/cli.ts';

const dockerfile = readFileSync(join(projectRoot, 'deploy/Dockerfile'), 'utf8');
const ignored = readFileSync(join(projectRoot, 'deploy/Dockerfile.dockerignore'), 'utf8');

/** Sources of COPY from the project, in the last stage. */
const copied = [...dockerfile.slice(dockerfile.lastIndexOf('\nFROM ')).matchAll(/^COPY (?!--from)(.*) \S+$/gm)].flatMap(
  ([, sources]) => sources!.split(' '),
);

describe('the Dockerfile', () => {
  test('has nothing that a linter finds', () => {
    expect(validate(dockerfile)).toEqual([]);
  });

  test('runs the Node.js that the tests run, pinned, and not as root', () => {
    const bases = [...dockerfile.matchAll(/^FROM (\S+)/gm)].map(([, image]) => image);
    expect(new Set(bases)).toEqual(new Set([`$\{NODE_IMAGE}`]));
    expect(dockerfile).toContain(`\nARG NODE_IMAGE=node:${packageJson.devDependencies.node}-bookworm-slim\n`);
    expect(dockerfile).toMatch(/^USER [1-9]\d*:[1-9]\d*$/m);
    expect(dockerfile).toMatch(/^HEALTHCHECK /m);
  });

  test('listens where a published port and its health check find it', () => {
    const [, port] = /^EXPOSE (\d+)$/m.exec(dockerfile) ?? [];
    expect(dockerfile).toMatch(new RegExp(`^(ENV)? +AUDIT_WAREHOUSE_WORKER_LISTEN=0\\.0\\.0\\.0:${port} `, 'm'));
  });

  test('takes no more into its context than it copies', () => {
    const kept = [...ignored.matchAll(/^!(.*)$/gm)].map(([, path]) => path!);
    expect(ignored).toMatch(/^\*$/m);
    expect(kept.sort()).toEqual([...new Set([...copied, 'package-lock.json'])].sort());
  });
});

describe('what is in the image', () => {
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'aw-image-'));
    for (const path of copied) {
      mkdirSync(dirname(join(folder, path)), { recursive: true });
      cpSync(join(projectRoot, path), join(folder, path), { recursive: true });
    }
    // What `npm ci --omit=dev` leaves out, as far as the launcher looks for it.
    mkdirSync(join(folder, 'node_modules'));
    for (const name of readdirSync(join(projectRoot, 'node_modules')))
      if (name !== 'node' && !name.startsWith('.'))
        symlinkSync(join(projectRoot, 'node_modules', name), join(folder, 'node_modules', name));
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  const pathWith = (): string => `${join(projectRoot, 'node_modules/node/bin')}:/usr/bin:/bin`;

  test('starts with the Node.js of the image, and loads every command', async () => {
    writeFileSync(
      join(folder, 'audit-warehouse.yaml'),
      'warehouse: ./w\nsources: [{ name: l, type: opa, location: ./l }]\n',
    );
    mkdirSync(join(folder, 'l'));
    const run = (...args: string[]) =>
      cli(args, {
        cwd: folder,
        command: join(folder, 'bin/audit-warehouse'),
        env: { PATH: pathWith(), XDG_CACHE_HOME: folder },
      });
    expect(await run('--version')).toEqual({ code: 0, stdout: `${packageJson.version}\n`, stderr: '' });
    expect((await run('backfill', '--json')).code).toBe(0);
    expect((await run('query', '--sql', 'select 1')).code).toBe(0);
  });

  test('is healthy as long as it runs, and a worker as long as it says so', async () => {
    let status = 200;
    const server = createServer((request, response) =>
      response.writeHead(request.url === '/healthz' ? status : 404).end(),
    );
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    const check = async (args: readonly string[], listen = `0.0.0.0:${port}`) => {
      const cmdline = join(folder, 'cmdline');
      writeFileSync(cmdline, args.join('\0'));
      const { code } = await cli([join(folder, 'deploy/healthcheck.mjs'), cmdline], {
        cwd: folder,
        command: join(projectRoot, 'node_modules/node/bin/node'),
        env: { AUDIT_WAREHOUSE_WORKER_LISTEN: listen },
      });
      return code;
    };
    const worker = ['node', '/app/src/main.ts', 'worker'];
    expect(await check(worker)).toBe(0);
    expect(await check(['/sbin/docker-init', '--', ...worker])).toBe(0);
    status = 503;
    expect(await check(worker)).toBe(1);
    expect(await check(['node', '/app/src/main.ts', 'backfill'])).toBe(0);
    expect(await check([...worker, '--once'])).toBe(0);
    expect(await check(worker, 'off')).toBe(0);
    server.closeAllConnections();
    server.close();
    expect(await check(worker)).toBe(1);
  });
});
