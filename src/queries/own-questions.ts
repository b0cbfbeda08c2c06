/**
 * Questions of your own: the `.sql` files that the key `queries` of the configuration names. The lines of comment that a file begins
 * with say, in YAML, what it answers and which parameters it has:
 *
 *   -- summary: who of a team was denied what
 *   -- parameters:
 *   --   team: { type: text, description: the team, example: payments, required: true }
 */
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { basename, join } from 'node:path';
import { parse } from 'yaml';
import type { Config } from '../config/config.ts';
import { ConfigError, nearest } from '../config/errors.ts';
import { compareText } from '../text/order.ts';
import { bindParameters } from './bind.ts';
import { ParameterError } from './parameters.ts';
import { type Parameter, type ParameterType, parameterTypes, type Question } from './question.ts';
import { allQuestions } from './questions.ts';

const mostBytes = 256 << 10;

/** In the order of their names. Throws ConfigError naming the file of what cannot be asked. */
export function ownQuestions({ queries }: Pick<Config, 'queries'>): Question[] {
  const questions = queries.flatMap(sqlFiles).map(readQuestion);
  const sorted = questions.sort((a, b) => compareText(a.question.name, b.question.name));
  sorted.forEach(({ file, question: { name } }, i) => {
    if (allQuestions.some((built) => built.name === name))
      fail(file, `there is a built-in question ${name}: give the file another name`);
    if (sorted[i - 1]?.question.name === name)
      fail(file, `there is another question ${name}, in ${sorted[i - 1]!.file}`);
  });
  return sorted.map(({ question }) => question);
}

interface Read {
  readonly file: string;
  readonly question: Question;
}

const fail = (file: string, message: string, key = ''): never => {
  throw new ConfigError([{ key, message, origin: file }]);
};

function sqlFiles(path: string): string[] {
  if (!statSync(path).isDirectory()) return [path];
  return readdirSync(path)
    .filter((name) => name.endsWith('.sql'))
    .map((name) => join(path, name));
}

function readQuestion(file: string): Read {
  const name = basename(file, '.sql');
  if (!/^[a-z0-9][a-z0-9-]{0,63}$/.test(name))
    fail(file, 'the name of a question has small letters, digits and hyphens: rename the file');
  if (statSync(file).size > mostBytes) fail(file, `is longer than ${mostBytes} bytes`);
  const text = readFileSync(file, 'utf8')
    .replace(/^\ufeff/, '')
    .replaceAll('\r\n', '\n');
  const lines = text.split('\n');
  const end = lines.findIndex((line) => !line.startsWith('--'));
  const header = readHeader(file, lines.slice(0, end < 0 ? lines.length : end));
  const { summary, parameters = {} } = header;
  if (typeof summary !== 'string' || summary.trim() === '')
    return fail(file, 'the first lines must say what it answers: "-- summary: who was denied what"');
  const question: Question = {
    name,
    origin: 'own',
    summary: summary.trim(),
    parameters: Object.entries(parameters as Record<string, unknown>).map(([key, given]) =>
      readParameter(file, key, given),
    ),
    sql: text,
  };
  checkPlaceholders(file, question);
  return { file, question };
}

/** A header that is plain text is a summary. */
function readHeader(file: string, lines: readonly string[]): Readonly<Record<string, unknown>> {
  const text = lines.map((line) => line.replace(/^-- ?/, '')).join('\n');
  let header: unknown;
  try {
    header = parse(text, { maxAliasCount: 0 });
  } catch (error) {
    return fail(file, `the lines of comment at its beginning are no YAML: ${(error as Error).message.split('\n')[0]}`);
  }
  if (typeof header === 'string') return { summary: header.replaceAll(/\s+/g, ' ') };
  if (header === null || typeof header !== 'object' || Array.isArray(header)) return {};
  checkKeys(file, '', header, ['summary', 'parameters']);
  const { parameters } = header as { parameters?: unknown };
  if (parameters !== undefined && parameters !== null && (typeof parameters !== 'object' || Array.isArray(parameters)))
    fail(file, 'must have a parameter under each key', 'parameters');
  return { ...header, parameters: parameters ?? {} };
}

function checkKeys(file: string, at: string, given: object, known: readonly string[]): void {
  for (const key of Object.keys(given)) {
    if (known.includes(key)) continue;
    const near = nearest(key, known);
    fail(
      file,
      near ? `is not known; did you mean ${near}?` : `is not known; there are ${known.join(', ')}`,
      `${at}${key}`,
    );
  }
}

function readParameter(file: string, name: string, given: unknown): Parameter {
  const at = `parameters.${name}`;
  if (!/^[a-z_][a-z0-9_]*$/.test(name)) fail(file, 'a parameter has small letters, digits and underscores', at);
  if (given === null || typeof given !== 'object' || Array.isArray(given))
    return fail(file, 'must say type, description and example', at);
  checkKeys(file, `${at}.`, given, ['type', 'description', 'example', 'required', 'default']);
  const { type, description, example, required = false, default: preset } = given as Record<string, unknown>;
  const known = Object.keys(parameterTypes) as ParameterType[];
  if (!known.includes(type as ParameterType)) fail(file, `must be one of ${known.join(', ')}`, `${at}.type`);
  const text = (value: unknown, key: string): string => {
    if (value === undefined || value === null || typeof value === 'object')
      return fail(file, 'must be a text', `${at}.${key}`);
    return String(value);
  };
  if (typeof required !== 'boolean') fail(file, 'must be true or false', `${at}.required`);
  const parameter: Parameter = {
    name,
    type: type as ParameterType,
    description: text(description, 'description'),
    example: text(example, 'example'),
    required: required as boolean,
    ...(preset !== undefined && { default: text(preset, 'default') }),
  };
  for (const [key, value] of [['example', parameter.example], ['default', parameter.default]] as const) {
    if (value === undefined) continue;
    try {
      bindParameters([parameter], new Map([[name, value]]), { now: 0 });
    } catch (error) {
      if (!(error instanceof ParameterError)) throw error;
      fail(file, error.message, `${at}.${key}`);
    }
  } // biome-ignore format: a short table
  return parameter;
}

/** Every $name of the SQL has a value, and every parameter is used. */
function checkPlaceholders(file: string, { parameters, sql }: Question): void {
  const code = sql!.replaceAll(/^--.*$/gm, '').replaceAll(/'(?:''|[^'])*'/g, "''");
  const used = new Set([...code.matchAll(/\$([A-Za-z_]\w*)/g)].map((match) => match[1]!));
  const lines = new Set([...code.matchAll(/-- when (\w+)\s*$/gm)].map((match) => match[1]!));
  const values = new Set<string>();
  for (const { name, type } of parameters) {
    const own = parameterTypes[type].map((suffix) => `${name}${suffix}`);
    for (const one of own) values.add(one);
    if (type !== 'unit' && !own.some((one) => used.has(one)) && !lines.has(name))
      fail(file, `is not used: the SQL has no ${own.map((one) => `$${one}`).join(', ')}`, `parameters.${name}`);
  }
  for (const name of used) {
    if (values.has(name)) continue;
    const near = nearest(name, [...values]);
    fail(file, `the SQL has $${name}, which no parameter gives${near ? `; did you mean $${near}?` : ''}`);
  }
}
