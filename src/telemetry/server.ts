/**
 * One port for what watches the process: /metrics (Prometheus), /healthz (it is alive: restart it where not), /readyz (its
 * sources and the warehouse can be reached). Answers GET and HEAD on these three paths and nothing else.
 */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { printableJson } from '../text/printable.ts';

export interface Watched {
  metrics(): Promise<string>;
  health(): Promise<HealthAnswer>;
  readiness(): Promise<HealthAnswer>;
}

export interface HealthAnswer {
  readonly ok: boolean;
  /** Shown as JSON. */
  readonly details: unknown;
}

export interface WatchServer {
  readonly port: number;
  close(): Promise<void>;
}

/** Throws where the address cannot be bound. Port 0 takes a free one. */
export async function serveWatched(watched: Watched, address: { host: string; port: number }): Promise<WatchServer> {
  const answer = async (path: string): Promise<[status: number, type: string, body: string]> => {
    if (path === '/metrics') return [200, 'text/plain; version=0.0.4; charset=utf-8', await watched.metrics()];
    if (path !== '/healthz' && path !== '/readyz') return [404, 'text/plain', 'see /metrics, /healthz, /readyz\n'];
    const { ok, details } = await (path === '/healthz' ? watched.health() : watched.readiness());
    return [ok ? 200 : 503, 'application/json', `${printableJson(JSON.stringify(details))}\n`];
  };
  const server = createServer((request, response) => {
    if (request.method !== 'GET' && request.method !== 'HEAD') {
      response.writeHead(405, { allow: 'GET, HEAD', connection: 'close' }).end();
      return;
    }
    answer((request.url ?? '').split('?', 1)[0]!).then(
      ([status, type, body]) => response.writeHead(status, { 'content-type': type }).end(body),
      () => response.writeHead(500).end(),
    );
  });
  server.requestTimeout = 10_000;
  server.maxConnections = 100;
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) =>
      reject(
        new Error(
          `cannot listen on ${address.host}:${address.port} (${error.code}): set worker.listen to a free port, or to off`,
          { cause: error },
        ),
      ),
    );
    server.listen(address.port, address.host, resolve);
  });
  return {
    port: (server.address() as AddressInfo).port,
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
