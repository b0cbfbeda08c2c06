/** Which question looks closer at a value: what a cell or a bar of an answer links to. */
import type { CellValue } from '../engines/engine.ts';
import { bindParameters } from '../queries/bind.ts';
import { ParameterError } from '../queries/parameters.ts';
import { allQuestions, findQuestion } from '../queries/questions.ts';
import { timeText } from '../text/time.ts';

export interface Span {
  /** Microseconds since the epoch, both included. */
  readonly from: bigint;
  readonly to: bigint;
}

/** By the name of a column. Names mean the same in every answer. */
const leads: Readonly<Record<string, readonly [question: string, parameter: string]>> = {
  subject: ['subject-activity', 'subject'],
  resource: ['resource-activity', 'resource'],
  path: ['decisions-by-policy', 'path'],
  client_ip: ['decisions', 'cidr'],
  network: ['decisions', 'cidr'],
  denied_from: ['decisions', 'cidr'],
  allowed_from: ['decisions', 'cidr'],
  decision_id: ['decision-details', 'id'],
  denied_id: ['decision-details', 'id'],
  allowed_id: ['decision-details', 'id'],
  user: ['actor-events', 'actor'],
  actor: ['actor-events', 'actor'],
  dataset: ['okera-events', 'tables'],
  ae_table: ['okera-events', 'tables'],
  request_id: ['okera-queries', 'request'],
};

/** Address of the question about a value of a column; undefined if there is none, or if it does not take the value. */
export function leadOf(column: string, value: CellValue, span: Span): string | undefined {
  if (typeof value !== 'string' || value === '' || !Object.hasOwn(leads, column)) return undefined;
  const [question, parameter] = leads[column]!;
  const { parameters } = findQuestion(question);
  const isList = parameters.some(({ name, type }) => name === parameter && type === 'texts');
  return leadTo(question, { [parameter]: isList ? JSON.stringify([value]) : value }, span);
}

/** Address of a question with values, and with the span where it takes one; undefined if it does not take them. */
/** With `narrowed`, the span takes the place of the values' own. */
export function leadTo(
  question: string,
  values: Readonly<Record<string, string>>,
  span: Span,
  narrowed = false,
): string | undefined {
  const given = new Map<string, string>();
  const parameters = allQuestions.find(({ name }) => name === question)?.parameters;
  // A question of the configuration leads nowhere else.
  if (parameters === undefined) return undefined;
  for (const { name, required } of parameters) {
    const time = name === 'from' || name === 'to' ? timeText(span[name]) : undefined;
    const value = narrowed ? (time ?? values[name]) : (values[name] ?? time);
    if (value !== undefined && value !== '') given.set(name, value);
    else if (required) return undefined;
  }
  try {
    bindParameters(parameters, given);
  } catch (error) {
    if (error instanceof ParameterError) return undefined;
    throw error;
  }
  return addressOf(question, given);
}

/** Longer ones are not answered. */
export const mostInAddress = 200_000;

/**
 * Where the answer to a question is; undefined for a value that is empty, which a form does not give, and for one that is too long
 * for an address.
 */
export function addressOf(question: string, given: ReadonlyMap<string, string>): string | undefined {
  const values = [...given.values()];
  if (values.includes('') || values.some(({ length }) => length > mostInAddress)) return undefined;
  const address = `/ask/${question}?${new URLSearchParams([...given, ['run', '1']])}`;
  return address.length > mostInAddress ? undefined : address;
}
