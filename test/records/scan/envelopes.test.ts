/**
 * Objects of wrapped lines, read with and without the fast path: the same rows, the same outcome for each record, in the
 * same order. Among the lines are those of other programs, records in pieces, bare records, and damaged ones.
 */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createSource } from '../../../src/sources/index.ts';
import type { SourceType } from '../../../src/sources/registry.ts';
import { propertyRuns } from '../../support/thorough.ts';
import { mutate, mutations, records } from './arbitraries.ts';
import { bothWays } from './objects.ts';
import { limits, sources } from './promotions.ts';
import { type Wrapping, wrapping } from './wrappings.ts';

type Line = (wrap: Wrapping, n: number) => readonly (string | Buffer)[];

const otherTexts = [
  '{"level":"info","msg":"Received request.","time":"2023-07-11T17:01:42Z"}',
  '{"some":"program","n":1}',
  'plain text',
  '{ not JSON',
  '',
];

const usualRecord: Readonly<Record<SourceType, (n: number) => string>> = {
  opa: (n) =>
    `{"decision_id":"d-${n}","timestamp":"2023-07-11T17:01:42Z","labels":{"id":"é"},"input":{"subject":"a\\"<${n}"},"x":[${n}]}`,
  'okera-audit': (n) =>
    `{"request_id":"a:${n}","request_time":"2020-10-30 10:05:01","statement":"say \\"x\\"","x":${n}}`,
};

/** A line of a container, or the pieces of one. */
const lineOf = (type: SourceType): fc.Arbitrary<Line> =>
  fc.oneof(
    { weight: 9, arbitrary: fc.constant<Line>((wrap, n) => [wrap(usualRecord[type](n), n)]) },
    {
      weight: 9,
      arbitrary: records[type].map(
        (text): Line =>
          (wrap, n) => [wrap(text, n)],
      ),
    },
    {
      weight: 1,
      arbitrary: fc.constantFrom(...otherTexts).map(
        (text): Line =>
          (wrap, n) => [wrap(text, n)],
      ),
    },
    {
      weight: 1,
      arbitrary: fc.tuple(records[type], fc.integer({ min: 1, max: 200 })).map(
        ([text, at]): Line =>
          (wrap, n) => [wrap(text.slice(0, at), n), wrap(text.slice(at), n)],
      ),
    },
    {
      weight: 1,
      arbitrary: fc.tuple(records[type], mutations).map(
        ([text, changes]): Line =>
          (wrap, n) => [mutate(wrap(text, n), changes)],
      ),
    },
    {
      weight: 1,
      arbitrary: records[type].map(
        (text): Line =>
          () => [text],
      ),
    },
    {
      weight: 1,
      arbitrary: fc.tuple(records[type], records[type]).map(
        ([a, b]): Line =>
          (wrap, n) => [wrap(a + b, n)],
      ),
    },
  );

const lineEnd = fc.oneof(
  { weight: 12, arbitrary: fc.constant('\n') },
  { weight: 1, arbitrary: fc.constantFrom('\r\n', '\n\n', ' \n', '', '\n\0') },
);
const sizes = fc.oneof(fc.constant(Number.POSITIVE_INFINITY), fc.integer({ min: 1, max: 3000 }));
const runs = propertyRuns(120);

for (const type of ['opa', 'okera-audit'] as const satisfies SourceType[]) {
  test(`${type}: lines in generated envelopes, of several containers in turn`, async () => {
    let certain = 0;
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...sources[type].values()),
        fc.array(wrapping(type), { minLength: 1, maxLength: 3 }),
        fc.array(fc.tuple(fc.nat(2), lineOf(type), lineEnd), { minLength: 8, maxLength: 30 }),
        sizes,
        async (source, wrappings, lines, size) => {
          const parts = lines.flatMap(([which, line, end], n) =>
            line(wrappings[which % wrappings.length]!, n).flatMap((text) => [text, end]),
          );
          const bytes = Buffer.concat(parts.map((part) => (typeof part === 'string' ? Buffer.from(part) : part)));
          certain += (await bothWays(source, bytes, size)).certain;
        },
      ),
      { numRuns: runs },
    );
    // Or this would hold of a fast path that takes nothing.
    expect(certain).toBeGreaterThan(runs);
  });
}

const decision = (id: string, members = ''): string =>
  `{"decision_id":"${id}","timestamp":"2023-07-11T17:01:42Z","labels":{"id":"x"},"input":{"subject":"é \\"<"}${members}}`;
const text = (id: string, behind = '\n'): string => JSON.stringify(decision(id) + behind);
/** A record of CloudWatch Logs. */
const events = (...each: string[]): string =>
  `{"messageType":"DATA_MESSAGE","logEvents":[${each.map((message, i) => `{"id":"${i}","message":${message}}`).join(',')}],"owner":"1"}`;
const big = 'b'.repeat(100_000);

/** Lines that begin alike, and how many of them the fast path takes: each that has the form of one before it. */
const alike: readonly [string, (id: string) => string, readonly string[], number][] = [
  [
    'Docker, and the same records bare',
    (id) => `{"log":${text(id)},"stream":"stderr","time":"${id}"}`,
    [
      decision('a'),
      decision('h'),
      `{"log":${text('h')},"stream":"stderr","time":"later"}`,
      decision('i', ',"unknown":[1]'),
      `{"log":${JSON.stringify(decision('i', ',"unknown":[1]'))},"stream":"stderr","time":"i"}`,
      `{"log":${JSON.stringify(decision('i', ',"unknown":[2]'))},"stream":"stderr","time":"i"}`,
    ],
    14,
  ],
  [
    'Docker, in a form of its own now and then',
    (id) => `{"log":${text(id)},"stream":"stderr"}`,
    [
      `{"log":${text('x1')},"stream":null}`,
      `{"stream":"stderr","log":${text('x2')}}`,
      `{"log":${text('x3')},"stream":"stderr","stream":"stdout"}`,
      `{"log":${text('x4')},"log":${text('x5')},"stream":"stderr"}`,
      `{"\\u006cog":${text('x6')},"stream":"stderr"}`,
      `{ "log" : ${text('x7')} , "stream" : "stderr" } `,
      `{"log":${text('x8', '\t\r\n ')},"stream":"stderr"}`,
      `{"log":${text('x9', '\0')},"stream":"stderr"}`,
      `{"log":${text('x10', 'x')},"stream":"stderr"}`,
      `{"log":${JSON.stringify(`${decision('x11')}${decision('x12')}`)},"stream":"stderr"}`,
      `{"log":${text('x13')},"stream":"stderr"}x`,
      `{"log":${text('x14')},"stream":"stderr"`,
      `{"log":${text('x15')},"stream":"\\ud800"}`,
      `{"log":${text('x16')},"stream":"st\\qderr"}`,
    ],
    11,
  ],
  [
    'pieces in between',
    (id) => `{"log":${text(id)},"stream":"stderr"}`,
    [
      `{"log":${JSON.stringify(decision('p1').slice(0, 40))},"stream":"stderr"}`,
      `{"log":${text('p2')},"stream":"stderr"}`,
      `{"log":${JSON.stringify(decision('p1').slice(40))},"stream":"stderr"}`,
      `{"log":${text('p3', '')},"stream":"stderr"}`,
    ],
    10,
  ],
  [
    'Filebeat',
    (id) => `{"log":{"offset":1},"message":${text(id)}}`,
    [
      `{"log":{"stringValue":${text('s1')}},"message":${text('t1')}}`,
      `{"log":{ "stringValue" :${text('s2')}},"message":${text('t2')}}`,
      `{"log":{"string\\u0056alue":${text('s3')}},"message":${text('t3')}}`,
      `{"log":[${[...Buffer.from(decision('s4'))].join(',')}],"message":${text('t4')}}`,
      `{"log":${text('s5')},"message":${text('t5')}}`,
      `{"log":{},"message":${text('t6')}}`,
    ],
    9,
  ],
  [
    'Splunk',
    (id) => `{"time":1,"event":${decision(id)},"fields":{"a":1}}`,
    [
      `{"time":1,"event":${decision('e1')},"fields":{"stringValue":${text('s1')}}}`,
      `{"time":1,"event":{"stringValue":${text('e2')}},"fields":{"a":1}}`,
      `{"time":1,"event":${decision('e3', ',"unknown":1')},"fields":{}}`,
      `{"time":1,"event":${decision('e4', `,"deep":${'['.repeat(10)}${']'.repeat(10)}`)},"fields":{}}`,
      `{"time":1,"event":${decision('e5', `,"deep":${'['.repeat(11)}${']'.repeat(11)}`)},"fields":{}}`,
    ],
    10,
  ],
  [
    'a wrapper that turns into a line of its own',
    (id) => `{"type":"log","msg":"x","req_id":1,"log":${text(id)}}`,
    [
      `{"type":"openpolicyagent.org/decision_logs","msg":"x","req_id":1,"log":${text('m1')}}`,
      `{"type":"log","msg":"Decision Log","req_id":1,"log":${text('m2')}}`,
      `{"type":"log","msg":"Received request.","req_id":1,"log":${text('m3')}}`,
      `{"type":"log","msg":"y","req_id":1,"log":${text('m4')}}`,
    ],
    8,
  ],
  [
    'journald',
    (id) =>
      id < 'c'
        ? `{"_PID":"1","MESSAGE":${text(id)},"a":{"b":1},"n":1}`
        : `{"n":2,"a":{},"_PID":"2","MESSAGE":${text(id)}}`,
    [
      `{"MESSAGE":${text('j1')},"n":3,"a":{},"_PID":"3"}`,
      `{"MESSAGE":${text('j2')},"n":3,"n":4,"_PID":"3"}`,
      `{"MESSAGE":${text('j3')},"n":3,"a":{}}`,
      `{"MESSAGE":${text('j4')},"n":3,"a":{},"_PID":"3","z":1}`,
    ],
    9,
  ],
  [
    'CloudWatch',
    (id) => events(text(id), text(`${id}-2`)),
    [
      events(text('c1'), text('c2'), text('c3')), // 3
      events(text('c4'), '"{\\"n\\":1}"', text('c5')), // 1, and none behind
      events('"plain text"', text('c6')),
      events(text('c7'), text('c7'), '"{ broken"'), // 2
      events(),
      events(text('c8')).slice(0, -2),
      events(text('c9')).replace('"owner"', '"other"'),
      events(text('c10')).replace('[', '[ ').replace(']', ' ]'), // 1
      events(text('c11')).replace(']', ',{"id":"1","message":{}}]'), // 1
      events(text('c12')).replace(']', ',7]'), // 1
      events(text('c13')).replace(']', `,${decision('c14')}]`), // 1
      events(text('c15', '').replace('labels', 'l')), // 1
    ],
    16 + 11,
  ],
  [
    'a list of records',
    (id) => `{"time":1,"records":[${decision(id)},${decision(`${id}-2`)}]}`,
    [
      `{"time":1,"records":[${decision('r1')},{"n":1},${decision('r2')}]}`, // 1
      '{"time":1,"records":[]}',
      // As deep as a record may nest, what is around it included, and one level more.
      `{"time":1,"records":[${decision('r3', `,"deep":${'['.repeat(9)}${']'.repeat(9)}`)}]}`, // 1
      `{"time":1,"records":[${decision('r4', `,"deep":${'['.repeat(10)}${']'.repeat(10)}`)}]}`,
    ],
    16 + 2,
  ],
  [
    'an object in an object',
    (id) => `{"a":[1],"event":{"line":${text(id)},"n":"é"}}`,
    [`{"a":[1],"event":{"line":${text('n1')},"n":"é"}}}`, `{"a":[1],"event":{"line":${text('n2')},"n":""}}`],
    9,
  ],
  [
    'an envelope in a text, which may be a piece of a record',
    (id) => `2026-03-02T10:00:00Z stdout F {"message":${text(id)},"n":1}`,
    [
      '2026-03-02T10:00:00Z stdout P {"decision_id":"p","timestamp":"2023-07-11T17:01:42Z","input":',
      `2026-03-02T10:00:00Z stdout F {"message":${text('t1')},"n":1}`,
      '2026-03-02T10:00:00Z stdout F }',
    ],
    0,
  ],
  [
    'texts larger than what they are kept in',
    (id) => `{"log":${JSON.stringify(decision(id, `,"big":"${big}"`))},"n":1}`,
    [
      `{"log":${JSON.stringify(decision('l1', `,"big":"${big.repeat(4)}"`))},"n":1}`,
      `{"log":${JSON.stringify(`{"log":${JSON.stringify(decision('l2', `,"big":"${big}"`))},"n":1}`)},"n":1}`,
    ],
    9,
  ],
  ['around and unknown members', (id) => `{"log":${JSON.stringify(decision(id, ',"$envelope":1'))},"n":1}`, [], 0],
];

let specifications = 0;

test.each(alike)('%s: what has the form of a line before it takes the fast path', async (_, usual, others, taken) => {
  // Of a specification of its own, so that nothing was learned before: writers that are idle are shared.
  const own = { [`own_${++specifications}`]: { path: 'labels.own', type: 'string', strict: false } } as const;
  const source = createSource('opa', own, limits);
  const lines = ['a', 'b', 'a', 'c', 'd'].map(usual).concat(others, ['e', 'f', 'a', 'g'].map(usual));
  const bytes = Buffer.from(lines.join('\n'));
  const reading = await bothWays(source, bytes, Number.POSITIVE_INFINITY, limits);
  expect(reading.certain).toBe(taken);
  await bothWays(source, bytes, 500, limits);
  await bothWays(source, bytes, 500, { ...limits, recordBytes: 200 });
  for (const between of ['', ' ', '\0']) await bothWays(source, Buffer.from(lines.join(between)), 700, limits);
});

test('objects one behind the other take the fast path, bare ones and wrapped ones, in chunks of any size', async () => {
  const source = createSource('opa', {}, limits);
  const wraps: Wrapping[] = [(record) => record, (record, n) => `{"log":${JSON.stringify(record)},"n":${n}}`];
  for (const wrap of wraps) {
    const records = Array.from({ length: 100 }, (_, n) => wrap(decision(`d-${n}`), n));
    // Another program's, and one that is not JSON.
    const bytes = Buffer.from([...records.slice(0, 50), '{"n":1}', '{"n":1]', ...records.slice(50)].join(''));
    for (const size of [Number.POSITIVE_INFINITY, 1000, 97]) {
      const { certain } = await bothWays(source, bytes, size, limits);
      // The first one that is wrapped is learned from.
      expect(certain).toBeGreaterThanOrEqual(99);
    }
  }
});
