/** Who settled which differences, when and why: what `verify --accept` has written down. */
import type { Question } from './question.ts';

export const acceptances: Question = {
  name: 'acceptances',
  origin: 'incident',
  computed: 'acceptances',
  summary: 'who accepted which differences that verify had found, when and why; counted here, on any engine',
  parameters: [
    { name: 'from', type: 'instant', description: 'first day of accepting, included', example: '2023-07-11' },
    { name: 'to', type: 'instant', description: 'last day of accepting, included', example: '2023-07-12' },
    { name: 'table', type: 'text', description: 'only differences of this table', example: 'opa_decisions' },
  ],
};
