/** Questions about the decisions of Open Policy Agent and Enterprise OPA. */
import type { Parameter, Question } from './question.ts';

const table = 'opa_decisions';

const from: Parameter = {
  name: 'from',
  type: 'instant',
  description: 'first day, or instant, included',
  example: '2023-07-11T16:55:00Z',
  required: true,
  limits: [{ table, column: 'event_time', side: 'from' }],
};
const to: Parameter = {
  name: 'to',
  type: 'instant',
  description: 'last day, or instant, included',
  example: '2023-07-11T17:00:00Z',
  required: true,
  limits: [{ table, column: 'event_time', side: 'to' }],
};
const range = [from, to];
/** For questions that ask for all of history where no range is given. */
const anyRange = range.map((side): Parameter => ({ ...side, required: false }));

const subject: Parameter = {
  name: 'subject',
  type: 'text',
  description: 'the subject, exactly',
  example: 'dr_evil',
  limits: [{ table, column: 'subject' }],
};
const resource: Parameter = {
  name: 'resource',
  type: 'text',
  description: 'the resource, exactly',
  example: '/sales/prospects/black_mesa',
  limits: [{ table, column: 'resource' }],
};
const path: Parameter = {
  name: 'path',
  type: 'text',
  description: 'path of the policy rule, exactly',
  example: 'authz/decision',
  limits: [{ table, column: 'path' }],
};
const limit: Parameter = {
  name: 'limit',
  type: 'number',
  description: 'rows at most, the earliest first',
  example: '100',
};

export const opaQuestions: readonly Question[] = [
  {
    name: 'decisions',
    origin: 'article',
    summary: 'decisions in a time range, by subject, address block and verdict',
    parameters: [
      ...range,
      subject,
      {
        name: 'cidr',
        type: 'cidr',
        description: 'block of client addresses, or one address',
        example: '192.168.0.0/16',
        limits: [{ table, column: 'client_ip_key' }],
      },
      { name: 'allowed', type: 'truth', description: 'true or false', example: 'true' },
      limit,
    ],
  },
  {
    name: 'allowed-outside-countries',
    origin: 'article',
    summary:
      'decisions that allowed a subject of user_countries something from a country that is not on its list there',
    parameters: [...range, subject],
  },
  {
    name: 'decision-details',
    origin: 'incident',
    summary: 'everything about the decision with an id: input, result, bundles, metrics, and where its record stands',
    parameters: [
      {
        name: 'id',
        type: 'text',
        description: 'decision_id, exactly',
        example: '320e2820-1628-4819-b82c-eca7e48b21b9',
        required: true,
        limits: [{ table, column: 'decision_id' }],
      },
      ...anyRange,
    ],
  },
  {
    name: 'subject-activity',
    origin: 'incident',
    summary: 'what a subject did, ever: each action on each resource, with verdicts, first and last time',
    parameters: [{ ...subject, required: true }, ...anyRange],
  },
  {
    name: 'resource-activity',
    origin: 'incident',
    summary: 'who touched a resource, ever: each subject and action, with verdicts, first and last time',
    parameters: [{ ...resource, required: true }, ...anyRange],
  },
  {
    name: 'denied-then-allowed',
    origin: 'incident',
    summary: 'denials that the same subject, action and resource got allowed on the next try, within some minutes',
    parameters: [
      ...range,
      {
        name: 'minutes',
        type: 'number',
        description: 'minutes from the denial to the next try at most',
        example: '10',
        default: '5',
      },
      subject,
      resource,
    ],
  },
  {
    name: 'new-networks',
    origin: 'incident',
    summary: 'client networks (IPv4 /24, IPv6 /64) from which a subject came in a time range and never before',
    // What was there before `from` has to be read too.
    parameters: [{ ...from, limits: [] }, to, subject],
  },
  {
    name: 'decisions-by-policy',
    origin: 'incident',
    summary: 'verdicts in a time range by policy path and bundle revisions',
    parameters: [...range, path],
  },
  {
    name: 'conflicting-decisions',
    origin: 'incident',
    summary: 'ids that stand for decisions of different content, and where each of these stands',
    parameters: [...anyRange, { ...limit, description: 'rows at most, in the order of ids' }],
  },
  {
    name: 'slowest-decisions',
    origin: 'incident',
    summary: 'decisions in a time range that took the server longest',
    parameters: [...range, path, { ...limit, description: 'rows at most, the slowest first', default: '20' }],
  },
];
