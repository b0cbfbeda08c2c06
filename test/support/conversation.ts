/** A program that answers one request after another, each a line of JSON: see python/statements.py. */
import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';

export interface Answer {
  readonly columns?: readonly string[];
  readonly rows: readonly (readonly unknown[])[];
  readonly error?: string;
  readonly [name: string]: unknown;
}

export class Conversation {
  readonly #child: ChildProcess;
  readonly #ended: Promise<void>;
  #waiting: { resolve(answer: Answer): void; reject(error: Error): void }[] = [];
  #stderr = '';

  constructor(command: string, args: readonly string[], env: NodeJS.ProcessEnv) {
    const child = spawn(command, args, {
      env: { ...env, PYTHONDONTWRITEBYTECODE: '1' },
      stdio: ['pipe', 'pipe', 'pipe'],
    });
    this.#child = child;
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      this.#stderr = (this.#stderr + text).slice(-4000);
    });
    // A program that has ended says so by its end.
    child.stdin.on('error', () => {});
    createInterface({ input: child.stdout }).on('line', (line) => this.#waiting.shift()?.resolve(JSON.parse(line)));
    this.#ended = new Promise((resolve) => {
      const end = (why: unknown): void => {
        for (const { reject } of this.#waiting.splice(0))
          reject(new Error(`${command} ${args[0]} ended with ${why}:\n${this.#stderr}`));
        resolve();
      };
      child.on('error', end);
      child.on('close', (code, signal) => end(code ?? signal));
    });
  }

  /** The answer to a request. Throws with the program's error, and where the program has ended. */
  async ask(request: Readonly<Record<string, unknown>>): Promise<Answer> {
    const answer = await new Promise<Answer>((resolve, reject) => {
      if (this.#child.exitCode !== null || this.#child.signalCode !== null)
        return reject(new Error(`the program has ended:\n${this.#stderr}`));
      this.#waiting.push({ resolve, reject });
      this.#child.stdin!.write(`${JSON.stringify(request)}\n`);
    });
    if (answer.error !== undefined) throw new Error(String(answer.error));
    return answer;
  }

  /** Lets the program end. */
  async close(): Promise<void> {
    this.#child.stdin!.end();
    await this.#ended;
  }
}
