/** The named questions, for people and for machines. */

import { type Origin, origins, type Parameter, type Question } from '../../queries/question.ts';
import type { AnswerFormat } from './render-answer.ts';

export function renderQuestions(questions: readonly Question[], format: AnswerFormat): string {
  if (format === 'json') return `${JSON.stringify({ questions: questions.map(describe) })}\n`;
  const groups = (Object.keys(origins) as Origin[])
    .map((origin) => [origin, questions.filter((question) => question.origin === origin)] as const)
    .filter(([, asked]) => asked.length > 0);
  return groups.map(([origin, asked]) => `Of ${origins[origin]}:\n\n${asked.map(paragraph).join('\n')}`).join('\n');
}

/** What a caller may rely on: neither the bound columns nor how a value is read. */
const describe = ({ name, origin, summary, parameters }: Question) => ({
  name,
  origin,
  summary,
  parameters: parameters.map((parameter) => ({
    name: parameter.name,
    type: parameter.type,
    description: parameter.description,
    example: parameter.example,
    required: parameter.required ?? false,
    ...(parameter.default !== undefined && { default: parameter.default }),
  })),
});

function paragraph({ name, summary, parameters }: Question): string {
  const widest = Math.max(...parameters.map((parameter) => parameter.name.length));
  return `  ${name}: ${summary}\n${parameters.map((parameter) => `    ${parameter.name.padEnd(widest)}  ${explain(parameter)}\n`).join('')}`;
}

function explain({ name, description, example, required, default: preset }: Parameter): string {
  const isRange = name === 'from' || name === 'to';
  const need = required
    ? isRange
      ? ', the last day with events if not given'
      : ', required'
    : preset === undefined
      ? ''
      : `, ${preset} if not given`;
  return `${description}${need}; such as ${example}`;
}
