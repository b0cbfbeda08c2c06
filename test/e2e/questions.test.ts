/**
 * Every named question, with every one of its parameters, on DuckDB and on Trino over one warehouse in S3 and Glue, against
 * rows computed straight from the raw JSON; and each once on Athena.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ask, questions } from '../../src/queries/questions.ts';
import { start } from '../support/binary.ts';
import { describeWith } from '../support/rig.ts';
import { type Fact, micros, only } from './questions/facts.ts';
import { auditLogs, decisionLogs } from './questions/logs.ts';
import { okeraCases } from './questions/okera.ts';
import { type Case, opaCases } from './questions/opa.ts';
import { type EngineName, engineNames, makeQuestionsWorld, type QuestionsWorld } from './questions/world.ts';

/** Athena's results have times in milliseconds, and lists and maps as a text of its own, which is left out here. */
const asAthenaGives = (row: Fact): Fact =>
  Object.fromEntries(
    Object.entries(row)
      .filter(([name]) => !['countries', 'roles', 'erased', 'masked', 'labels', 'metrics'].includes(name))
      .map(([name, value]) => {
        const isTime = /^\d{4}-\d\d-\d\dT\S+Z$/.test(String(value));
        return [name, isTime ? Math.round(Number(micros(value)) / 1000) : value];
      }),
  );

/** Of a decision in the middle of the breach. */
const anId = /"decision_id":"([^"]+)"(?:(?!decision_id).)*"timestamp":"2023-07-11T16:57/.exec(
  decisionLogs()
    .map(({ body }) => body)
    .join('\n'),
)![1]!;
/** Of a query with scans, whose id has lost its leading zeros. */
const aRequest = auditLogs()
  .filter(({ key }) => key.startsWith('ymd=2020-09-17/worker'))
  .flatMap(({ body }) => body.toString().split('\n'))
  .map((line) => JSON.parse(line).request_id as string)
  .find((id) => id.indexOf(':') < 16)!;
const cases = { ...opaCases(anId), ...okeraCases(aRequest) };

/** Those that SQL answers; what is computed here has its own tests (test/sequences). */
const asked = questions.filter(({ computed }) => computed === undefined);

test('every question has a case with and one without each parameter that is optional', () => {
  expect(Object.keys(cases).sort()).toEqual(asked.map(({ name }) => name).sort());
  for (const { name, parameters } of asked) {
    for (const parameter of parameters) {
      const given = (cases[name] ?? []).map((one) => parameter.name in one.given);
      expect([name, parameter.name, given.includes(true)]).toEqual([name, parameter.name, true]);
      // What is so now is another thing tomorrow.
      const mayLack = parameter.required !== true && parameter.default !== 'now';
      expect([name, parameter.name, given.includes(false)]).toEqual([name, parameter.name, mayLack]);
    }
  }
});

describeWith(['s3', 'glue', 'trino'], 'the named questions', () => {
  let world: QuestionsWorld;
  beforeAll(async () => {
    world = await makeQuestionsWorld();
  });
  afterAll(() => world?.close());

  describe.each(Object.entries(cases))('%s', (name, asked) => {
    const compare = async (engine: EngineName, { given, columns, rows }: Case, as = (row: Fact): Fact => row) => {
      const expected = rows(world.facts).map((row) => only(row, columns));
      expect(expected.length).toBeGreaterThan(0);
      const answer = await world.ask(engine, ask(name, new Map(Object.entries(given))));
      expect(answer.columns).toEqual(columns);
      const found = answer.rows.map((row) => Object.fromEntries(columns.map((column, i) => [column, row[i]!])));
      expect(found.map(as)).toEqual(expected.map(as));
    };
    for (const one of asked) {
      test.each(engineNames)(`${JSON.stringify(one.given)} on %s`, (engine) => compare(engine, one));
    }
    test(`${JSON.stringify(asked[0]!.given)} on athena`, () => compare('athena', asked[0]!, asAthenaGives));
  });

  test.each(engineNames)('through the binary on %s', async (engine) => {
    const [asked] = cases['subject-activity']!;
    const { code, stdout, stderr } = await start(
      ['query', 'subject-activity', '--param', 'subject=dr_evil', '--engine', engine, '--format', 'json'],
      world.place,
    ).done;
    expect({ code, stderr: code === 0 ? '' : stderr }).toEqual({ code: 0, stderr: '' });
    const { columns, rows } = JSON.parse(stdout);
    expect(columns).toEqual(asked!.columns);
    expect(rows).toEqual(asked!.rows(world.facts).map((row) => Object.values(only(row, asked!.columns))));
  });
});
