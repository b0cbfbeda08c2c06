import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { figures } from '../../src/queries/figures.ts';
import { ParameterError, parseCidr, parseInstant, parseRequest, parseTexts } from '../../src/queries/parameters.ts';
import type { Parameter, Question } from '../../src/queries/question.ts';
import { allQuestions, ask, findQuestion, questionSql, questions } from '../../src/queries/questions.ts';
import { comparedColumns } from '../../src/records/identity.ts';
import { createSource } from '../../src/sources/index.ts';
import { dayOf } from '../../src/text/time.ts';
import { tables } from '../e2e/support/columns.ts';

const range = { from: '2023-07-11T16:55:00Z', to: '2023-07-11T17:00:00.5+00:00' };
const asked = (given: Record<string, string>) => ask('decisions', new Map(Object.entries(given)));

describe('the question decisions', () => {
  it('has only the lines of the parameters that are given', () => {
    const { sql, parameters, prune } = asked(range);
    expect(sql).not.toMatch(/subject = |client_ip_key|allowed = |LIMIT/);
    expect(parameters).toEqual({
      from: { micros: 1689094500000000n },
      to: { micros: 1689094800500000n },
      from_ymd: '2023-07-11',
      to_ymd: '2023-07-11',
    });
    expect(prune).toEqual({
      opa_decisions: {
        ymd: { from: '2023-07-11', to: '2023-07-11' },
        bounds: [{ column: 'event_time', from: 1689094500000000n, to: 1689094800500000n }],
      },
    });
  });

  it('binds every parameter that its SQL names, and no other', () => {
    const request = asked({ ...range, subject: "x' OR 1=1 --", cidr: '10.0.0.0/8', allowed: 'true', limit: '5' });
    const named = [...request.sql.matchAll(/\$(\w+)/g)].map(([, name]) => name);
    expect([...new Set(named)].sort()).toEqual(Object.keys(request.parameters ?? {}).sort());
    expect(request.sql).not.toContain('OR 1=1');
    expect(request.parameters).toMatchObject({
      subject: "x' OR 1=1 --",
      cidr_first: '00000000000000000000ffff0a000000',
      cidr_last: '00000000000000000000ffff0affffff',
      allowed: true,
      limit: 5n,
    });
  });

  it.each([
    ['a missing parameter', { from: range.from }, /needs the parameter to/],
    ['an unknown parameter', { ...range, subjct: 'x' }, /did you mean subject\?/],
    [
      'a time without zone',
      { ...range, from: '2023-07-11T16:55:00' },
      /parameter from must be an instant with an offset/,
    ],
    ['a time that needs a clock', { ...range, from: '-2h' }, /there is no clock/],
    ['a day that does not exist', { ...range, from: '2023-02-30T00:00:00Z' }, /parameter from must be a day such as/],
    ['from after to', { from: range.to, to: range.from }, /is after to/],
    ['a block that is none', { ...range, cidr: '10.0.0.0/33' }, /parameter cidr must be a block/],
    ['an address in short form', { ...range, cidr: '10.1' }, /parameter cidr must be a block/],
    ['a verdict that is none', { ...range, allowed: 'yes' }, /parameter allowed must be true or false/],
    ['a limit that is none', { ...range, limit: '-1' }, /parameter limit must be a whole number/],
  ])('%s is named', (_what, given, message) => {
    expect(() => asked(given as unknown as Record<string, string>)).toThrow(ParameterError);
    expect(() => asked(given as unknown as Record<string, string>)).toThrow(message);
  });

  it('an unknown question is named', () => {
    expect(() => ask('decision', new Map())).toThrow(/did you mean decisions\?/);
  });
});

const examples = (parameters: readonly Parameter[]): Map<string, string> =>
  new Map(parameters.map(({ name, example }) => [name, example]));
const placeholders = (sql: string): string[] =>
  [...new Set([...sql.matchAll(/\$(\w+)/g)].map(([, name]) => name!))].sort();
const folder = join(import.meta.dirname, '../../src/queries');

/** All but those that the program answers itself. */
const inSql = (some: readonly Question[]) => some.filter(({ computed }) => computed === undefined);

describe.each(inSql(allQuestions).map((question) => [question.name, question] as const))(
  'the question %s',
  (name, { parameters }) => {
    it('has a "-- when" of each parameter that may be absent, and of no other', () => {
      const all = new Set(parameters.map((parameter) => parameter.name));
      const fromValues = ['instants', 'minute', 'hour', 'day'];
      const whens = [...questionSql(findQuestion(name), new Set([...all, ...fromValues])).matchAll(/-- when (\w+)/g)]
        .map(([, when]) => when!)
        .filter((when) => !fromValues.includes(when));
      const absent = parameters.filter(({ required, default: preset }) => !required && preset === undefined);
      expect([...new Set(whens)].sort()).toEqual(absent.map((parameter) => parameter.name).sort());
    });

    it.each([
      ['all parameters', parameters],
      ['those that it needs', parameters.filter(({ required }) => required)],
    ])('with %s binds what its SQL names, and all of it', (_what, given) => {
      const request = ask(name, examples(given), { now: 0 });
      expect(placeholders(request.sql)).toEqual(Object.keys(request.parameters!).sort());
    });

    it('says each row in an order that does not depend on the engine, and names its columns', () => {
      const sql = questionSql(findQuestion(name), new Set());
      expect(sql).toMatch(/\nORDER BY /);
      expect(sql).not.toMatch(/\*\s*(,|FROM)/);
    });

    it('leaves files out by columns that their tables have', () => {
      for (const { table, column } of parameters.flatMap(({ limits = [] }) => limits)) {
        expect(tables[table as keyof typeof tables]).toHaveProperty(column);
      }
    });

    it('is in the documentation with its parameters', () => {
      const page = readFileSync(join(folder, '../../docs/queries.md'), 'utf8');
      // Figures of the report share a section, with a line for each.
      const section = page
        .split(/^#+ |^\| (?=`report-)/m)
        .find((text) => text.startsWith(`${name}\n`) || text.startsWith(`\`${name}\``));
      for (const parameter of parameters) expect(section).toContain(`\`${parameter.name}\``);
    });
  },
);

it('a question that the program answers itself is in the documentation with its parameters, and goes past the engines', () => {
  const page = readFileSync(join(folder, '../../docs/queries.md'), 'utf8');
  const computed = allQuestions.filter((question) => question.computed !== undefined);
  expect(computed.map(({ name }) => name)).toEqual(['missing-decisions', 'acceptances']);
  for (const { name, parameters } of computed) {
    const section = page.split(/^#+ /m).find((text) => text.startsWith(`${name}\n`));
    for (const parameter of parameters) expect(section).toContain(`\`${parameter.name}\``);
    const request = ask(name, examples(parameters), { now: 0 });
    expect(request.computed?.values.get('from_ymd')).toBe('2023-07-11');
  }
});

it('decisions are conflicting by the columns that tell whether two of them are the same', () => {
  const { table } = createSource('opa', {}, { recordBytes: 1 << 20, nestingDepth: 100 });
  const contents = /SELECT DISTINCT(.*?)FROM decisions/s.exec(
    questionSql(findQuestion('conflicting-decisions'), new Set()),
  )![1]!;
  const columns = contents.split(/,\n/).map((text) => text.trim().split(' ').at(-1));
  expect(columns.sort()).toEqual(comparedColumns(table).map(({ name }) => name));
});

it('every SQL file is a question', () => {
  const sqlIn = (path: string) => readdirSync(path).filter((file) => file.endsWith('.sql'));
  expect(sqlIn(folder).sort()).toEqual(
    inSql(questions)
      .map(({ name }) => `${name}.sql`)
      .sort(),
  );
  expect(sqlIn(join(folder, 'figures')).sort()).toEqual(figures.map(({ name }) => `${name}.sql`).sort());
});

describe.each(figures.map((figure) => [figure.name, figure] as const))('the figure %s', (name, { parameters }) => {
  const given = (from: string, to: string, by: string) =>
    new Map(
      Object.entries({ since: '2023-06-01T00:00:00Z', from, to, by }).filter(([key]) =>
        parameters.some((parameter) => parameter.name === key),
      ),
    );
  const ofDays = ['2023-07-10T00:00:00Z', '2023-07-12T23:59:59.999999Z'] as const;
  const table = parameters.flatMap(({ limits = [] }) => limits)[0]!.table;

  it('counts by one unit, and leaves other days unread', () => {
    for (const unit of ['minute', 'hour', 'day']) {
      const { sql, prune } = ask(name, given(...ofDays, unit));
      const units = sql.match(/ AS moment/g) ?? [];
      expect(units.length).toBe(parameters.some(({ type }) => type === 'unit') ? 1 : 0);
      expect(prune![table]).not.toEqual({});
    }
  });

  it('of whole days reads no times unless it says them, and of a part of a day keeps to it', () => {
    const whole = ask(name, given(...ofDays, 'day')).sql;
    const part = ask(name, given('2023-07-10T00:00:00Z', '2023-07-12T23:59:59Z', 'day')).sql;
    const times = /event_time BETWEEN/;
    const isByDay = ['report-quarantine', 'report-ingested', 'report-lag'].includes(name);
    expect(times.test(whole)).toBe(name.startsWith('report-new-'));
    expect(times.test(part)).toBe(!isByDay);
  });
});

describe('parameters', () => {
  it('that are lists become a value for each entry, and leave out files before the least and behind the greatest', () => {
    const { sql, parameters, prune } = ask(
      'okera-accesses',
      new Map([
        ['from', '2020-09-17'],
        ['to', '2020-09-18'],
        ['users', 'zoë,janedoe'],
      ]),
    );
    expect(sql).toContain('"user" IN ($users_1, $users_2)');
    expect(parameters).toEqual({ from_ymd: '2020-09-17', to_ymd: '2020-09-18', users_1: 'zoë', users_2: 'janedoe' });
    expect(prune).toEqual({
      okera_audit_logs: {
        ymd: { from: '2020-09-17', to: '2020-09-18' },
        bounds: [
          { column: 'event_time', from: 1600300800000000n, to: 1600473599999999n },
          { column: 'user', from: 'janedoe', to: 'zoë' },
        ],
      },
    });
  });

  it('that are absent take their default', () => {
    expect(ask('slowest-decisions', new Map(Object.entries(range))).parameters).toMatchObject({ limit: 20n });
    expect(ask('okera-query-events', new Map()).parameters).toEqual({ types_1: 'PLAN', types_2: 'SCAN_END' });
  });

  it('from and to are in their order, in every question that has both', () => {
    for (const { name, parameters } of questions) {
      const given = examples(parameters);
      const [from, to] = [given.get('from'), given.get('to')];
      if (from === undefined || to === undefined) continue;
      const turned = new Map([...given, ['from', to], ['to', from]]);
      expect(() => ask(name, turned)).toThrow(/parameter from \(.*\) is after to/);
    }
  });

  it('that only some of a question go by leave no file out that another part needs', () => {
    const { prune } = ask('new-networks', new Map(Object.entries(range)));
    expect(prune).toEqual({
      opa_decisions: { ymd: { to: '2023-07-11' }, bounds: [{ column: 'event_time', to: 1689094800500000n }] },
    });
  });
});

describe('a day', () => {
  it('stands for the whole of itself', () => {
    const { parameters } = asked({ from: '2023-07-11', to: '2023-07-11' });
    expect(parameters).toMatchObject({ from: { micros: 1689033600000000n }, to: { micros: 1689119999999999n } });
  });
});

describe('lists of texts', () => {
  it.each([
    ['janedoe', ['janedoe']],
    ['janedoe, johndoe', ['janedoe', 'johndoe']],
    ['["hr.people,hr.salaries","["]', ['hr.people,hr.salaries', '[']],
  ])('%s', (text, texts) => {
    expect(parseTexts('users', text)).toEqual(texts);
  });
  it.each(['', 'a,,b', '[]', '[1]', '["a"', `${'x,'.repeat(1001)}x`])('not %s', (text) => {
    expect(() => parseTexts('users', text)).toThrow(/parameter users (must be a list|has 1002 entries)/);
  });
});

describe('requests of Okera', () => {
  it.each([
    ['704d151f52e9f5f8:24c1fa9321700000', '704d151f52e9f5f8'],
    ['E49b9dc6af964db', '0e49b9dc6af964db'],
  ])('%s', (text, prefix) => {
    expect(parseRequest('request', text)).toBe(prefix);
  });
  it.each(['', 'xyz', '704d151f52e9f5f80:1', '1:2:3'])('not %s', (text) => {
    expect(() => parseRequest('request', text)).toThrow(/parameter request must be a request id/);
  });
});

describe('instants', () => {
  it.each([
    ['1970-01-01T00:00:00Z', 0n],
    ['2023-07-11T17:01:42.252749Z', 1689094902252749n],
    ['2023-07-11T17:01:42.2527499Z', 1689094902252749n],
    ['2023-05-24T12:13:14.5+02:00', 1684923194500000n],
    ['1969-12-31T23:59:59.999999Z', -1n],
  ])('%s', (text, micros) => {
    expect(parseInstant('t', text)).toBe(micros);
  });

  it('fall on their UTC day, before 1970 too', () => {
    expect(dayOf(-1n)).toBe('1969-12-31');
    expect(dayOf(0n)).toBe('1970-01-01');
    expect(dayOf(parseInstant('t', '2023-07-11T00:30:00+02:00'))).toBe('2023-07-10');
  });
});

describe('blocks of addresses', () => {
  it.each([
    ['192.168.1.77', '00000000000000000000ffffc0a8014d', '00000000000000000000ffffc0a8014d'],
    ['192.168.1.77/24', '00000000000000000000ffffc0a80100', '00000000000000000000ffffc0a801ff'],
    ['0.0.0.0/0', '00000000000000000000ffff00000000', '00000000000000000000ffffffffffff'],
    ['2001:db8::/32', '20010db8000000000000000000000000', '20010db8ffffffffffffffffffffffff'],
    ['::1', '00000000000000000000000000000001', '00000000000000000000000000000001'],
    ['::ffff:10.0.0.0/104', '00000000000000000000ffff0a000000', '00000000000000000000ffff0affffff'],
    ['::/0', '0'.repeat(32), 'f'.repeat(32)],
  ])('%s', (block, first, last) => {
    expect(parseCidr('cidr', block)).toEqual({ first, last });
  });
});
