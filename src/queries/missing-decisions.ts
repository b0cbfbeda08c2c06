/** The question what never arrived: which numbers of OPA's requests came with no decision, by instance and day. */
import { grades } from '../sequences/grade.ts';
import type { Question } from './question.ts';

export const missingDecisions: Question = {
  name: 'missing-decisions',
  origin: 'incident',
  computed: 'missing-decisions',
  summary:
    'what never arrived: numbers of OPA requests without a decision, by instance and day, with what that proves; counted here, on any engine',
  parameters: [
    { name: 'from', type: 'instant', description: 'first day, included', example: '2023-07-11' },
    { name: 'to', type: 'instant', description: 'last day, included', example: '2023-07-12' },
    {
      name: 'source',
      type: 'text',
      description: 'only instances of this source of the configuration',
      example: 'eopa-prod',
    },
    {
      name: 'grade',
      type: 'text',
      description: `only days of this grade: ${Object.keys(grades).join(', ')}`,
      example: 'missing',
    },
  ],
};
