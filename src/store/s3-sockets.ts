/**
 * Reads of S3 objects straight into memory that is there for them. Node's HTTP parser copies each piece of a body into
 * memory of its own, which for whole objects costs more than all else about reading them (copies, page faults, garbage
 * collections); here the socket reads into place. Only plain answers are read so: status 200 or 206 with a
 * Content-Length that fits. For all else the caller has Node's client, and errors come as its own would.
 */
import { connect as connectPlain, type Socket } from 'node:net';
import { Readable } from 'node:stream';
import { connect as connectTls } from 'node:tls';

/** What the SDK has signed: the members that are used here. */
export interface SignedRequest {
  readonly protocol: string;
  readonly hostname: string;
  readonly port?: number;
  readonly method: string;
  /** Percent-encoded. */
  readonly path: string;
  readonly query: Readonly<Record<string, string | readonly string[] | null>>;
  readonly headers: Readonly<Record<string, string>>;
}

export interface Answer {
  readonly statusCode: number;
  /** Names in lower case. */
  readonly headers: Record<string, string>;
  readonly body: Readable;
}

export interface SocketOptions {
  /** Milliseconds until a connection has to be there. */
  readonly connectionTimeout: number;
  /** Milliseconds without a byte after which a connection is given up. */
  readonly socketTimeout: number;
}

/** Of a status line and headers, of an error, and of how much an answer of another kind may hold. */
const mostHeadBytes = 64 << 10;
const mostErrorBytes = 1 << 20;
/** Bytes after which a reader that waits is told of progress. */
const progressBytes = 1 << 20;

/** The answer is of a kind that is left to Node's client. */
export class UnfitAnswer extends Error {
  override readonly name = 'UnfitAnswer';
}

/** The body of an answer on its way into place; a stream without data for the SDK, which expects one. */
export class BodyInPlace extends Readable {
  readonly #length: number;
  readonly #isTooLong: boolean;
  readonly #into: Uint8Array;
  #received = 0;
  #failure: Error | undefined;
  #moved = Promise.withResolvers<void>();
  #toldOf = 0;
  readonly #leave: () => void;

  constructor(into: Uint8Array, length: number, leave: () => void) {
    super({ read: () => {} });
    this.#into = into;
    this.#length = Math.min(length, into.length);
    this.#isTooLong = length > into.length;
    this.#leave = leave;
  }

  get room(): Uint8Array {
    return this.#into.subarray(this.#received, this.#length);
  }

  /** All that there is room for has come. */
  get isFull(): boolean {
    return this.#received === this.#length;
  }

  get isComplete(): boolean {
    return this.isFull && !this.#isTooLong;
  }

  /** So many bytes more are in place. */
  advance(bytes: number): void {
    this.#received += bytes;
    if (this.#received - this.#toldOf < progressBytes && !this.isFull) return;
    this.#toldOf = this.#received;
    this.#tell();
  }

  fail(error: Error): void {
    this.#failure = error;
    this.#tell();
  }

  #tell(): void {
    this.#moved.resolve();
    this.#moved = Promise.withResolvers();
  }

  /** Views of what has come in, in order. Throws where the body breaks off; gives its connection up where it is left early. */
  async *pieces(): AsyncGenerator<Uint8Array> {
    let given = 0;
    try {
      while (given < this.#length) {
        if (given === this.#received && this.#failure === undefined) await this.#moved.promise;
        const end = this.#received;
        if (end > given) yield this.#into.subarray(given, end);
        given = end;
        if (this.#failure !== undefined && given === this.#received && !this.isFull) throw this.#failure;
      }
      // For the reader to see that there is more than was asked for.
      if (this.#isTooLong) yield new Uint8Array(1);
    } finally {
      if (!this.isComplete) this.#leave();
    }
  }

  /** What failed is for `pieces` to tell. */
  override _destroy(_error: Error | null, done: () => void): void {
    if (!this.isComplete) this.#leave();
    done();
  }
}

/** Kept connections, by origin. One request at a time on each. */
export class SocketPool {
  readonly #options: SocketOptions;
  readonly #idle = new Map<string, Connection[]>();
  readonly #all = new Set<Connection>();

  constructor(options: SocketOptions) {
    this.#options = options;
  }

  /**
   * Sends the request and resolves with the head of its answer; a body with status 200 or 206 is then on its way into
   * `into` (BodyInPlace). Rejects with UnfitAnswer, or as Node's client and the SDK's handler do.
   */
  async get(request: SignedRequest, into: Uint8Array, signal?: AbortSignal): Promise<Answer> {
    const head = headOf(request);
    const origin = `${request.protocol}//${request.hostname}:${request.port ?? ''}`;
    const connection = this.#idle.get(origin)?.pop() ?? this.#open(origin, request);
    return connection.send(head, into, signal);
  }

  destroy(): void {
    for (const connection of this.#all) connection.destroy();
  }

  #open(origin: string, { protocol, hostname, port }: SignedRequest): Connection {
    const idle = this.#idle.get(origin) ?? [];
    this.#idle.set(origin, idle);
    const connection: Connection = new Connection({ protocol, hostname, port }, this.#options, {
      free: () => void idle.push(connection),
      closed: () => {
        this.#all.delete(connection);
        const at = idle.indexOf(connection);
        if (at >= 0) idle.splice(at, 1);
      },
    });
    this.#all.add(connection);
    return connection;
  }
}

interface Peer {
  readonly protocol: string;
  readonly hostname: string;
  readonly port: number | undefined;
}

interface Holder {
  /** It can take another request. */
  free(): void;
  closed(): void;
}

/** A request that waits for its answer, or for the end of it. */
interface Exchange {
  readonly into: Uint8Array;
  readonly answered: (answer: Answer) => void;
  readonly failed: (error: Error) => void;
  /** From the head on. */
  body?: BodyInPlace;
  /** An error's text so far. */
  refusal?: { readonly status: number; readonly headers: Record<string, string>; readonly parts: Buffer[] };
}

class Connection {
  readonly #socket: Socket;
  readonly #holder: Holder;
  readonly #head = Buffer.allocUnsafeSlow(16 << 10);
  #text = Buffer.alloc(0);
  #exchange: Exchange | undefined;
  #isLast = false;

  constructor({ protocol, hostname, port }: Peer, options: SocketOptions, holder: Holder) {
    this.#holder = holder;
    const isTls = protocol === 'https:';
    // IPv6 addresses come in brackets, as in a URL.
    const host = hostname.replace(/^\[(.*)\]$/, '$1');
    const given = {
      host,
      port: port ?? (isTls ? 443 : 80),
      noDelay: true,
      onread: {
        // Asked for anew after each read: into place, as long as a body comes.
        buffer: (): Uint8Array => this.#exchange?.body?.room ?? this.#head,
        callback: (bytes: number, buffer: Uint8Array): boolean => {
          this.#read(bytes, buffer);
          return true;
        },
      },
    };
    this.#socket = isTls ? connectTls({ ...given, servername: isAddress(host) ? '' : host }) : connectPlain(given);
    const timedOut = (after: number) => () =>
      this.#socket.destroy(Object.assign(new Error(`no byte for ${after} ms`), { name: 'TimeoutError' }));
    const late = timedOut(options.connectionTimeout);
    this.#socket.setTimeout(options.connectionTimeout, late);
    this.#socket.once(isTls ? 'secureConnect' : 'connect', () => {
      this.#socket.off('timeout', late);
      this.#socket.setTimeout(options.socketTimeout, timedOut(options.socketTimeout));
    });
    this.#socket.on('error', (error: NodeJS.ErrnoException) => this.#end(retryable(error)));
    this.#socket.on('end', () => this.#ended());
    this.#socket.on('close', () => {
      this.#end(brokenOff());
      holder.closed();
    });
  }

  send(head: string, into: Uint8Array, signal: AbortSignal | undefined): Promise<Answer> {
    const { promise, resolve, reject } = Promise.withResolvers<Answer>();
    this.#exchange = { into, answered: resolve, failed: reject };
    this.#text = Buffer.alloc(0);
    this.#socket.ref();
    this.#socket.write(head, 'latin1');
    if (signal === undefined) return promise;
    const leave = (): void => this.destroy(abortError());
    if (signal.aborted) leave();
    signal.addEventListener('abort', leave, { once: true });
    return promise.finally(() => signal.removeEventListener('abort', leave));
  }

  destroy(error?: Error): void {
    this.#end(error ?? brokenOff());
    this.#socket.destroy();
  }

  #read(bytes: number, buffer: Uint8Array): void {
    const exchange = this.#exchange;
    // Nobody has asked for anything.
    if (exchange === undefined) return void this.destroy();
    if (exchange.body !== undefined) {
      exchange.body.advance(bytes);
      if (exchange.body.isFull) this.#finish(exchange.body);
      return;
    }
    const came = Buffer.from(buffer.subarray(0, bytes));
    if (exchange.refusal !== undefined) {
      exchange.refusal.parts.push(came);
      this.#refuse(exchange, false);
      return;
    }
    this.#text = this.#text.length === 0 ? came : Buffer.concat([this.#text, came]);
    this.#readHead(exchange);
  }

  #readHead(exchange: Exchange): void {
    const end = this.#text.indexOf('\r\n\r\n');
    if (end < 0) {
      if (this.#text.length > mostHeadBytes) this.destroy(new Error('the head of the answer is too long'));
      return;
    }
    const rest = this.#text.subarray(end + 4);
    const head = parseHead(this.#text.toString('latin1', 0, end));
    if (head === undefined) return void this.destroy(new Error('the answer is not one of HTTP/1.1'));
    if (head.status < 200) {
      this.#text = rest;
      if (rest.length > 0) this.#readHead(exchange);
      return;
    }
    const { status, headers } = head;
    this.#isLast = !head.isVersion11 || headers.connection?.toLowerCase() === 'close';
    if (status !== 200 && status !== 206) {
      exchange.refusal = { status, headers, parts: [rest] };
      this.#refuse(exchange, false);
      return;
    }
    const length = contentLength(headers);
    if (length === undefined || rest.length > length) {
      exchange.failed(new UnfitAnswer('not an answer to be read in place'));
      this.destroy();
      return;
    }
    const body = new BodyInPlace(exchange.into, length, () => this.destroy());
    exchange.body = body;
    const came = rest.subarray(0, exchange.into.length);
    exchange.into.set(came);
    body.advance(came.length);
    exchange.answered({ statusCode: status, headers, body });
    if (body.isFull) this.#finish(body);
  }

  /** The text of an error, once it is all there. Its connection is not used again. */
  #refuse(exchange: Exchange, isEnd: boolean): void {
    const { status, headers, parts } = exchange.refusal!;
    const text = Buffer.concat(parts);
    const length = contentLength(headers);
    const isChunked = /\bchunked\b/i.test(headers['transfer-encoding'] ?? '');
    const whole = isChunked ? unchunked(text) : length !== undefined && text.length >= length ? text : undefined;
    if (whole === undefined && !isEnd && text.length <= mostErrorBytes) return;
    exchange.answered({ statusCode: status, headers, body: Readable.from([whole ?? text]) });
    this.#exchange = undefined;
    this.#socket.destroy();
  }

  #finish(body: BodyInPlace): void {
    this.#exchange = undefined;
    if (this.#isLast || !body.isComplete) return void this.#socket.destroy();
    // An idle connection does not keep the process alive.
    this.#socket.unref();
    this.#holder.free();
  }

  #ended(): void {
    if (this.#exchange?.refusal !== undefined) this.#refuse(this.#exchange, true);
    else this.#end(brokenOff());
    this.#socket.destroy();
  }

  #end(error: Error): void {
    const exchange = this.#exchange;
    this.#exchange = undefined;
    if (exchange?.body !== undefined) exchange.body.fail(error);
    else exchange?.failed(error);
  }
}

const isAddress = (host: string): boolean => /^[\d.]+$/.test(host) || host.includes(':');

/** The SDK takes errors of this name for ones that another try may mend. */
const retryable = (error: NodeJS.ErrnoException): Error =>
  ['ECONNRESET', 'EPIPE', 'ETIMEDOUT'].includes(error.code ?? '')
    ? Object.assign(error, { name: 'TimeoutError' })
    : error;

const brokenOff = (): Error => retryable(Object.assign(new Error('socket hang up'), { code: 'ECONNRESET' }));

const abortError = (): Error => Object.assign(new Error('Request aborted'), { name: 'AbortError' });

const plainText = /^[\t\x20-\x7e\x80-\xff]*$/;

/** Throws UnfitAnswer for what HTTP has no room for in a line. */
function headOf({ method, path, query, headers }: SignedRequest): string {
  const search = Object.entries(query).flatMap(([name, value]) =>
    [value ?? ''].flat().map((each) => `${percentEncoded(name)}=${percentEncoded(each)}`),
  );
  const lines = [`${method} ${path}${search.length > 0 ? `?${search.join('&')}` : ''} HTTP/1.1`];
  for (const [name, value] of Object.entries(headers)) lines.push(`${name}: ${value}`);
  if (!lines.every((line) => plainText.test(line))) throw new UnfitAnswer('a header cannot be sent as it is');
  return `${lines.join('\r\n')}\r\n\r\n`;
}

/** As the signature has it (RFC 3986). */
export const percentEncoded = (text: string): string =>
  encodeURIComponent(text).replace(/[!'()*]/g, (sign) => `%${sign.charCodeAt(0).toString(16).toUpperCase()}`);

interface Head {
  readonly status: number;
  readonly isVersion11: boolean;
  readonly headers: Record<string, string>;
}

function parseHead(text: string): Head | undefined {
  const [first, ...lines] = text.split('\r\n');
  const match = /^HTTP\/1\.([01]) (\d{3})(?: |$)/.exec(first!);
  if (match === null) return undefined;
  const headers: Record<string, string> = {};
  for (const line of lines) {
    const colon = line.indexOf(':');
    if (colon <= 0) return undefined;
    const name = line.slice(0, colon).toLowerCase();
    const value = line.slice(colon + 1).trim();
    headers[name] = name in headers ? `${headers[name]}, ${value}` : value;
  }
  return { status: Number(match[2]), isVersion11: match[1] === '1', headers };
}

/** undefined where another header says the length, or none does. */
function contentLength(headers: Readonly<Record<string, string>>): number | undefined {
  const text = headers['content-length'];
  if (text === undefined || !/^\d{1,15}$/.test(text) || headers['transfer-encoding'] !== undefined) return undefined;
  return Number(text);
}

/** The body out of its chunks (RFC 9112, 7.1); undefined as long as the last one is missing. */
function unchunked(text: Buffer): Buffer | undefined {
  const parts: Buffer[] = [];
  for (let at = 0; ; ) {
    const end = text.indexOf('\r\n', at);
    if (end < 0) return undefined;
    const size = Number.parseInt(text.toString('latin1', at, end), 16);
    if (!(size > 0)) return Buffer.concat(parts);
    if (end + 2 + size > text.length) return undefined;
    parts.push(text.subarray(end + 2, end + 2 + size));
    at = end + 2 + size + 2;
  }
}
