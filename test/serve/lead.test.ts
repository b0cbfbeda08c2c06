import { describe, expect, test } from 'vitest';
import { ask, findQuestion, questions } from '../../src/queries/questions.ts';
import { addressOf, leadOf, leadTo } from '../../src/serve/lead.ts';

const span = { from: 1_689_033_600_000_000n, to: 1_689_119_999_999_999n };

/** The question of an address with its values. */
function read(address: string) {
  const url = new URL(address, 'http://here');
  const given = new Map([...url.searchParams].filter(([name]) => name !== 'run'));
  return { question: url.pathname.slice('/ask/'.length), given };
}

describe('a value', () => {
  test.each([
    ['subject', '"><b>&=#?', 'subject-activity', 'subject'],
    ['resource', '/a b', 'resource-activity', 'resource'],
    ['path', 'authz/allow', 'decisions-by-policy', 'path'],
    ['client_ip', '10.0.0.1', 'decisions', 'cidr'],
    ['network', '2001:0db8:0000:0000::/64', 'decisions', 'cidr'],
    ['decision_id', 'd-1', 'decision-details', 'id'],
    ['user', 'janedoe', 'actor-events', 'actor'],
  ])('of %s leads to a question about it, in the span', (column, value, question, parameter) => {
    const { given, ...to } = read(leadOf(column, value, span)!);
    expect(to.question).toBe(question);
    expect(given.get(parameter)).toBe(value);
    expect([given.get('from'), given.get('to')]).toEqual(['2023-07-11T00:00:00Z', '2023-07-11T23:59:59.999999Z']);
    expect(() => ask(question, given)).not.toThrow();
  });

  test('with a comma stays one table', () => {
    const { question, given } = read(leadOf('ae_table', 'sales.a,sales.b', span)!);
    expect(ask(question, given).parameters).toMatchObject({ tables_1: 'sales.a,sales.b' });
  });

  test.each([
    ['client_ip', 'not an address'],
    ['subject', ''],
    ['subject', null],
    ['subject', 7],
    ['constructor', 'x'],
    ['country', 'DE'],
  ])('of %s that is %j leads nowhere', (column, value) => {
    expect(leadOf(column, value, span)).toBeUndefined();
  });
});

describe('an address', () => {
  test('has the span where a question has a range', () => {
    const { given } = read(leadTo('okera-accesses', {}, span)!);
    expect([given.get('from'), given.get('to')]).toEqual(['2023-07-11T00:00:00Z', '2023-07-11T23:59:59.999999Z']);
  });

  test('keeps the times that are given, unless they are narrowed', () => {
    const times = { from: '2023-07-10T00:00:00Z', to: '2023-07-12T00:00:00Z', subject: 'bob' };
    expect(read(leadTo('decisions', times, span)!).given.get('from')).toBe('2023-07-10T00:00:00Z');
    const narrow = read(leadTo('decisions', times, span, true)!).given;
    expect([narrow.get('from'), narrow.get('subject')]).toEqual(['2023-07-11T00:00:00Z', 'bob']);
  });

  test('of every question carries its values unchanged', () => {
    for (const { name, parameters } of questions) {
      const given = new Map(parameters.map((parameter) => [parameter.name, parameter.example]));
      const back = read(addressOf(name, given)!);
      expect(back).toEqual({ question: name, given });
      expect(findQuestion(back.question).name).toBe(name);
    }
  });
});

test('a value that is too long for an address leads nowhere', () => {
  expect(leadOf('subject', '名'.repeat(20_000), span)).toMatch(/^\/ask\/subject-activity\?/);
  expect(leadOf('subject', '名'.repeat(30_000), span)).toBeUndefined();
  expect(leadOf('subject', 'x'.repeat(4_000_000), span)).toBeUndefined();
});
