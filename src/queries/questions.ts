/**
 * Named questions: an SQL file beside this one, the parameters it takes, and how they become bound values and limits on
 * the files to read. The SQL is plain: the same text is meant for every engine.
 */
import { readFileSync } from 'node:fs';
import { nearest } from '../config/errors.ts';
import type { ParameterValue, QueryRequest } from '../engines/engine.ts';
import type { ColumnRange, FileFilter } from '../iceberg/scan.ts';
import { dayOf, ParameterError, parseCidr, parseInstant, parseLimit, parseTruth } from './parameters.ts';

export interface Question {
  readonly name: string;
  readonly summary: string;
  readonly parameters: readonly Parameter[];
  /** `given` has only parameters of the list, and all required ones. */
  prepare(given: ReadonlyMap<string, string>): Pick<QueryRequest, 'parameters' | 'prune'>;
}

export interface Parameter {
  readonly name: string;
  readonly description: string;
  readonly example: string;
  readonly required?: boolean;
}

const decisions: Question = {
  name: 'decisions',
  summary: 'decisions in a time range, by subject, address block and verdict',
  parameters: [
    {
      name: 'from',
      description: 'first instant, included (RFC 3339)',
      example: '2023-07-11T16:55:00Z',
      required: true,
    },
    { name: 'to', description: 'last instant, included (RFC 3339)', example: '2023-07-11T17:00:00Z', required: true },
    { name: 'subject', description: 'the subject, exactly', example: 'dr_evil' },
    { name: 'cidr', description: 'block of client addresses, or one address', example: '192.168.0.0/16' },
    { name: 'allowed', description: 'true or false', example: 'true' },
    { name: 'limit', description: 'rows at most, the earliest first', example: '100' },
  ],
  prepare(given) {
    const from = parseInstant('from', given.get('from')!);
    const to = parseInstant('to', given.get('to')!);
    if (from > to) throw new ParameterError(`parameter from (${given.get('from')}) is after to (${given.get('to')})`);
    const days = { from: dayOf(from), to: dayOf(to) };
    const parameters: Record<string, ParameterValue> = {
      from: { micros: from },
      to: { micros: to },
      from_ymd: days.from,
      to_ymd: days.to,
    };
    const bounds: ColumnRange[] = [{ column: 'event_time', from, to }];
    const subject = given.get('subject');
    if (subject !== undefined) {
      parameters.subject = subject;
      bounds.push({ column: 'subject', from: subject, to: subject });
    }
    const cidr = given.get('cidr');
    if (cidr !== undefined) {
      const { first, last } = parseCidr('cidr', cidr);
      parameters.cidr_first = first;
      parameters.cidr_last = last;
      bounds.push({ column: 'client_ip_key', from: first, to: last });
    }
    const allowed = given.get('allowed');
    if (allowed !== undefined) parameters.allowed = parseTruth('allowed', allowed);
    const limit = given.get('limit');
    if (limit !== undefined) parameters.limit = parseLimit('limit', limit);
    const filter: FileFilter = { ymd: days, bounds };
    return { parameters, prune: { opa_decisions: filter } };
  },
};

export const questions: readonly Question[] = [decisions];

/** The request for a question. Throws ParameterError for an unknown question or parameter, or one that is missing. */
export function ask(name: string, given: ReadonlyMap<string, string>): QueryRequest {
  const question = questions.find((candidate) => candidate.name === name);
  if (question === undefined) {
    const near = nearest(
      name,
      questions.map((candidate) => candidate.name),
    );
    throw new ParameterError(
      `there is no question ${name}; ${near ? `did you mean ${near}?` : 'query --list shows what there is'}`,
    );
  }
  const names = question.parameters.map((parameter) => parameter.name);
  for (const key of given.keys()) {
    if (names.includes(key)) continue;
    const near = nearest(key, names);
    throw new ParameterError(
      `question ${name} has no parameter ${key}; ${near ? `did you mean ${near}?` : `it has: ${names.join(', ')}`}`,
    );
  }
  for (const { name: required, example, description } of question.parameters.filter(
    (parameter) => parameter.required,
  )) {
    if (!given.has(required)) {
      throw new ParameterError(
        `question ${name} needs the parameter ${required}: ${description}; add --param ${required}=${example}`,
      );
    }
  }
  return { sql: questionSql(name, new Set(given.keys())), ...question.prepare(given) };
}

/** The SQL of a question with the lines of absent parameters left out. */
export function questionSql(name: string, given: ReadonlySet<string>): string {
  const text = readFileSync(new URL(`./${name}.sql`, import.meta.url), 'utf8');
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
