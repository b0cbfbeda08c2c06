/**
 * Pages over a warehouse for the one person who started the program. The server listens on the loopback address only. The
 * link it gives has a token that works once and is exchanged for a cookie; without the cookie there is nothing to see.
 * It answers GET and HEAD, to its own name only, so that no other page can reach it by a name that it has rebound. Pages
 * have no scripts, and their content security policy allows none.
 */
import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { UsageError } from '../config/errors.ts';
import type { QueryEngine } from '../engines/engine.ts';
import { ParameterError } from '../queries/parameters.ts';
import { htmlPage } from '../report/document.ts';
import { type Html, html } from '../report/html.ts';
import { style } from '../report/style.ts';
import { QueryError } from '../sql/parameter.ts';
import { csvField, csvFieldForSpreadsheets } from '../text/csv.ts';
import { formatSeconds } from '../text/humanize.ts';
import { EngineTurns } from './engine-turns.ts';
import { mostInAddress } from './lead.ts';
import { failure, type Given, overview, type Page, question, questionList, requestOf, sqlPage } from './pages.ts';
import type { World } from './world.ts';

export interface ServeOptions extends Omit<World, 'engines'> {
  readonly openEngine: () => Promise<QueryEngine>;
  /** 0 takes a free one. */
  readonly port: number;
  /** Told of what no page can say: the error of a request that failed. */
  readonly onError: (error: unknown) => void;
  /** Milliseconds in which a client has to take some of an answer that it waits for; others wait for the engine meanwhile. Default 60 s. */
  readonly stallTimeout?: number;
}

export interface PageServer {
  /** With the token; works once. */
  readonly link: string;
  readonly port: number;
  close(): Promise<void>;
}

const host = '127.0.0.1';
const styleHash = createHash('sha256').update(style).digest('base64');
const headers: Readonly<Record<string, string>> = {
  'content-security-policy': `default-src 'none'; style-src 'sha256-${styleHash}'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'`,
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'cache-control': 'no-store',
};

/** Throws if the port cannot be bound. */
export async function servePages(options: ServeOptions): Promise<PageServer> {
  const engines = new EngineTurns(options.openEngine);
  const world: World = { ...options, engines };
  const access = new Access();
  const ending = new AbortController();
  const connections = new Connections();
  const { stallTimeout = 60_000 } = options;
  // Statements and values stand in addresses.
  const server = createServer({ maxHeaderSize: mostInAddress + 16_384 }, (request, response) => {
    const gone = new AbortController();
    connections.busy(request.socket);
    response.once('close', () => {
      gone.abort(new Error('the browser has gone'));
      connections.idle(request.socket);
    });
    const signal = AbortSignal.any([gone.signal, ending.signal]);
    handle(world, access, { request, response, port, signal, stallTimeout }).catch((error: unknown) => {
      if (signal.aborted) return;
      options.onError(error);
      if (response.headersSent) response.destroy();
      else send(response, errorPage(500, 'Something went wrong', 'The terminal that serve runs in says what.'));
    });
  });
  server.requestTimeout = 30_000;
  server.on('connection', (socket) => connections.add(socket));
  server.listen(options.port, host);
  try {
    await once(server, 'listening');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new Error(`cannot listen on ${host}:${options.port} (${code}): give another --port, or none`, {
      cause: error,
    });
  }
  const { port } = server.address() as AddressInfo;
  return {
    link: `http://${host}:${port}/?token=${access.token}`,
    port,
    async close() {
      ending.abort(new Error('serve ends'));
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      await closed;
      await engines.close();
    },
  };
}

const mostConnections = 100;

/** Another process of this machine may hold connections open: a new one takes the place of the one that was idle for longest. */
class Connections {
  readonly #open = new Set<Socket>();
  /** In the order in which they became so. */
  readonly #idle = new Set<Socket>();

  add(socket: Socket): void {
    this.#open.add(socket);
    this.#idle.add(socket);
    socket.once('close', () => {
      this.#open.delete(socket);
      this.#idle.delete(socket);
    });
    if (this.#open.size <= mostConnections) return;
    const [longest] = this.#idle;
    longest?.destroy();
  }

  busy(socket: Socket): void {
    this.#idle.delete(socket);
  }

  idle(socket: Socket): void {
    if (this.#open.has(socket)) this.#idle.add(socket);
  }
}

/** A token that works once, and the secret of the session that it is exchanged for. */
class Access {
  readonly token = randomBytes(24).toString('base64url');
  readonly #session = randomBytes(24).toString('base64url');
  #used = false;

  /** The value of the cookie, for the right token at its first use. */
  exchange(token: string): string | undefined {
    if (this.#used || !same(token, this.token)) return undefined;
    this.#used = true;
    return this.#session;
  }

  has(session: string | undefined): boolean {
    return session !== undefined && same(session, this.#session);
  }
}

/** In a time that does not tell where two texts differ. */
function same(one: string, other: string): boolean {
  const digest = (text: string): Buffer => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(one), digest(other));
}

interface Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly port: number;
  readonly signal: AbortSignal;
  readonly stallTimeout: number;
}

const mostParameters = 100;

async function handle(
  world: World,
  access: Access,
  { request, response, port, signal, stallTimeout }: Exchange,
): Promise<void> {
  if (request.method !== 'GET' && request.method !== 'HEAD') {
    response.setHeader('allow', 'GET, HEAD');
    return send(response, errorPage(405, 'Not possible', 'Pages can only be read.'));
  }
  // A page of another site that has its name point here names itself, not this server.
  if (request.headers.host !== `${host}:${port}` && request.headers.host !== `localhost:${port}`) {
    return send(response, errorPage(421, 'Not here', `This server is ${host}:${port} and nothing else.`));
  }
  const url = URL.parse(request.url ?? '/', `http://${host}:${port}`);
  if (url === null) return send(response, errorPage(400, 'Not possible', 'This is not an address.'));
  const { pathname, searchParams } = url;
  // Cookies do not tell ports apart, names do.
  const cookie = `audit-warehouse-${port}`;
  const isKnown = access.has(cookieOf(request, cookie));
  const token = pathname === '/' ? searchParams.get('token') : null;
  if (token !== null && !isKnown) {
    const session = access.exchange(token);
    if (session === undefined) return send(response, refused());
    response.setHeader('set-cookie', `${cookie}=${session}; Path=/; HttpOnly; SameSite=Strict`);
  }
  // A redirect would belong to the program that the link was opened in, and would come without the cookie.
  if (token !== null) return send(response, welcome());
  if (!isKnown) return send(response, refused());
  const site = request.headers['sec-fetch-site'];
  if (site !== undefined && site !== 'same-origin' && site !== 'none') return send(response, refused());
  if ([...searchParams].length > mostParameters) {
    return send(response, errorPage(400, 'Not possible', 'The address has too many parameters.'));
  }
  const given: Given = new Map([...searchParams].filter(([, value]) => value !== ''));
  await world.during(async () => {
    if (pathname.endsWith('.csv')) await sendCsv(world, { pathname, given, response, signal, stallTimeout });
    else send(response, await pageOf(world, pathname, given, signal));
  });
}

async function pageOf(world: World, path: string, given: Given, signal: AbortSignal): Promise<Page> {
  try {
    if (path === '/') return await overview(world, given, signal);
    if (path === '/questions') return questionList(world);
    if (path === '/sql') return await sqlPage(world, given, signal);
    const name = /^\/ask\/([\w-]+)$/.exec(path)?.[1];
    if (name !== undefined) return await question(world, name, given, signal);
  } catch (error) {
    const known = error instanceof ParameterError || error instanceof UsageError || error instanceof QueryError;
    if (!known) throw error;
    return { title: 'Not possible', status: 400, body: failure(error.message) };
  }
  return errorPage(404, 'Not found', 'There is no such page.');
}

/** All rows, as they come. */
async function sendCsv(
  world: World,
  {
    pathname,
    given,
    response,
    signal,
    stallTimeout,
  }: { pathname: string; given: Given } & Omit<Exchange, 'request' | 'port'>,
): Promise<void> {
  try {
    await world.engines.take(signal, async (engine) => {
      const answer = await engine.query({ ...(await requestOf(world, pathname, given)), signal });
      const name = pathname.slice(pathname.lastIndexOf('/') + 1);
      response.writeHead(200, {
        ...headers,
        'content-type': 'text/csv; charset=utf-8',
        'content-disposition': `attachment; filename="${name.replace(/[^\w.-]/g, '_')}"`,
      });
      const line = (fields: readonly string[]): string => `${fields.join(',')}\r\n`;
      response.write(line(answer.columns.map((column) => csvFieldForSpreadsheets(column.name))));
      for await (const rows of answer.chunks) {
        const text = rows.map((row) =>
          line(
            row.map((cell) => {
              if (typeof cell === 'string') return csvFieldForSpreadsheets(cell);
              return csvField(cell === null ? '' : typeof cell === 'object' ? JSON.stringify(cell) : String(cell));
            }),
          ),
        );
        if (!response.write(text.join(''))) await drained(response, signal, stallTimeout);
      }
      response.end();
    });
  } catch (error) {
    const known = error instanceof ParameterError || error instanceof QueryError;
    if (!known || response.headersSent) throw error;
    send(response, { title: 'Not possible', status: 400, body: failure(error.message) });
  }
}

/** Throws where the client takes nothing for so long. */
async function drained(response: ServerResponse, signal: AbortSignal, stallTimeout: number): Promise<void> {
  const stalled = AbortSignal.timeout(stallTimeout);
  await once(response, 'drain', { signal: AbortSignal.any([signal, stalled]) }).catch((error: unknown) => {
    signal.throwIfAborted();
    if (!stalled.aborted) throw error;
    throw new Error(
      `an answer in CSV was broken off, since its reader took nothing of it for ${formatSeconds(stallTimeout / 1000)}`,
    );
  });
}

function cookieOf({ headers: { cookie = '' } }: IncomingMessage, name: string): string | undefined {
  const pair = cookie.split(/;\s*/).find((one) => one.startsWith(`${name}=`));
  return pair?.slice(name.length + 1);
}

function send(response: ServerResponse, { title, status = 200, body }: Page): void {
  const text = htmlPage({ title: `${title} – audit-warehouse` }, frame(body));
  response.writeHead(status, {
    ...headers,
    'content-type': 'text/html; charset=utf-8',
    'content-length': String(Buffer.byteLength(text)),
  });
  response.end(response.req.method === 'HEAD' ? undefined : text);
}

const frame = (body: Html): Html => html`<a class="skip" href="#main">Skip to the content</a>
<nav class="site" aria-label="Pages"><strong>audit-warehouse</strong> <a href="/">Overview</a> <a href="/questions">Questions</a> <a href="/sql">SQL</a></nav>
<main id="main">${body}</main>`;

const errorPage = (status: number, title: string, text: string): Page => ({
  title,
  status,
  body: html`<header><h1>${title}</h1><p>${text}</p></header>`,
});

const refused = (): Page =>
  errorPage(
    403,
    'Not open',
    'Open the link that serve has printed. It works once; if it has been used, start serve again.',
  );

const welcome = (): Page => ({
  title: 'Welcome',
  body: html`<meta http-equiv="refresh" content="0; url=/"><header><h1>Welcome</h1><p><a href="/">Go on to the overview</a></p></header>`,
});
