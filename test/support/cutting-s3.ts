import { createHash } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/**
 * An S3 of one object on loopback that misbehaves as told: what networks do to bodies and answers, and moto does not.
 * `faults` are taken one a request; without one left, the answer is right.
 */
export class CuttingS3 {
  readonly requests: string[] = [];
  readonly faults: Fault[] = [];
  content: Buffer = Buffer.alloc(0);
  metadata: Record<string, string> = {};
  exists = true;
  readonly #server = createServer((request, response) => void this.#serve(request, response));

  async start(): Promise<string> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  get etag(): string {
    return createHash('md5').update(this.content).digest('hex');
  }

  replace(content: Buffer): void {
    this.content = content;
  }

  remove(): void {
    this.exists = false;
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const { range, 'if-match': ifMatch, 'if-none-match': ifNoneMatch } = request.headers;
    this.requests.push([request.method, range, ifMatch].filter(Boolean).join(' '));
    const fault = this.faults.shift() ?? {};
    if (fault.drop === 'before') return void request.socket.destroy();
    if (fault.status !== undefined) return refuse(response, fault.status, fault.code ?? 'Fault');
    if (request.method === 'PUT') {
      const matches = ifMatch === undefined || (this.exists && ifMatch === `"${this.etag}"`);
      const fails = !matches || (ifNoneMatch !== undefined && this.exists);
      if (fails) return refuse(response, 412, 'PreconditionFailed');
      this.content = Buffer.concat(chunks);
      this.exists = true;
      this.metadata = Object.fromEntries(
        Object.entries(request.headers).filter(([name]) => name.startsWith('x-amz-meta-')),
      ) as Record<string, string>;
      if (fault.drop === 'after') return void request.socket.destroy();
      response.writeHead(200, { etag: `"${this.etag}"` }).end();
      return;
    }
    if (!this.exists) return refuse(response, 404, 'NoSuchKey');
    const isOther = ifMatch !== undefined && ifMatch !== `"${this.etag}"`;
    if (isOther && fault.ignoreCondition !== true) return refuse(response, 412, 'PreconditionFailed');
    const [start, end] = fault.ignoreRange ? [0, this.content.length] : this.#rangeOf(range);
    const partial = range !== undefined && !fault.ignoreRange;
    response.writeHead(partial ? 206 : 200, {
      etag: `"${this.etag}"`,
      'last-modified': new Date(0).toUTCString(),
      'content-length': end - start,
      ...(partial && { 'content-range': `bytes ${start}-${end - 1}/${this.content.length}` }),
      ...this.metadata,
    });
    if (request.method === 'HEAD') return void response.end();
    const body = this.content.subarray(start, end);
    if (fault.cutAfter === undefined && fault.stallAfter === undefined) return void response.end(body);
    response.write(body.subarray(0, fault.cutAfter ?? fault.stallAfter), () => {
      if (fault.cutAfter !== undefined) setTimeout(() => request.socket.destroy(), 20);
      fault.afterwards?.();
    });
  }

  #rangeOf(range: string | undefined): [number, number] {
    const match = /^bytes=(\d+)-(\d+)$/.exec(range ?? '');
    if (match === null) return [0, this.content.length];
    return [Number(match[1]), Math.min(Number(match[2]) + 1, this.content.length)];
  }
}

export interface Fault {
  /** Closes the connection before doing anything, or after having done it, instead of answering. */
  readonly drop?: 'before' | 'after';
  readonly status?: number;
  readonly code?: string;
  /** Closes the connection after so many bytes of the body. */
  readonly cutAfter?: number;
  /** Goes silent after so many bytes of the body. */
  readonly stallAfter?: number;
  readonly ignoreRange?: boolean;
  /** Gives the object, whatever version was asked for. */
  readonly ignoreCondition?: boolean;
  /** Runs once the cut or stalled part of the body is out. */
  readonly afterwards?: () => void;
}

function refuse(response: ServerResponse, status: number, code: string): void {
  const body = `<?xml version="1.0"?><Error><Code>${code}</Code><Message>as told by the test</Message></Error>`;
  response.writeHead(status, { 'content-type': 'application/xml' }).end(body);
}
