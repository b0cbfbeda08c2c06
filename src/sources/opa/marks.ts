/** What tells a decision from all other JSON in a log. */
import type { RecordMarks } from '../../records/envelope/marks.ts';
import { witnessOf } from './evidence.ts';

const isObject = (value: unknown): boolean => typeof value === 'object' && value !== null && !Array.isArray(value);

/** Members of a decision whose values come from who asks, from the policy, or from what it asks in turn. */
const contents: ReadonlySet<string> = new Set([
  'input',
  'result',
  'mapped_result',
  'nd_builtin_cache',
  'intermediate_results',
  'custom',
  'request_context',
]);

export const decisionMarks: RecordMarks = {
  valued: ['type', 'msg'],
  /** An id, what OPA's console says of its decisions, or, where a mask has taken these, what every decision has. */
  isRecord(value) {
    if (Object.hasOwn(value, 'decision_id')) return true;
    if (value.type === 'openpolicyagent.org/decision_logs' || value.msg === 'Decision Log') return true;
    if (typeof value.timestamp !== 'string' || !isObject(value.labels)) return false;
    return Object.hasOwn(value, 'input') || Object.hasOwn(value, 'result');
  },
  /** OPA's logger writes level and msg in every line ("Received request.", status records). */
  isOtherLine: (value) => typeof value.level === 'string' && typeof value.msg === 'string',
  witnessOf,
  /** Splunk and Loki have a `result` as well, but nothing that was asked beside it. */
  isContent: (name, value) =>
    contents.has(name) && ['input', 'path', 'query'].some((asked) => Object.hasOwn(value, asked)),
  idOf: ({ decision_id: id }) => (typeof id === 'string' && id !== '' ? id : undefined),
  hints: ['decision_id', 'openpolicyagent.org/decision_logs', 'Decision Log', 'labels'],
  tellingKey: 'decision_id',
};
