/** The image, as far as it can be looked at without a daemon: its recipe, and the files that it takes, in their places. */
import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
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

/** Sources of COPY from the project. */
const copiesOf = (stages: string) =>
  [...stages.matchAll(/^COPY (?!--from)(.*) \S+$/gm)].flatMap(([, sources]) => sources!.split(' '));
const lastStage = dockerfile.slice(dockerfile.lastIndexOf('\nFROM '));

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
    expect(kept.sort()).toEqual([...new Set(copiesOf(dockerfile))].sort());
  });
});

describe('what is in the image', () => {
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'aw-image-'));
    const take = (paths: readonly string[], to: string) => {
      for (const path of paths) {
        mkdirSync(dirname(join(to, path)), { recursive: true });
        cpSync(join(projectRoot, path), join(to, path), { recursive: true });
      }
    };
    // What the stage before the last one has is enough to build.
    const build = join(folder, 'build');
    take(copiesOf(dockerfile.slice(0, -lastStage.length)), build);
    symlinkSync(join(projectRoot, 'node_modules'), join(build, 'node_modules'));
    execFileSync(join(build, 'scripts/build'), ['--no-declarations', join(folder, 'dist')]);
    rmSync(build, { recursive: true });
    take(copiesOf(lastStage), folder);
    // What `npm prune --omit=dev` leaves there: packages of the bundle are not looked for.
    mkdirSync(join(folder, 'node_modules'));
    for (const name of ['@duckdb', 'parquetjs-lite'])
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
    const worker = ['node', '/app/dist/main.js', 'worker'];
    expect(await check(worker)).toBe(0);
    expect(await check(['/sbin/docker-init', '--', ...worker])).toBe(0);
    status = 503;
    expect(await check(worker)).toBe(1);
    expect(await check(['node', '/app/dist/main.js', 'backfill'])).toBe(0);
    expect(await check([...worker, '--once'])).toBe(0);
    expect(await check(worker, 'off')).toBe(0);
    server.closeAllConnections();
    server.close();
    expect(await check(worker)).toBe(1);
  });
});
