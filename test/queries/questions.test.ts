import { describe, expect, it } from 'vitest';
import { dayOf, ParameterError, parseCidr, parseInstant } from '../../src/queries/parameters.ts';
import { ask, questionSql, questions } from '../../src/queries/questions.ts';

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
    ['a time without zone', { ...range, from: '2023-07-11T16:55:00' }, /parameter from must be an instant/],
    ['a day that does not exist', { ...range, from: '2023-02-30T00:00:00Z' }, /parameter from must be an instant/],
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

it('every "-- when" of a question is one of its parameters, and every optional parameter has one', () => {
  for (const { name, parameters } of questions) {
    const all = new Set(parameters.map((parameter) => parameter.name));
    const whens = [...questionSql(name, all).matchAll(/-- when (\w+)/g)].map(([, when]) => when!);
    const optional = parameters.filter((parameter) => !parameter.required).map((parameter) => parameter.name);
    expect(whens.sort()).toEqual(optional.sort());
  }
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
