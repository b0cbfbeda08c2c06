/**
 * The figures of the report as named questions, so that anything a page shows can be asked again with the same values. The
 * SQL is in figures/. `source` is resolved through the ledger, which records the source of each object.
 */
import type { Limit, Parameter, Question } from './question.ts';

const decisions = 'opa_decisions';
const audits = 'okera_audit_logs';
const ledger = 'ingested_objects';

type Side = 'from' | 'to';

const instant = (name: Side, limits: readonly Limit[]): Parameter => ({
  name,
  type: 'instant',
  description: `${name === 'from' ? 'first' : 'last'} day, or instant, included`,
  example: name === 'from' ? '2023-07-11T00:00:00Z' : '2023-07-11T23:59:59.999999Z',
  required: true,
  limits,
});
const timesOf = (table: string, column = 'event_time'): Parameter[] =>
  (['from', 'to'] as const).map((side) => instant(side, [{ table, column, side }]));
/** Objects whose event times, as the ledger has them, overlap the range. */
const timesOfObjects = [
  instant('from', [{ table: ledger, column: 'max_event_time', side: 'from' }]),
  instant('to', [{ table: ledger, column: 'min_event_time', side: 'to' }]),
];

const subjectOf = (table: string, column: string): Parameter => ({
  name: 'subject',
  type: 'text',
  description: 'only this subject, exactly',
  example: 'dr_evil',
  limits: [{ table, column }],
});
const path: Parameter = {
  name: 'path',
  type: 'text',
  description: 'only this path of a policy rule, exactly',
  example: 'authz/decision',
  limits: [{ table: decisions, column: 'path' }],
};
const source: Parameter = {
  name: 'source',
  type: 'text',
  description: 'only records of this source of the configuration',
  example: 'eopa-prod',
};
const ofDecisions = [...timesOf(decisions), subjectOf(decisions, 'subject'), path, source];
const ofAudits = [...timesOf(audits), subjectOf(audits, 'user'), source];

const by: Parameter = {
  name: 'by',
  type: 'unit',
  description: 'interval to count by: minute, hour or day',
  example: 'hour',
  default: 'day',
};
const top: Parameter = { name: 'top', type: 'number', description: 'rows at most', example: '100', default: '20' };
/** Rows from before the range are read too, from this instant on. */
const since: Parameter = {
  name: 'since',
  type: 'instant',
  description: 'anything seen from this instant up to the range is not new',
  example: '2023-06-11T00:00:00Z',
  required: true,
  limits: [{ table: decisions, column: 'event_time', side: 'from' }],
};
const news = [
  since,
  ...ofDecisions.map((parameter) => (parameter.name === 'from' ? { ...parameter, limits: [] } : parameter)),
  top,
];

const figure = (name: string, summary: string, parameters: readonly Parameter[]): Question => ({
  name: `report-${name}`,
  origin: 'report',
  summary,
  parameters,
});

export const figures: readonly Question[] = [
  figure('over-time', 'decisions over time, by verdict', [...ofDecisions, by]),
  figure('undefined', 'decisions without any result over time', [...ofDecisions, by]),
  figure('subjects', 'subjects with the most decisions', [...ofDecisions, top]),
  figure('resources', 'resources with the most decisions', [...ofDecisions, top]),
  figure('denied', 'subjects, actions and resources with the most denials', [...ofDecisions, top]),
  figure('networks', 'client networks (IPv4 /24, IPv6 /64) with the most decisions', [...ofDecisions, top]),
  figure('policies', 'policy paths with the most denials', [...ofDecisions, top]),
  figure('labels', 'labels with the most denials; a decision counts once for each of its labels', [
    ...ofDecisions,
    top,
  ]),
  figure('new-subjects', 'subjects that are new in a range', news),
  figure('new-resources', 'resources that are new in a range', news),
  figure('new-networks', 'client networks (IPv4 /24, IPv6 /64) that are new in a range', news),
  figure('okera-over-time', 'what users asked of Okera over time', [...ofAudits, by]),
  figure('okera-tables', 'tables and views of Okera with the most accesses', [...ofAudits, top]),
  figure('okera-users', 'users of Okera with the most requests', [...ofAudits, top]),
  figure('okera-accesses', 'tables and views of Okera with their users, the most accesses first', [...ofAudits, top]),
  figure('okera-changes', 'statements that change permissions, the latest first', [
    ...ofAudits,
    { ...top, default: '50' },
  ]),
  figure('ingested', 'objects with events in a range and what became of their records, by source', [
    ...timesOfObjects,
    source,
  ]),
  figure('lag', 'time from the latest event of an object to the commit of its rows, by source', [
    ...timesOfObjects,
    source,
  ]),
  figure('quarantine', 'records in quarantine by reason, of whole days', [
    ...timesOf('quarantine', 'ymd'),
    source,
    top,
  ]),
];

/** The main table of a figure; if it does not exist, there is nothing to ask. */
export const tableOfFigure = (name: string): string =>
  figures.find((one) => one.name === name)!.parameters.flatMap(({ limits = [] }) => limits)[0]!.table;
