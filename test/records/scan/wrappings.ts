/**
 * What log shippers put around lines, generated: envelopes of members that may be anything, in envelopes, behind the
 * prefixes of container runtimes. A wrapping is the same for all lines of a container but for values that go from line to
 * line, and these may turn into something that is looked into before the record.
 */
import fc from 'fast-check';
import type { SourceType } from '../../../src/sources/registry.ts';

/** Puts something around a text, which is the n-th of its container. */
export type Wrapping = (text: string, n: number) => string;

/** Values of a member that holds no record, mostly; `other` is the text of another record. */
type ValueOf = (n: number, other: string) => string;

const usual: readonly ValueOf[] = [
  (n) => `"v${n}"`,
  (n) => `"2026-03-02T10:00:00.${n}Z"`,
  (n) => String(n * 7),
  (n) => String(n % 2 === 0),
  () => 'null',
  () => '"stderr"',
  (n) => `{"pod_name":"p","labels":{"n":${n}}}`,
  (n) => `[${n},"x"]`,
];
const odd: readonly ValueOf[] = [
  (_, other) => other,
  (_, other) => JSON.stringify(other),
  (_, other) => `[${other}]`,
  (_, other) => `{"stringValue":${JSON.stringify(other)}}`,
  (n, other) => (n % 3 === 0 ? `{ "stringValue":${JSON.stringify(other)}}` : `{"offset":${n}}`),
  (n, other) => (n % 3 === 0 ? `{"\\u0073tringValue":${JSON.stringify(other)}}` : `{"file":{"path":"x"}}`),
  (n, other) => (n % 3 === 0 ? `[${[...Buffer.from(other)].join(',')}]` : '[1]'),
  (n) => (n % 3 === 0 ? '"openpolicyagent.org/decision_logs"' : '"log"'),
  (n) => (n % 3 === 0 ? '"Decision Log"' : '"Sent response."'),
  (n) => `"\\ud83d\\ude00 ${n} é \\u00e9 \\" \\\\"`,
  (n) => `{"stringValue":"${n}"}`,
  () => '"\\ud800"',
  (n) => `1e${n}`,
  () => '{"a":[{"b":[[[[1]]]]}]}',
];
const usualValue = fc.constantFrom(...usual);
const anyValue = fc.oneof({ weight: 12, arbitrary: usualValue }, { weight: 1, arbitrary: fc.constantFrom(...odd) });

const plainNames = ['stream', 'time', 'tag', 'file', 'host', 'source_type', 'kubernetes', 'n', 'é', 'container_id'];
const tellingNames = ['timestamp', 'labels', 'type', 'msg', 'level', 'input', 'result', 'request_id', 'request_time'];
const holderNames = ['log', 'message', 'event', 'body', 'line', 'log_processed', 'attributes', 'raw', '@message'];
const oddNames = ['opa', 'logEvents', 'records', 'partial_message', 'logtag', '__proto__', '0', 'a b', 'decision_id'];
/** As keys stand in the text. */
const key = fc.oneof(
  { weight: 30, arbitrary: fc.constantFrom(...plainNames) },
  { weight: 4, arbitrary: fc.constantFrom(...tellingNames) },
  { weight: 4, arbitrary: fc.constantFrom(...holderNames) },
  { weight: 1, arbitrary: fc.constantFrom(...oddNames, '\\u006cog', 'a\\"b') },
);
const holderKey = fc.oneof(
  { weight: 20, arbitrary: fc.constantFrom(...holderNames) },
  { weight: 1, arbitrary: fc.constantFrom('opa', '\\u006cog', 'msg') },
);

/** How a string of JSON is spelt. */
const spellings: readonly ((text: string) => string)[] = [
  JSON.stringify,
  JSON.stringify,
  (text) => JSON.stringify(text).replace(/[<>&é'/]/g, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`),
  (text) => JSON.stringify(text).replaceAll('/', '\\/'),
  // As encoders write that keep to ASCII.
  (text) => JSON.stringify(text).replace(/[^ -~]/g, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`),
];

interface ObjectSpec {
  readonly before: readonly [string, ValueOf][];
  readonly holder: string;
  readonly behind: readonly [string, ValueOf][];
  readonly isText: boolean;
  readonly spelling: (text: string) => string;
  readonly lineEnd: string;
  readonly space: string;
  /** As of writers that keep members in no order. */
  readonly isTurned: boolean;
}

/** As most shippers write. */
const usualObject: fc.Arbitrary<ObjectSpec> = fc.record({
  before: fc.array(fc.tuple(fc.constantFrom(...plainNames.slice(0, 5)), usualValue), { maxLength: 1 }),
  holder: fc.constantFrom(...holderNames),
  behind: fc.array(fc.tuple(fc.constantFrom(...plainNames.slice(5)), usualValue), { maxLength: 1 }),
  isText: fc.boolean(),
  spelling: fc.constantFrom(...spellings),
  lineEnd: fc.constantFrom('\n', '', '\r\n', ' '),
  space: fc.constantFrom('', '', ' '),
  isTurned: fc.boolean(),
});
const oddObject: fc.Arbitrary<ObjectSpec> = fc.record({
  before: fc.array(fc.tuple(key, anyValue), { maxLength: 3 }),
  holder: holderKey,
  behind: fc.array(fc.tuple(key, anyValue), { maxLength: 3 }),
  isText: fc.boolean(),
  spelling: fc.constantFrom(...spellings),
  lineEnd: fc.constantFrom('\n', '\n', '', '\0', ' x'),
  space: fc.constantFrom('', '', ' '),
  isTurned: fc.boolean(),
});

const wrappingOf =
  (others: (n: number) => string) =>
  ({ before, holder, behind, isText, spelling, lineEnd, space, isTurned }: ObjectSpec): Wrapping =>
  (text, n) => {
    const around = ([name, of]: readonly [string, ValueOf]): string => `"${name}":${space}${of(n, others(n))}`;
    const held = isText || !text.startsWith('{') ? spelling(text + lineEnd) : text;
    const members = [...before.map(around), `"${holder}":${space}${held}`, ...behind.map(around)];
    const first = isTurned ? n % members.length : 0;
    return `{${[...members.slice(first), ...members.slice(0, first)].join(`,${space}`)}}`;
  };

const objectWrapping = (others: (n: number) => string): fc.Arbitrary<Wrapping> =>
  fc.oneof(usualObject, oddObject).map(wrappingOf(others));

/** What stands beside a record in a list. */
const beside: readonly ((n: number, others: (n: number) => string) => string)[] = [
  (n, others) => others(n),
  (n, others) => others(n + 1),
  (n, others) => others(n + 1),
  () => '{"some":"program"}',
  () => '{"level":"info","msg":"Sent response.","req_id":1}',
  () => '{}',
  (n, others) => others(n).slice(0, -9),
  (n, others) => others(n) + others(n),
];

/** A list of lines, each of which may be wrapped, in an object. */
const listWrapping = (others: (n: number) => string): fc.Arbitrary<Wrapping> =>
  fc
    .record({
      before: fc.array(fc.constantFrom(...beside), { maxLength: 2 }),
      behind: fc.array(fc.constantFrom(...beside), { maxLength: 2 }),
      each: fc.oneof(
        fc.constant<Wrapping>((text) => (text.startsWith('{') ? text : JSON.stringify(text))),
        usualObject.map(wrappingOf(others)),
        oddObject.map(wrappingOf(others)),
      ),
      around: fc.oneof(usualObject, oddObject),
      name: fc.constantFrom('logEvents', 'events', 'records', 'Records', 'entries', 'metrics'),
    })
    .map(({ before, behind, each, around, name }): Wrapping => {
      const holder = wrappingOf(others)({ ...around, holder: name, isText: false });
      return (text, n) => {
        const of = (other: (typeof beside)[number], i: number): string => each(other(10 * n + i, others), n + i);
        const elements = [...before.map(of), each(text, n), ...behind.map(of)];
        // In the place of an object that is held.
        return holder('{"held":0}', n).replace(
          '{"held":0}',
          () => `[${elements.join(around.space === '' ? ',' : ' , ')}]`,
        );
      };
    });

/** What stands in front of a line; only texts without a line feed of their own are lines. */
const prefixWrapping: fc.Arbitrary<Wrapping> = fc
  .constantFrom<((n: number) => string)[]>(
    (n) => `2026-03-02T10:00:00.${n}Z stderr F `,
    (n) => `2026-03-02T10:00:00.${n}Z stderr F `,
    (n) => `2026-03-02T10:00:${n}+02:00 stdout ${n % 4 === 0 ? 'P' : 'F'} `,
    (n) => `2026-03-02T10:00:${n}Z stdout F${n % 2 === 0 ? ':x' : ''} `,
    (n) => `2026-03-02T10:00:00.${'1'.repeat(97 + (n % 5))}Z stderr F `,
    (n) => `2026-03-02T10:00:${n}+0200 stdout F `,
    (n) => `2026-03-02T10:00:${n}Z stdlog F `,
    (n) => `<134>1 2026-03-02T10:00:${n}Z host opa[${n}]: `,
    (n) => `opa-${n} | `,
  )
  .map((prefix) => (text, n) => prefix(n) + text);

const otherRecords: Readonly<Record<SourceType, (n: number) => string>> = {
  opa: (n) => `{"decision_id":"o-${n}","timestamp":"2023-07-11T17:01:42Z","labels":{"id":"x"},"result":true}`,
  'okera-audit': (n) => `{"request_id":"o:${n}","request_time":"2020-10-30 10:05:01","user":"u"}`,
};

/** Envelopes in envelopes: from the inside out, with a runtime's prefix in front of all or nothing. */
export const wrapping = (type: SourceType): fc.Arbitrary<Wrapping> =>
  fc
    .tuple(
      fc.array(objectWrapping(otherRecords[type]), { maxLength: 2 }),
      fc.oneof(
        { weight: 3, arbitrary: fc.constant<Wrapping[]>([]) },
        { weight: 1, arbitrary: listWrapping(otherRecords[type]).map((list) => [list]) },
      ),
      fc.nat(2),
      fc.oneof({ weight: 2, arbitrary: fc.constant(undefined) }, { weight: 1, arbitrary: prefixWrapping }),
    )
    .map(([objects, list, at, prefix]) => (text, n) => {
      const wrapped = objects.toSpliced(at, 0, ...list).reduce((inner, wrap) => wrap(inner, n), text);
      return prefix === undefined ? wrapped : prefix(wrapped, n);
    });
