/** A session of the shell: takes lines, asks the engine, prints. It knows nothing of terminals. */

import { once } from 'node:events';
import { createWriteStream, type WriteStream } from 'node:fs';
import { UsageError } from '../../config/errors.ts';
import type { QueryEngine } from '../../engines/engine.ts';
import type { EngineName } from '../../engines/index.ts';
import type { Runtime } from '../../ingest/runtime.ts';
import type { Moment } from '../../jobs/moment.ts';
import type { Question } from '../../queries/question.ts';
import { formatCount } from '../../text/humanize.ts';
import { printable } from '../../text/printable.ts';
import { textTable } from '../../text/text-table.ts';
import { wrapLines } from '../../text/wrap.ts';
import { type Asked, asker, parseParameters } from '../shared/asking.ts';
import type { CommandContext, Output, PagedOutput } from '../shared/context.ts';
import { createOutput } from '../shared/output.ts';
import { type AnswerFormat, answerFormats } from '../shared/render-answer.ts';
import { renderQuestions } from '../shared/render-questions.ts';
import { showAnswer } from '../shared/show-answer.ts';
import type { TimeOptions } from '../shared/times.ts';
import { type Relation, readRelations } from './names.ts';
import { cutStatements, isBlank, wordsOf } from './statements.ts';

export interface SessionOptions {
  readonly context: CommandContext;
  readonly runtime: Runtime;
  /** For each answer (jobs/moment.ts). */
  readonly during: Moment<Runtime>['during'];
  readonly engine: QueryEngine;
  readonly engineName: EngineName;
  readonly questions: readonly Question[];
  readonly format: AnswerFormat;
  readonly receipt: boolean;
  /** Where answers go that go to no file. */
  readonly page: () => PagedOutput;
}

export class Session {
  readonly #options: SessionOptions;
  #format: AnswerFormat;
  #file: { readonly path: string; readonly stream: WriteStream; readonly output: Output } | undefined;
  #pending = '';
  #relations: Promise<Relation[]> | undefined;
  isOver = false;

  constructor(options: SessionOptions) {
    this.#options = options;
    this.#format = options.format;
  }

  /** Lines of a statement that is not complete. */
  get pending(): string {
    return this.#pending;
  }

  /** Drops what is pending. */
  clear(): void {
    this.#pending = '';
  }

  /** Read once; statements see the tables of their own moment. */
  relations(): Promise<Relation[]> {
    this.#relations ??= readRelations(this.#options.runtime).catch((error) => {
      this.#relations = undefined;
      throw error;
    });
    return this.#relations;
  }

  get commands(): readonly string[] {
    return Object.keys(commands);
  }

  /** Takes one line, and runs what it completes. Gives what was run, for the history. Throws what fails, the rest of the line is dropped then. */
  async take(line: string, signal: AbortSignal): Promise<string[]> {
    if (this.#pending === '') {
      const words = line.trim();
      if (words.startsWith('.')) {
        await this.#command(words, signal);
        return [words];
      }
      const question = this.#questionOf(words);
      if (question !== undefined) {
        await this.#askQuestion(question, words, signal);
        return [words];
      }
    }
    const { statements, rest } = cutStatements(this.#pending === '' ? line : `${this.#pending}\n${line}`);
    this.#pending = isBlank(rest) ? '' : rest;
    if (statements.length === 0) return [];
    try {
      for (const sql of statements) await this.#options.during(() => this.#ask({ request: { sql } }, signal));
    } catch (error) {
      this.#pending = '';
      throw error;
    }
    return statements.map((sql) => `${sql};`);
  }

  /** Runs what is pending although it has no semicolon: at the end of a script. */
  async finish(signal: AbortSignal): Promise<void> {
    if (this.#pending !== '') await this.take(';', signal);
    const open = this.#pending;
    // A quote or a comment that is never closed has taken the semicolon in, and is a mistake to be told.
    if (open !== '') await this.#options.during(() => this.#ask({ request: { sql: open } }, signal));
  }

  async close(): Promise<void> {
    await this.#closeFile();
  }

  /** No statement starts with the name of a question. */
  #questionOf(words: string): Question | undefined {
    const [name] = words.replace(/;$/, '').split(/\s+/);
    return this.#options.questions.find((question) => question.name === name);
  }

  async #askQuestion(question: Question, line: string, signal: AbortSignal): Promise<void> {
    const words = wordsOf(line.replace(/;$/, ''));
    if (words === undefined) throw new UsageError('a quote is not closed');
    const times: Record<string, string> = {};
    const parameters: string[] = [];
    for (let i = 1; i < words.length; i++) {
      const name = /^--(from|to|last|tz)$/.exec(words[i]!)?.[1];
      if (name === undefined) parameters.push(words[i]!);
      else if (words[i + 1] === undefined) throw new UsageError(`--${name} needs a value`);
      else times[name] = words[++i]!;
    }
    const { context, runtime, during } = this.#options;
    const { put } = await asker(context, question, parseParameters(parameters), times as TimeOptions);
    await during(async () => this.#ask(await put(runtime), signal));
  }

  async #ask(asked: Asked, signal: AbortSignal): Promise<void> {
    const { context, runtime, engine, engineName, receipt } = this.#options;
    await this.#paged((output) =>
      showAnswer(context, { runtime, engine }, asked, {
        format: this.#format,
        receipt,
        engine: engineName,
        output,
        signal,
      }),
    );
  }

  async #paged(write: (output: Output) => Promise<unknown>): Promise<void> {
    const { output, end } =
      this.#file === undefined ? this.#options.page() : { output: this.#file.output, end: async () => {} };
    try {
      await write(output);
    } finally {
      await end();
    }
  }

  async #command(line: string, signal: AbortSignal): Promise<void> {
    const [name, ...words] = wordsOf(line.replace(/;$/, '')) ?? [];
    const command = Object.hasOwn(commands, name ?? '') ? commands[name!] : undefined;
    if (command === undefined) throw new UsageError(`there is no command ${name ?? line}; .help lists them`);
    await command.run(this.#actions(signal), words);
  }

  #actions(signal: AbortSignal): Actions {
    return {
      signal,
      quit: () => {
        this.isOver = true;
      },
      show: (render) =>
        this.#paged(async (output) => output.writeStyled(wrapLines(await render(output.columns), output.columns))),
      say: (text) => this.#options.context.stderr.write(text),
      relations: () => {
        this.#relations = undefined;
        return this.relations();
      },
      questions: this.#options.questions,
      format: (format) => {
        if (format !== undefined) this.#format = format;
        return this.#format;
      },
      output: async (path) => {
        await this.#closeFile();
        if (path !== undefined) this.#file = await openFile(path, this.#options.context.cwd);
      },
    };
  }

  async #closeFile(): Promise<void> {
    const file = this.#file;
    this.#file = undefined;
    if (file === undefined) return;
    file.stream.end();
    await once(file.stream, 'close');
  }
}

/** Private, and emptied first; answers follow each other in it. */
async function openFile(path: string, cwd: string) {
  const { resolve } = await import('node:path');
  const stream = createWriteStream(resolve(cwd, path), { mode: 0o600, flags: 'w' });
  await once(stream, 'open');
  // Said by the write.
  stream.on('error', () => {});
  const output = createOutput(stream, (error) => {
    throw error;
  });
  return { path, stream, output };
}

interface Actions {
  readonly signal: AbortSignal;
  quit(): void;
  show(render: (width: number | undefined) => string | Promise<string>): Promise<void>;
  say(text: string): Promise<void>;
  relations(): Promise<Relation[]>;
  readonly questions: readonly Question[];
  format(format?: AnswerFormat): AnswerFormat;
  output(path: string | undefined): Promise<void>;
}

interface DotCommand {
  readonly takes: string;
  readonly does: string;
  run(actions: Actions, words: readonly string[]): Promise<void>;
}

const commands: Readonly<Record<string, DotCommand>> = {
  '.help': {
    takes: '',
    does: 'what can be typed here',
    run: ({ show }) =>
      show(() => {
        const rows = Object.entries(commands).map(([name, { takes, does }]) => [`${name} ${takes}`, does] as const);
        const widest = Math.max(...rows.map(([name]) => name.length));
        const lines = rows.map(([name, does]) => `${name.padEnd(widest)}  ${does}`);
        return `${['A statement ends with ;', 'A question is one line: decisions subject=dr_evil --last 2h', ...lines].join('\n')}\n`;
      }),
  },
  '.tables': {
    takes: '',
    does: 'tables and views',
    run: ({ show, relations }) =>
      show(async (width) => {
        const rows = (await relations()).map(({ name, kind, rows: count, description }) => [
          name,
          kind,
          count === undefined ? '' : formatCount(count),
          description,
        ]);
        const columns = [
          { title: 'name' },
          { title: 'kind' },
          { title: 'rows', align: 'right' as const },
          { title: 'what it is', most: 200, rank: 1 },
        ];
        return rows.length === 0 ? 'there are none yet: run a backfill first\n' : textTable(columns, rows, { width });
      }),
  },
  '.inspect': {
    takes: 'TABLE',
    does: 'columns of a table or view, with types and meaning',
    run: ({ show, relations }, [name]) =>
      show(async (width) => {
        const all = await relations();
        const found = all.find((relation) => relation.name === name?.toLowerCase());
        if (found === undefined)
          throw new UsageError(
            `${name === undefined ? '.inspect needs a table' : `there is no table ${name}`}; there are: ${all.map((one) => one.name).join(', ')}`,
          );
        const rows = found.columns.map(({ name: column, type, description }) => [column, type, description]);
        const columns = [{ title: 'column' }, { title: 'type' }, { title: 'what it is', most: 200, rank: 1 }];
        const head = found.description === '' ? '' : `${printable(found.description)}\n\n`;
        return wrapLines(head, width) + textTable(columns, rows, { width });
      }),
  },
  '.questions': {
    takes: '[NAME]',
    does: 'named questions and their parameters',
    run: ({ show, questions }, [name]) =>
      show(() => {
        const chosen = name === undefined ? questions : questions.filter((question) => question.name === name);
        if (chosen.length === 0) throw new UsageError(`there is no question ${name}; .questions lists them`);
        return renderQuestions(chosen, 'table');
      }),
  },
  '.format': {
    takes: '[FORMAT]',
    does: `how answers are printed: ${answerFormats.join(', ')}`,
    async run({ format, say }, [name]) {
      if (name !== undefined && !answerFormats.includes(name as AnswerFormat))
        throw new UsageError(`.format takes one of ${answerFormats.join(', ')}`);
      await say(`format ${format(name as AnswerFormat | undefined)}\n`);
    },
  },
  '.output': {
    takes: '[FILE]',
    does: 'write answers into a file from now on; without one, to the screen again',
    async run({ output, say }, [path]) {
      await output(path);
      await say(path === undefined ? 'answers go to the screen\n' : `answers go to ${printable(path)}\n`);
    },
  },
  '.quit': {
    takes: '',
    does: 'leave, as Ctrl-D does',
    run: async ({ quit }) => quit(),
  },
};
