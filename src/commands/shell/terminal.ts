/** The shell on a terminal: line editing, completion, history, and Ctrl-C, which ends a statement but not the shell. */
import { createInterface, type Interface } from 'node:readline';
import type { Question } from '../../queries/question.ts';
import type { CommandContext, Terminal } from '../shared/context.ts';
import { describeFailure } from '../shared/exit.ts';
import { complete } from './complete.ts';
import { entryOf, type History, mostEntries } from './history.ts';
import type { Session } from './session.ts';

export interface TerminalShell {
  readonly context: CommandContext;
  readonly session: Session;
  readonly questions: readonly Question[];
  readonly history: History;
}

const prompt = 'audit> ';
/** While a statement is not complete. */
const further = '    -> ';

export class TerminalLoop {
  readonly #terminal: Terminal;
  readonly #lines: string[] = [];
  #running: AbortController | undefined;
  #wake: () => void = () => {};
  #isClosed = false;
  #isLent = false;
  #readline: Interface | undefined;

  constructor(terminal: Terminal) {
    this.#terminal = terminal;
  }

  /** The terminal belongs to a pager meanwhile. */
  lend(): void {
    this.#isLent = true;
    this.#readline?.pause();
    this.#terminal.input.setRawMode(false);
  }

  takeBack(): void {
    this.#isLent = false;
    if (this.#isClosed) return;
    this.#terminal.input.setRawMode(true);
    this.#readline?.resume();
  }

  /** Until `.quit`, Ctrl-D or the end of the process. */
  async run({ context, session, questions, history }: TerminalShell): Promise<void> {
    const readline = createInterface({
      ...this.#terminal,
      terminal: true,
      prompt,
      history: await history.read(),
      historySize: mostEntries,
      removeHistoryDuplicates: true,
      completer: (line: string, done: (error: null, result: [string[], string]) => void) => {
        const offer = (relations: Awaited<ReturnType<Session['relations']>>): void =>
          done(null, complete(line, session.pending, { commands: session.commands, questions, relations }));
        session.relations().then(offer, () => offer([]));
      },
    });
    this.#readline = readline;
    readline.on('line', (line) => {
      this.#lines.push(line);
      this.#wake();
    });
    readline.on('close', () => {
      this.#isClosed = true;
      this.#running?.abort(new Error('the shell was closed'));
      this.#wake();
    });
    readline.on('SIGINT', () => this.#interrupt(session));
    // Signals are the pager's while it has the terminal.
    const stop = (): void => {
      if (!this.#isLent) readline.close();
    };
    context.signal.addEventListener('abort', stop, { once: true });
    // Ready when the tab key is pressed.
    session.relations().catch(() => {});
    readline.prompt();
    try {
      while (!session.isOver) {
        const line = this.#lines.shift();
        if (line === undefined) {
          if (this.#isClosed) break;
          await new Promise<void>((resolve) => {
            this.#wake = resolve;
          });
          continue;
        }
        await this.#take(line, { context, session, history });
        if (this.#isClosed || session.isOver) continue;
        readline.setPrompt(session.pending === '' ? prompt : further);
        readline.prompt();
      }
    } finally {
      context.signal.removeEventListener('abort', stop);
      if (!this.#isClosed) readline.close();
      this.#terminal.output.write('\n');
    }
  }

  async #take(
    line: string,
    { context, session, history }: Pick<TerminalShell, 'context' | 'session' | 'history'>,
  ): Promise<void> {
    const running = new AbortController();
    this.#running = running;
    const pending = session.pending;
    try {
      const ran = await session.take(line, running.signal);
      for (const statement of ran) await this.#remember(statement, pending !== '', history);
    } catch (error) {
      await this.#remember(pending === '' ? line.trim() : `${pending}\n${line}`, pending !== '', history);
      const message = running.signal.aborted ? 'cancelled' : describeFailure(error);
      if (!this.#isClosed) await context.stderr.write(`${message}\n`);
    } finally {
      this.#running = undefined;
    }
  }

  /** A statement of several lines comes back as one; its lines go. */
  async #remember(statement: string, hasLines: boolean, history: History): Promise<void> {
    const entry = entryOf(statement);
    if (entry === undefined || entry === '' || entry.startsWith('.quit')) return;
    await history.add(entry);
    const kept = (this.#readline as unknown as { history?: string[] }).history;
    if (hasLines && kept !== undefined) {
      const parts = new Set(statement.split('\n').map((part) => part.trim()));
      while (kept.length > 0 && parts.has(kept[0]!.trim().replace(/;$/, ''))) kept.shift();
      while (kept.length > 0 && parts.has(kept[0]!.trim())) kept.shift();
      kept.unshift(entry);
    }
  }

  #interrupt(session: Session): void {
    const readline = this.#readline!;
    if (this.#running !== undefined) {
      this.#lines.length = 0;
      this.#running.abort(new Error('cancelled'));
      return;
    }
    const isEmpty = readline.line === '' && session.pending === '';
    session.clear();
    this.#terminal.output.write(isEmpty ? '\n(.quit or Ctrl-D leaves)\n' : '^C\n');
    // Ctrl-E, Ctrl-U: what is on the line goes.
    readline.write(null, { ctrl: true, name: 'e' });
    readline.write(null, { ctrl: true, name: 'u' });
    readline.setPrompt(prompt);
    readline.prompt();
  }
}
