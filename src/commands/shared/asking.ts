/** From the words of a command line to what an engine is asked. */
import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { UsageError } from '../../config/errors.ts';
import type { QueryRequest } from '../../engines/engine.ts';
import type { Runtime } from '../../ingest/runtime.ts';
import { ownQuestions } from '../../queries/own-questions.ts';
import type { Question } from '../../queries/question.ts';
import { allQuestions, ask, findQuestion } from '../../queries/questions.ts';
import { type LastDay, lastDayWithEvents, type Ranged, tablesOfRange, withRange } from '../../queries/range.ts';
import { dayOf } from '../../text/time.ts';
import type { CommandContext, GlobalOptions } from './context.ts';
import { readConfig } from './setup.ts';
import { type TimeOptions, timeReading } from './times.ts';

export interface Asked {
  readonly request: QueryRequest;
  readonly question?: Question;
  readonly given?: ReadonlyMap<string, string>;
  readonly range?: Ranged['range'];
}

/** Questions of the configuration; none where there is no configuration. Throws ConfigError. */
export function ownQuestionsOf(context: CommandContext, options: GlobalOptions): readonly Question[] {
  const isNamed = options.config !== undefined || Boolean(context.env.AUDIT_WAREHOUSE_CONFIG);
  if (!isNamed && !existsSync(resolve(context.cwd, 'audit-warehouse.yaml'))) return [];
  return ownQuestions(readConfig(context, options).config);
}

/** Throws ParameterError. The configuration is read only for a name that is not built in. */
export function questionNamed(context: CommandContext, name: string, options: GlobalOptions): Question {
  const built = allQuestions.find((question) => question.name === name);
  return built ?? findQuestion(name, ownQuestionsOf(context, options));
}

export interface Asker {
  /** As of today: the tables that it names are those of any day. */
  readonly statement: QueryRequest;
  readonly put: (runtime: Runtime) => Promise<Asked>;
}

/** Checks a question before anything is opened, to be put to a warehouse. Throws ParameterError. */
export async function asker(
  context: CommandContext,
  question: Question,
  parameters: ReadonlyMap<string, string>,
  options: TimeOptions,
): Promise<Asker> {
  const sources = {
    options: { from: options.from, to: options.to, last: options.last },
    reading: timeReading(context, options),
  };
  const today: LastDay = async (zone) => dayOf(BigInt(context.clock()) * 1000n, zone);
  const statement = ask(question, (await withRange(question, parameters, { ...sources, lastDay: today })).given);
  const put = async (runtime: Runtime): Promise<Asked> => {
    const lastDay: LastDay = (zone) => lastDayWithEvents(runtime, zone, tablesOfRange(question));
    const { given, range } = await withRange(question, parameters, { ...sources, lastDay });
    return { request: ask(question, given), question, given, range };
  };
  return { statement, put };
}

/** `name=value` each. Throws UsageError. */
export function parseParameters(given: readonly string[]): Map<string, string> {
  const parameters = new Map<string, string>();
  for (const text of given) {
    const at = text.indexOf('=');
    if (at < 1) throw new UsageError(`parameters are written as name=value, not ${text}`);
    const name = text.slice(0, at);
    if (parameters.has(name)) throw new UsageError(`parameter ${name} is given twice`);
    parameters.set(name, text.slice(at + 1));
  }
  return parameters;
}
