/** Clients that hold connections or take nothing of an answer keep no other one out. */
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { openEngine } from '../../src/engines/index.ts';
import { type PageServer, servePages } from '../../src/serve/server.ts';
import { testRuntime } from '../support/warehouse.ts';

let server: PageServer;
let origin: string;
let cookie: string;
const errors: string[] = [];
const sockets: Socket[] = [];

beforeEach(async () => {
  const runtime = testRuntime();
  server = await servePages({
    runtime,
    during: (use) => use(),
    openEngine: () => openEngine('duckdb', { ...runtime, env: {} }),
    engineName: 'duckdb',
    clock: runtime.clock,
    port: 0,
    onError: (error) => errors.push((error as Error).message),
    stallTimeout: 300,
  });
  origin = `http://127.0.0.1:${server.port}`;
  cookie = (await fetch(server.link)).headers.get('set-cookie')!.split(';')[0]!;
});
afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy();
  await server.close();
});

const open = (): Socket => {
  const socket = connect(server.port, '127.0.0.1').on('error', () => {});
  sockets.push(socket);
  return socket;
};
const request = (path: string): string =>
  `GET ${path} HTTP/1.1\r\nhost: 127.0.0.1:${server.port}\r\ncookie: ${cookie}\r\n\r\n`;
const csv = (sql: string): string => `/sql.csv?sql=${encodeURIComponent(sql)}`;

test('one more connection than there may be takes the place of the one that was idle for longest', async () => {
  const used = open();
  used.write(request('/questions'));
  await once(used, 'data');
  const idle = Array.from({ length: 150 }, open);
  await Promise.all(idle.slice(0, 50).map((socket) => socket.closed || once(socket, 'close')));
  expect((await fetch(`${origin}/questions`, { headers: { cookie } })).status).toBe(200);
  const last = idle.at(-1)!;
  last.write(request('/questions'));
  expect(String((await once(last, 'data'))[0])).toMatch(/^HTTP\/1\.1 200/);
});

test('an answer whose reader takes nothing is broken off, and others get theirs', async () => {
  const stalled = open();
  stalled.write(request(csv("SELECT repeat('x', 1000) FROM range(200000)")));
  await once(stalled, 'readable');
  stalled.pause();
  const answer = await fetch(`${origin}${csv('SELECT 1 AS one')}`, { headers: { cookie } });
  expect(await answer.text()).toBe('"one"\r\n1\r\n');
  expect(errors).toEqual([expect.stringContaining('its reader took nothing of it for 0.3 s')]);
});
