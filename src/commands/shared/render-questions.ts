/** The named questions, for people and for machines. */
import type { Question } from '../../queries/questions.ts';

export function renderQuestions(questions: readonly Question[], format: 'table' | 'json' | 'csv'): string {
  if (format === 'json') {
    return `${JSON.stringify({ questions: questions.map(({ name, summary, parameters }) => ({ name, summary, parameters })) })}\n`;
  }
  return questions
    .map(({ name, summary, parameters }) => {
      const widest = Math.max(...parameters.map((parameter) => parameter.name.length));
      const lines = parameters.map(
        (parameter) =>
          `  ${parameter.name.padEnd(widest)}  ${parameter.description}${parameter.required ? ', required' : ''}; such as ${parameter.example}\n`,
      );
      return `${name}: ${summary}\n${lines.join('')}`;
    })
    .join('\n');
}
