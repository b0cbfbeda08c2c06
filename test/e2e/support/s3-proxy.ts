/**
 * Stands between the binary and the S3 and Glue of the rig: remembers every request, and answers some of them as
 * told, so that tests see what was read and written, and make single objects fail.
 */
import {
  Agent,
  createServer,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type ServerResponse,
  request as send,
} from 'node:http';
import type { AddressInfo } from 'node:net';

export interface ProxiedRequest {
  readonly method: string;
  /** Bucket and key, decoded, without the query. */
  readonly path: string;
  readonly query: string;
  readonly range: string | undefined;
  /** Operation of Glue, such as UpdateTable; undefined for S3. */
  readonly operation: string | undefined;
  /** What the operation belongs to, such as AWSGlue or AmazonSQS; undefined for S3. */
  readonly service: string | undefined;
  readonly headers: IncomingHttpHeaders;
  /** Of the answer, once there is one. */
  status?: number;
}

/** What to answer instead of forwarding, or where to break an answer off. */
export type Interference =
  | { readonly status: number; readonly code: string }
  | { readonly cutAfter: number }
  /** An XML document. */
  | { readonly answer: string }
  /** Closes the connection. */
  | { readonly reset: true };

export class S3Proxy {
  readonly requests: ProxiedRequest[] = [];
  /** Asked for every request; may change what is behind the proxy before it goes on. */
  interfere: (request: ProxiedRequest) => Promise<Interference | undefined> | Interference | undefined = () =>
    undefined;
  readonly #agent = new Agent({ keepAlive: true });
  readonly #server = createServer((request, response) => void this.#serve(request, response));
  readonly #target: URL;

  constructor(target: string) {
    this.#target = new URL(target);
  }

  async start(): Promise<string> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    this.#agent.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  /** Requests that change something, as `PUT bucket/key` or the operation of Glue. */
  get writes(): string[] {
    const changing = ({ method, operation }: ProxiedRequest): boolean =>
      operation === undefined ? method !== 'GET' && method !== 'HEAD' : !/^(Batch)?Get/.test(operation);
    return this.requests.filter(changing).map(({ method, path, operation }) => operation ?? `${method} ${path}`);
  }

  /** Paths of the objects whose bodies were asked for. */
  get reads(): string[] {
    return this.requests
      .filter(
        ({ method, operation, query }) => method === 'GET' && operation === undefined && !query.includes('list-type'),
      )
      .map(({ path }) => path);
  }

  async #serve(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
    const [path = '', query = ''] = (incoming.url ?? '').split(/\?(.*)/s);
    const target = incoming.headers['x-amz-target'];
    const request: ProxiedRequest = {
      method: incoming.method ?? '',
      path: decodeURIComponent(path.slice(1)),
      query,
      range: incoming.headers.range,
      operation: typeof target === 'string' ? target.split('.').at(-1) : undefined,
      service: typeof target === 'string' ? target.split('.')[0] : undefined,
      headers: incoming.headers,
    };
    this.requests.push(request);
    const interference = await this.interfere(request);
    if (interference !== undefined && 'status' in interference) {
      const { status, code } = interference;
      incoming.resume();
      response
        .writeHead(status, { 'content-type': 'application/xml' })
        .end(`<?xml version="1.0"?><Error><Code>${code}</Code><Message>as told by the test</Message></Error>`);
      return;
    }
    if (interference !== undefined && 'answer' in interference) {
      incoming.resume();
      response.writeHead(200, { 'content-type': 'application/xml' }).end(interference.answer);
      return;
    }
    if (interference !== undefined && 'reset' in interference) return void incoming.socket.destroy();
    const { expect: _, ...headers } = incoming.headers;
    const { hostname, port } = this.#target;
    const forwarded = send(
      { hostname, port, path: incoming.url, method: incoming.method, headers, agent: this.#agent },
      (answer) => {
        request.status = answer.statusCode ?? 502;
        response.writeHead(request.status, answer.rawHeaders);
        if (interference === undefined) return void answer.pipe(response);
        let left = interference.cutAfter;
        answer.on('data', (chunk: Buffer) => {
          response.write(chunk.subarray(0, left));
          left -= chunk.length;
          if (left <= 0) answer.destroy();
        });
        answer.on('close', () => setTimeout(() => incoming.socket.destroy(), 20));
      },
    );
    forwarded.on('error', () => incoming.socket.destroy());
    incoming.on('error', () => forwarded.destroy());
    incoming.pipe(forwarded);
  }
}
