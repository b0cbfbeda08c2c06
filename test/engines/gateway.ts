/**
 * A gateway in front of a Trino, as they stand in front of most: it speaks https, asks for credentials, and can be told
 * to be busy, to break connections off, or to answer on its own. The statements run on the real Trino behind it.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';

export interface Gateway {
  readonly url: string;
  /** `POST /v1/statement` and the like, in order. */
  readonly requests: readonly IncomingMessage[];
  /** What each request is answered with before it reaches Trino; true: it was answered. */
  intercept: (request: IncomingMessage, response: ServerResponse) => boolean;
  close(): Promise<void>;
}

/** `secure`: key and certificate of an https server. */
export async function gateway(
  trino: string,
  secure?: { readonly key: string; readonly cert: string },
): Promise<Gateway> {
  const requests: IncomingMessage[] = [];
  const made: { intercept: Gateway['intercept'] } = { intercept: () => false };
  const serve = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const body = await buffer(request);
    requests.push(request);
    if (made.intercept(request, response)) return;
    const given = Object.entries(request.headers) as [string, string][];
    const headers = Object.fromEntries(given.filter(([name]) => name.startsWith('x-trino-')));
    const { method = 'GET', url = '' } = request;
    const answer = await fetch(`${trino}${url}`, { method, headers, ...(method === 'POST' && { body }) });
    const text = (await answer.text()).replaceAll(trino, base());
    response.writeHead(answer.status, { 'content-type': answer.headers.get('content-type') ?? 'text/plain' }).end(text);
  };
  const handler = (request: IncomingMessage, response: ServerResponse): void => void serve(request, response);
  const server: Server = secure ? createSecureServer(secure, handler) : createServer(handler);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const base = (): string =>
    `${secure ? 'https' : 'http'}://${secure ? 'localhost' : '127.0.0.1'}:${(server.address() as AddressInfo).port}`;
  return Object.assign(made, {
    url: base(),
    requests,
    close: () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  });
}
