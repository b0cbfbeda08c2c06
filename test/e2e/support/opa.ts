/** A real OPA under a driver that asks one thing after the other, and so knows what each request number was for. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { rig } from '../../support/rig.ts';

export interface OpaOptions {
  /** `decision_logs`, `status`, `labels`, … as in OPA's configuration file. */
  readonly config: Readonly<Record<string, unknown>>;
  /** Which decisions are dropped: the body of a rule of `system.log`. */
  readonly drop?: string;
  /** Health checks and metrics have a port of their own too. */
  readonly diagnostics?: boolean;
}

export class DrivenOpa {
  /** Numbers of the requests for a decision, and of those for anything else. */
  readonly decisions: number[] = [];
  readonly others: number[] = [];
  readonly #process: ChildProcess;
  readonly #folder: string;
  readonly #port: number;
  readonly #diagnosticPort: number;
  #asked = 0;
  #log = '';

  private constructor(process: ChildProcess, folder: string, ports: readonly [number, number]) {
    this.#process = process;
    this.#folder = folder;
    [this.#port, this.#diagnosticPort] = ports;
    process.stderr!.setEncoding('utf8').on('data', (text: string) => {
      this.#log += text;
    });
  }

  static async start({ config, drop, diagnostics = false }: OpaOptions): Promise<DrivenOpa> {
    const folder = mkdtempSync(join(tmpdir(), 'aw-opa-'));
    writeFileSync(join(folder, 'authz.rego'), 'package authz\n\nallow if input.user == "alice"\n');
    if (drop !== undefined) writeFileSync(join(folder, 'log.rego'), `package system.log\n\ndrop if ${drop}\n`);
    writeFileSync(join(folder, 'config.json'), JSON.stringify(config));
    const ports = [await freePort(), await freePort()] as const;
    const extra = diagnostics ? ['--diagnostic-addr', `127.0.0.1:${ports[1]}`] : [];
    const child = spawn(
      await rig.opa(),
      // biome-ignore format: one option a line would be many
      ['run', '--server', '--addr', `127.0.0.1:${ports[0]}`, ...extra, '--disable-telemetry', '--log-level', 'info', '--log-format', 'json', '--config-file', 'config.json', '.'],
      { cwd: folder, stdio: ['ignore', 'ignore', 'pipe'] },
    );
    const opa = new DrivenOpa(child, folder, ports);
    // By connections: a request would use a number.
    for (const port of diagnostics ? ports : [ports[0]]) await opa.#listens(port);
    return opa;
  }

  /** All that it has logged up to now, line by line. */
  get lines(): string[] {
    return this.#log.split('\n').filter(Boolean);
  }

  async decide(count: number, path = 'authz/allow'): Promise<void> {
    for (let n = 0; n < count; n++) {
      this.decisions.push(++this.#asked);
      await ask(this.#port, 'POST', `/v1/data/${path}`, JSON.stringify({ input: { user: n % 2 ? 'alice' : 'bob' } }));
    }
  }

  /** A request that decides nothing. */
  async other(method: string, path: string, body?: string): Promise<void> {
    this.others.push(++this.#asked);
    await ask(this.#port, method, path, body);
  }

  async askDiagnostics(path: string): Promise<void> {
    await ask(this.#diagnosticPort, 'GET', path);
  }

  /** SIGTERM lets it upload what it has; SIGKILL does not. */
  async end(signal: 'SIGTERM' | 'SIGKILL' = 'SIGTERM'): Promise<void> {
    if (this.#process.exitCode === null && this.#process.signalCode === null) {
      const closed = once(this.#process, 'close');
      this.#process.kill(signal);
      await closed;
    }
    rmSync(this.#folder, { recursive: true, force: true });
  }

  async #listens(port: number): Promise<void> {
    for (;;) {
      if (this.#process.exitCode !== null) throw new Error(`OPA ended: ${this.#log}`);
      const socket = connect(port, '127.0.0.1');
      const isOpen = await new Promise<boolean>((resolve) => {
        socket.once('connect', () => resolve(true)).once('error', () => resolve(false));
      });
      socket.destroy();
      if (isOpen) return;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
}

async function ask(port: number, method: string, path: string, body?: string): Promise<void> {
  const response = await fetch(`http://127.0.0.1:${port}${path}`, { method, ...(body !== undefined && { body }) });
  await response.arrayBuffer();
}

/** What OPA uploads its decisions to: keeps each upload as it came, decompressed. */
export class UploadServer {
  readonly uploads: string[] = [];
  readonly #server: Server;

  private constructor(server: Server) {
    this.#server = server;
  }

  static async start(): Promise<UploadServer> {
    const server = createServer();
    const uploads = new UploadServer(server);
    server.on('request', async (request, response) => {
      const chunks: Buffer[] = [];
      for await (const chunk of request) chunks.push(chunk);
      uploads.uploads.push(gunzipSync(Buffer.concat(chunks)).toString());
      response.writeHead(200).end();
    });
    await new Promise<void>((resolve) => {
      server.listen(0, '127.0.0.1', resolve);
    });
    return uploads;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async end(): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, 'close');
  }
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => {
    server.close(resolve);
  });
  return port;
}
