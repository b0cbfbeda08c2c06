/**
 * Generated audit records as JSON text, from plain ones to the oddest that are still JSON, and some that are not:
 * fields left out, null, of another type or repeated, keys shuffled and escaped, numbers and strings in every spelling,
 * white space anywhere. Texts and not values, since two texts of one value may differ for a scanner of bytes.
 */
import fc from 'fast-check';
import type { SourceType } from '../../../src/sources/registry.ts';
import { addresses, times } from './odd-values.ts';

type Text = fc.Arbitrary<string>;

const quoted = (text: string): string => JSON.stringify(text);
const escapedUnit = (unit: number): string => `\\u${unit.toString(16).padStart(4, '0')}`;

/** A piece of the inside of a string. */
const piece: Text = fc.oneof(
  { weight: 400, arbitrary: fc.stringMatching(/^[ -!#-[\]-~]{0,6}$/) },
  { weight: 70, arbitrary: fc.constantFrom('é', 'ß', '漢', '😀', '\u2028', '\ufffd', '\u007f', '\u0800', '\uffff') },
  { weight: 70, arbitrary: fc.constantFrom('\\"', '\\\\', '\\/', '\\b', '\\f', '\\n', '\\r', '\\t') },
  { weight: 70, arbitrary: fc.integer({ min: 0, max: 0xffff }).map(escapedUnit) },
  {
    weight: 30,
    arbitrary: fc.constantFrom(
      '\\u0000',
      '\\u0041',
      '\\uD83D\\uDE00',
      '\\ud800',
      '\\udc00',
      '\\ud800x',
      '\\udc00\\ud800',
    ),
  },
  // What no string may hold.
  { weight: 1, arbitrary: fc.constantFrom('\0', '\n', '\t', '\u001f', '\\x', '\\u12', '\\uzzzz', '\\', '"') },
);
const body: Text = fc.oneof(
  { weight: 40, arbitrary: fc.stringMatching(/^[ -!#-[\]-~]{0,12}$/) },
  { weight: 15, arbitrary: fc.array(piece, { maxLength: 5 }).map((pieces) => pieces.join('')) },
  { weight: 1, arbitrary: fc.constantFrom('x'.repeat(300), `${'y'.repeat(5000)}\\n`, 'é'.repeat(100)) },
);
export const string: Text = body.map((text) => `"${text}"`);

const digits = (min: number, max: number): Text => fc.stringMatching(new RegExp(`^[1-9][0-9]{${min - 1},${max - 1}}$`));
export const integer: Text = fc.oneof(
  { weight: 4, arbitrary: fc.integer().map(String) },
  { weight: 2, arbitrary: digits(1, 15) },
  { weight: 1, arbitrary: fc.constantFrom('0', '-0', '-1', '2147483648', '-2147483649', '4294967296', '-4294967297') },
);
export const number: Text = fc.oneof(
  { weight: 40, arbitrary: integer },
  { weight: 20, arbitrary: fc.tuple(fc.constantFrom('', '-'), digits(14, 20)).map((parts) => parts.join('')) },
  { weight: 20, arbitrary: fc.double({ noNaN: true, noDefaultInfinity: true }).map(String) },
  {
    weight: 20,
    arbitrary: fc.constantFrom(
      ...['1.0', '-0.0', '1e3', '1E+3', '1e-3', '1e400', '-1e400', '12.50', '0e0', '9007199254740993'],
      ...['9223372036854775807', '9223372036854775808', '-9223372036854775808', '1.7976931348623157e308'],
    ),
  },
  // What no number may be.
  { weight: 1, arbitrary: fc.constantFrom('01', '-', '+1', '.5', '1.', '1e', '0x10', 'NaN', '-Infinity', '-01', '00') },
);
const literal: Text = fc.constantFrom('true', 'false', 'null');
const key: Text = fc.oneof(
  fc
    .constantFrom('a', 'b', 'id', '0', '1', '00', '__proto__', 'constructor', 'toString', 'length', '', 'é', 'a.b')
    .map(quoted),
  string,
);

/** As deep as tests let a record be (promotions.ts), a little less and a little more. */
const deep: Text = fc
  .tuple(fc.integer({ min: 7, max: 14 }), fc.constantFrom(['[', ']'], ['{"a":', '}'], ['[{"a":', '}]'], ['[', '}']))
  .map(([depth, [open, close]]) => {
    const levels = open === '[{"a":' ? depth >> 1 : depth;
    return `${open!.repeat(levels)}1${close!.repeat(levels)}`;
  });

/** Any JSON value. */
export const { value } = fc.letrec<{ value: string; array: string; object: string }>((tie) => ({
  value: fc.oneof(
    { depthSize: 'small', withCrossShrink: true, maxDepth: 4 },
    string,
    number,
    literal,
    deep,
    tie('array'),
    tie('object'),
  ),
  array: fc.array(tie('value'), { maxLength: 4 }).map((elements) => `[${elements.join(',')}]`),
  object: fc
    .array(fc.tuple(key, tie('value')), { maxLength: 4 })
    .map((members) => `{${members.map(([name, text]) => `${name}:${text}`).join(',')}}`),
})) as { value: Text };

/** A key as producers write it, and now and then with an escape in it that changes nothing. */
const spelled = (name: string): Text =>
  fc.oneof(
    { weight: 60, arbitrary: fc.constant(quoted(name)) },
    { weight: 1, arbitrary: fc.constant(`"${escapedUnit(name.charCodeAt(0) || 0)}${quoted(name.slice(1)).slice(1)}`) },
  );

/** Fields with their usual values; each may be anything else as well, at a rate that keeps most records plain. */
type Fields = Readonly<Record<string, Text>>;

const odd = (usual: Text): Text =>
  fc.oneof(
    { weight: 100, arbitrary: usual },
    { weight: 3, arbitrary: fc.constant('null') },
    { weight: 1, arbitrary: value },
    { weight: 1, arbitrary: string },
  );

/** Nothing, and once in so many cases some. */
const seldom = <T>(some: fc.Arbitrary<T[]>, once: number): fc.Arbitrary<T[]> =>
  fc.oneof({ weight: once, arbitrary: fc.constant<T[]>([]) }, { weight: 1, arbitrary: some });

/** An object of some of the fields in any order, unknown members among them, seldom a member twice. */
function objectOf(fields: Fields, unknown: Text = key, required: readonly string[] = []): Text {
  const names = Object.keys(fields);
  const member = (name: string) => fc.tuple(spelled(name), odd(fields[name]!));
  const optional = names.filter((name) => !required.includes(name));
  return fc
    .tuple(
      fc.subarray(optional),
      seldom(fc.array(fc.tuple(unknown, value), { minLength: 1, maxLength: 2 }), 2),
      seldom(
        fc.constantFrom(...names).map((name) => [name]),
        20,
      ),
      fc.boolean(),
    )
    .chain(([chosen, others, twice, isShuffled]) => {
      const members = [
        ...[...required, ...chosen].map(member),
        ...others.map(([name, text]) => fc.tuple(fc.constant(name), fc.constant(text))),
        ...twice.map(member),
      ];
      const inOrder = fc.tuple(...members) as fc.Arbitrary<[string, string][]>;
      return isShuffled
        ? inOrder.chain((all) => fc.shuffledSubarray(all, { minLength: all.length, maxLength: all.length }))
        : inOrder;
    })
    .map((members) => `{${members.map(([name, text]) => `${name}:${text}`).join(',')}}`);
}

const uuid: Text = fc.uuid().map(quoted);
const time: Text = fc.oneof(
  { weight: 8, arbitrary: fc.constantFrom(...times.plain).map(quoted) },
  { weight: 1, arbitrary: fc.constantFrom(...times.odd).map(quoted) },
  { weight: 1, arbitrary: string },
);
const address: Text = fc.oneof(fc.constantFrom(...addresses).map(quoted), string);
const strings: Text = fc
  .array(fc.oneof({ weight: 30, arbitrary: string }, { weight: 1, arbitrary: value }), { maxLength: 4 })
  .map((elements) => `[${elements.join(',')}]`);
const boolean: Text = fc.constantFrom('true', 'false');
const listOf = (element: Text): Text =>
  fc.array(element, { maxLength: 3 }).map((elements) => `[${elements.join(',')}]`);

const inputFields: Fields = {
  subject: string,
  action: fc.constantFrom('"GET"', '"PUT"'),
  resource: string,
  client_ip: address,
  country: string,
  region: string,
  tenant: objectOf({ id: string, key: string }),
  n: number,
  ratio: number,
  small: number,
  at: time,
  'a.b': string,
  'q"t': string,
  ['__proto__']: string,
  constructor: objectOf({ name: string }),
  é: string,
  tags: fc.oneof(strings, objectOf({ 0: string })),
  counts: listOf(fc.oneof({ weight: 12, arbitrary: integer }, number, literal)),
  shares: listOf(number),
  flags: listOf(fc.oneof({ weight: 12, arbitrary: boolean }, value)),
  matrix: listOf(listOf(integer)),
  anything: value,
};

const opaFields: Fields = {
  decision_id: fc.oneof({ weight: 5, arbitrary: uuid }, fc.constantFrom('""', '"d-1"', '"x"'), string),
  timestamp: time,
  batch_decision_id: uuid,
  trace_id: string,
  span_id: string,
  path: string,
  query: string,
  revision: string,
  requested_by: address,
  req_id: integer,
  input: objectOf(inputFields),
  result: fc.oneof(
    boolean,
    objectOf({ allowed: boolean, message: string, roles: strings, flag: boolean, cost: number }),
    value,
  ),
  mapped_result: value,
  error: fc.oneof(string, objectOf({ code: string, message: string })),
  bundles: objectOf({ './bdir/': objectOf({ revision: string }) }),
  nd_builtin_cache: value,
  intermediate_results: objectOf({ a: value }),
  custom: objectOf({ type: string }),
  request_context: objectOf({ http: value }),
  rule_labels: listOf(objectOf({ team: string })),
  labels: fc
    .array(
      fc.tuple(fc.oneof(fc.constantFrom('"id"', '"version"', '"type"', '"team"', '"__proto__"', '"1"'), key), string),
      {
        maxLength: 4,
      },
    )
    .map((members) => `{${members.map((member) => member.join(':')).join(',')}}`),
  metrics: objectOf(
    { timer_server_handler_ns: integer, timer_x: integer, hist: objectOf({ count: number }) },
    fc.constant('"c"'),
  ),
  erased: strings,
  masked: strings,
};

const okeraStrings = [
  ...['session_id', 'status', 'user', 'connected_user', 'client_application', 'statement_type', 'default_db'],
  ...['statement', 'ae_attribute', 'ae_database', 'ae_function', 'ae_path', 'ae_role', 'ae_table', 'ae_view'],
];
const okeraIntegers = [
  ...['start_unix_time', 'end_unix_time', 'num_results_returned', 'num_results_read', 'bytes_scanned'],
  ...['server_total_time_ms', 'queue_time_ms', 'planning_time_ms', 'execution_time_ms'],
];
const hex = (min: number, max: number): Text => fc.stringMatching(new RegExp(`^[0-9a-fA-F]{${min},${max}}$`));
const requestId: Text = fc.oneof(
  fc.tuple(hex(1, 16), hex(1, 16)).map(([prefix, postfix]) => `"${prefix}:${postfix}"`),
  fc.constantFrom(
    '""',
    '":"',
    '"a:"',
    '":b"',
    '"a:b:c"',
    '"ab"',
    '"12345678901234567:1"',
    '"a\\u003ab"',
    '"\\u0061:B"',
  ),
  string,
);
const okeraFields: Fields = {
  request_time: time,
  request_id: requestId,
  client_network_address: address,
  auth_failure: boolean,
  for_reporting: boolean,
  ...Object.fromEntries(okeraStrings.map((name) => [name, string])),
  ...Object.fromEntries(okeraIntegers.map((name) => [name, integer])),
};

/** Top-level members that the schemas do not know. */
const unknown: Text = fc.oneof(
  fc.constantFrom('"tenant"', '"context"', '"level"', '"msg"', '"log"', '"event"', '"type"', '"$shadowed"'),
  key,
);

/** White space at the places where JSON takes it, in turn out of `spaces`. */
function spaced(text: string, spaces: readonly string[]): string {
  let turn = 0;
  const space = (): string => spaces[turn++ % spaces.length]!;
  return text.replace(/"(?:[^"\\]|\\.)*"|[{}[\],:]/gs, (token) =>
    token.startsWith('"')
      ? token
      : token === '{' || token === '['
        ? `${token}${space()}`
        : `${space()}${token}${space()}`,
  );
}

const spaces = fc.oneof(
  { weight: 60, arbitrary: fc.constant(['']) },
  {
    weight: 20,
    arbitrary: fc.array(fc.constantFrom('', '', ' ', '  ', '\t', '\r\n', '\n    '), { minLength: 1, maxLength: 6 }),
  },
  // What JSON takes for no space.
  { weight: 1, arbitrary: fc.constantFrom(['', '\f'], ['', '', '\u00a0'], ['', '', '', '\v'], ['', '\0']) },
);

/** Like a plain record of its source, with any of the oddities. */
export const records: Readonly<Record<SourceType, Text>> = {
  opa: fc
    .tuple(objectOf(opaFields, unknown, ['decision_id', 'timestamp']), spaces)
    .map(([text, some]) => spaced(text, some)),
  'okera-audit': fc
    .tuple(objectOf(okeraFields, unknown, ['request_id', 'request_time']), spaces)
    .map(([text, some]) => spaced(text, some)),
};

/** The fields of a source, by name. */
export const fieldNames: Readonly<Record<SourceType, readonly string[]>> = {
  opa: Object.keys(opaFields),
  'okera-audit': Object.keys(okeraFields),
};

/** A record that holds `text` as the value of a field; with another `n` it is no duplicate. */
export function recordWith(type: SourceType, field: string, text: string, n = 0): string {
  const plain =
    type === 'opa'
      ? { decision_id: `"d-${n}"`, timestamp: '"2023-07-11T17:01:42Z"' }
      : { request_id: '"a:b"', request_time: '"2020-10-30 10:05:01.437238000"' };
  const members = Object.entries({ ...plain, [field]: text });
  return `{${members.map(([name, some]) => `${quoted(name)}:${some}`).join(',')}}`;
}

/** Bytes changed, left out, put in, or cut off. */
export const mutations = fc.array(
  fc.record({
    at: fc.double({ min: 0, max: 1, noNaN: true, maxExcluded: true }),
    kind: fc.constantFrom('flip', 'set', 'insert', 'delete', 'truncate', 'repeat'),
    byte: fc.oneof(fc.integer({ min: 0, max: 255 }), fc.constantFrom(...Buffer.from('{}[]",:\\ \n0-.eEtfnu'))),
    length: fc.integer({ min: 1, max: 20 }),
  }),
  { minLength: 1, maxLength: 3 },
);

export function mutate(text: string, changes: typeof mutations extends fc.Arbitrary<infer T> ? T : never): Buffer {
  let bytes = Buffer.from(text);
  for (const { at, kind, byte, length } of changes) {
    const i = Math.floor(at * bytes.length);
    if (kind === 'flip') bytes[i]! ^= 1 << (byte & 7);
    else if (kind === 'set') bytes[i] = byte;
    else if (kind === 'insert') bytes = Buffer.concat([bytes.subarray(0, i), Buffer.from([byte]), bytes.subarray(i)]);
    else if (kind === 'delete') bytes = Buffer.concat([bytes.subarray(0, i), bytes.subarray(i + length)]);
    else if (kind === 'truncate') bytes = bytes.subarray(0, i);
    else bytes = Buffer.concat([bytes.subarray(0, i + length), bytes.subarray(i)]);
  }
  return bytes;
}
