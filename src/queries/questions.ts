/**
 * Named questions: what may be asked, and a question with its values as a request to an engine. The SQL files beside
 * this one are plain: the same text is meant for every engine.
 */
import { readFileSync } from 'node:fs';
import { nearest } from '../config/errors.ts';
import type { QueryRequest } from '../engines/engine.ts';
import type { ParameterValue } from '../sql/parameter.ts';
import type { TimeReading } from '../text/time.ts';
import { acceptances } from './acceptances.ts';
import { bindParameters } from './bind.ts';
import { figures } from './figures.ts';
import { missingDecisions } from './missing-decisions.ts';
import { okeraQuestions } from './okera.ts';
import { opaQuestions } from './opa.ts';
import { ParameterError } from './parameters.ts';
import type { Question } from './question.ts';

export type { Parameter, Question } from './question.ts';

export const questions: readonly Question[] = [...opaQuestions, ...okeraQuestions, missingDecisions, acceptances];
/** The questions, and the figures of the report, which can be asked in the same way. */
export const allQuestions: readonly Question[] = [...questions, ...figures];

/** Of these and those of the configuration, if given. Throws ParameterError where there is none of this name. */
export function findQuestion(name: string, own: readonly Question[] = []): Question {
  const all = [...allQuestions, ...own];
  const question = all.find((candidate) => candidate.name === name);
  if (question !== undefined) return question;
  const near = nearest(
    name,
    all.map((candidate) => candidate.name),
  );
  throw new ParameterError(
    `there is no question ${name}; ${near ? `did you mean ${near}?` : 'query --list shows what there is'}`,
  );
}

/**
 * The request for a question. Without a clock in `reading`, times are days and instants only. Throws ParameterError for
 * an unknown question or parameter, or one that is missing.
 */
export function ask(
  asked: string | Question,
  given: ReadonlyMap<string, string>,
  reading: TimeReading = {},
): QueryRequest {
  const question = typeof asked === 'string' ? findQuestion(asked) : asked;
  const { name, parameters, computed } = question;
  const names = parameters.map((parameter) => parameter.name);
  for (const key of given.keys()) {
    if (names.includes(key)) continue;
    const near = nearest(key, names);
    throw new ParameterError(
      `question ${name} has no parameter ${key}; ${near ? `did you mean ${near}?` : `it has: ${names.join(', ')}`}`,
    );
  }
  for (const { name: required, example, description } of parameters.filter((parameter) => parameter.required)) {
    if (!given.has(required)) {
      throw new ParameterError(
        `question ${name} needs the parameter ${required}: ${description}; add ${required}=${example}`,
      );
    }
  }
  const defaults = parameters.flatMap((parameter): [string, string][] =>
    parameter.default === undefined ? [] : [[parameter.name, parameter.default]],
  );
  const complete = new Map([...defaults, ...given]);
  const { values, when, prune } = bindParameters(parameters, complete, reading);
  if (computed !== undefined) {
    const single = [...values].filter((entry): entry is [string, ParameterValue] => !isList(entry[1]));
    return {
      sql: `-- ${name} is answered by audit-warehouse itself`,
      computed: { question: computed, values: new Map(single) },
    };
  }
  return { ...withScalars(questionSql(question, new Set([...complete.keys(), ...when])), values), prune };
}

/** The SQL of a question with the lines of absent parameters left out. */
export function questionSql({ name, origin, sql }: Question, given: ReadonlySet<string>): string {
  if (sql !== undefined) return linesFor(given, sql);
  const folder = origin === 'report' ? 'figures/' : '';
  return linesFor(given, readFileSync(new URL(`./${folder}${name}.sql`, import.meta.url), 'utf8'));
}

/** SQL without its lines of comment, and without those that end in "-- when NAME" for a name that is not given. */
function linesFor(given: ReadonlySet<string>, text: string): string {
  return text
    .split('\n')
    .filter((line) => !line.startsWith('--'))
    .filter((line) => {
      const when = /-- when (\w+)\s*$/.exec(line)?.[1];
      return when === undefined || given.has(when);
    })
    .join('\n')
    .trim();
}

const placeholder = /\$(\w+)/g;

/** A list becomes a placeholder for each entry, so that engines bind scalars only; values that the SQL does not name go. */
function withScalars(
  sql: string,
  values: ReadonlyMap<string, ParameterValue | readonly string[]>,
): Pick<QueryRequest, 'sql' | 'parameters'> {
  const parameters: Record<string, ParameterValue> = {};
  const text = sql.replaceAll(placeholder, (whole, name: string) => {
    const value = values.get(name);
    if (value === undefined) return whole;
    if (!isList(value)) {
      parameters[name] = value;
      return whole;
    }
    return value
      .map((entry, i) => {
        parameters[`${name}_${i + 1}`] = entry;
        return `$${name}_${i + 1}`;
      })
      .join(', ');
  });
  return { sql: text, parameters };
}

const isList = (value: ParameterValue | readonly string[]): value is readonly string[] => Array.isArray(value);
