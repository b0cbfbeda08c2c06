/** What chance would take long to find: every byte at every kind of place, every cut, every escape, every code unit. */
import { expect, test } from 'vitest';
import { createSource } from '../../../src/sources/index.ts';
import { BothPaths } from './both-paths.ts';
import { limits, sources } from './promotions.ts';

const source = sources.opa.get('through and below columns that exist')!;
const okera = sources['okera-audit'].get('none')!;

/** `@` is the place; `#` makes the record no duplicate. */
const places = [
  '{"decision_id":"#","timestamp":"2023-07-11T17:01:42Z","path":"a@b"}',
  '{"decision_id":"#","timestamp":"2023-07-11T17:01:42Z","path":"a\\@b"}',
  '{"decision_id":"#","timestamp":"2023-07-11T17:01:42Z","pa@th":"ab"}',
  '{"decision_id":"#","timestamp":"2023-07-11T17:01:42Z","labels":{"a@":"b@"}}',
  '{"decision_id":"#","timestamp":"2023-07-11T17:01:42Z","erased":["@"]}',
  '{"decision_id":"#","timestamp":"2023-07-11T17:01:42Z","input":{"deep":[["@",{"@":1}]],"subject":"s"}}',
  '{"decision_id":"#","timestamp":"2023-07-11T17:01:42Z"@}',
  '{"decision_id":"#","timestamp":"2023-07-11T17:01:42Z",@"path":"a"}',
  '{"decision_id":"#","timestamp":"2023-07-11T17:01:42Z","path"@:"a"}',
  '{"decision_id":"#","timestamp":"2023-07-11T17:01:42Z","path":@"a"}',
  '{@"decision_id":"#","timestamp":"2023-07-11T17:01:42Z"}',
  '@{"decision_id":"#","timestamp":"2023-07-11T17:01:42Z"}',
  '{"decision_id":"#","timestamp":"2023-07-11T17:01:42Z"}@',
  '{"decision_id":"#","timestamp":"2023-07-11T17:01:42Z","req_id":1@}',
  '{"decision_id":"#","timestamp":"2023-07-11T17:01:42Z","req_id":@1}',
  '{"decision_id":"#","timestamp":"2023-07-11T17:01:42Z","input":{"x":[@]}}',
  '{"decision_id":"#","timestamp":"2023-07-11T17:01:42Z","result":{"roles":["a"@,"b"]}}',
  '{"decision_id":"#","timestamp":"2023-07-11T17:01:42Z","metrics":{"a":1@}}',
];
const inputs = [
  '[1@2]',
  '[-@1]',
  '[0@]',
  '[0@0]',
  '[1.@]',
  '[1.5@]',
  '[1e@]',
  '[1e@5]',
  '[1e5@]',
  '[tru@]',
  '[null@]',
  '{@}',
];

test('every byte at every kind of place', () => {
  const both = new BothPaths(source);
  let n = 0;
  for (const place of [...places, ...inputs.map((input) => places[0]!.replace('"path":"a@b"', `"input":${input}`))]) {
    for (let byte = 0; byte < 256; byte++) {
      // Alone, and as a character of two bytes.
      for (const character of [Buffer.from([byte]), Buffer.from(String.fromCharCode(byte + 0x700))]) {
        both.take(Buffer.from(place.replace('#', `d-${n++}`).replaceAll('@', character.toString('latin1')), 'latin1'));
      }
    }
    both.clear();
  }
  expect(both.counts.fast).toBeGreaterThan(1000);
});

test('every byte at every place of a time', () => {
  for (const [of, time, text] of [
    [source, '2023-07-11T17:01:42.5Z', (time: string, n: number) => `{"decision_id":"${n}","timestamp":"${time}"}`],
    [okera, '2020-10-30 10:05:01.4', (time: string, n: number) => `{"request_id":"a:${n}","request_time":"${time}"}`],
  ] as const) {
    const both = new BothPaths(of);
    for (let at = 0, n = 0; at < time.length; at++) {
      for (let byte = 0x20; byte < 0x7f; byte++) {
        const character = JSON.stringify(String.fromCharCode(byte)).slice(1, -1);
        for (const more of [1, 0]) both.take(text(time.slice(0, at) + character + time.slice(at + more), n++));
      }
      both.clear();
    }
  }
});

const rich =
  '{"bundles":{"./bdir/":{"revision":"r"}},"decision_id":"d-1","erased":["/input/a","/input/\\u00e9"],"input":{"action":"GET","client_ip":"10.0.0.1","n":[1,-2.5e3,{"x":null}],"subject":"s\\n","tenant":{"id":"t"}},' +
  '"labels":{"id":"i","team":"t"},"metrics":{"timer_x":12,"timer_server_handler_ns":0},"req_id":7, "result" : {"allowed":true,"message":"m","roles":["r"]},"timestamp":"2023-07-11T17:01:42.123456789Z","unknown":[[],{}]}';

test('a record cut at every place, with the rest of it behind the cut', () => {
  const both = new BothPaths(source);
  expect(both.take(rich)).toBe('fast');
  for (let at = 0; at < rich.length; at++) {
    expect(both.take(rich.slice(0, at), { around: ['', rich.slice(at)] })).toBe('quarantine');
    if (at > 0) expect(both.take(rich.slice(at), { around: [rich.slice(0, at), ''] })).not.toBe('fast');
    both.take(rich.slice(0, at) + rich.slice(at + 1));
  }
  both.compareRows();
});

test('every code unit as an escape, in either case', () => {
  const both = new BothPaths(source);
  for (let unit = 0; unit < 0x10000; unit += unit < 0x900 || (unit >= 0xd700 && unit < 0xe100) ? 1 : 97) {
    const hex = unit.toString(16).padStart(4, '0');
    const text = `\\u${unit % 2 === 0 ? hex : hex.toUpperCase()}`;
    both.take(
      `{"decision_id":"${hex}","timestamp":"2023-07-11T17:01:42Z","path":"a${text}b","labels":{"l":"${text}"}}`,
    );
  }
  both.compareRows();
  expect(both.counts).toMatchObject({ quarantine: 0, duplicate: 0 });
  expect(both.counts.slow).toBe(0x800);
});

test('as deep as a record may nest, and one level more', () => {
  const both = new BothPaths(source);
  const deep = [
    ['"input":@', 1],
    ['"unknown":@', 1],
    ['"input":{"tenant":{"x":@}}', 3],
    ['"input":[[],{},[{}],@]', 2],
    ['"labels":{"a":"b"},"erased":["/input/x"],"result":{"roles":[],"x":@}', 2],
  ] as const;
  for (const [n, [place, above]] of deep.entries()) {
    for (const [open, close] of [['[', ']'] as const, ['{"a":', '}'] as const]) {
      const nested = (depth: number) => place.replace('@', `${open.repeat(depth)}1${close.repeat(depth)}`);
      const take = (depth: number) =>
        both.take(`{"decision_id":"${open[0]}${n}","timestamp":"2023-07-11T17:01:42Z",${nested(depth)}}`);
      expect(take(limits.nestingDepth - above), place).toBe('fast');
      expect(take(limits.nestingDepth - above + 1), place).toBe('quarantine');
    }
  }
  both.compareRows();
});

test('as deep as any limit lets a path to a column nest, and one level more', () => {
  const columns = { deep: { path: 'input.a.b.c', type: 'string', strict: false } } as const;
  for (const nestingDepth of [1, 2, 3, 4, 5]) {
    const both = new BothPaths(createSource('opa', columns, { ...limits, nestingDepth }));
    const members = [
      ['"input":{"a":{"b":{"c":"x"}}}', 4],
      ['"input":{"a":{"b":{"c":{}}}}', 5],
      ['"input":{"a":{"b":{}}}', 4],
      ['"input":{"a":{"b":[]}}', 4],
      ['"input":{"a":{}}', 3],
      ['"input":{}', 2],
      ['"labels":{"a":"b"}', 2],
      ['"metrics":{}', 2],
      ['"erased":["/input/x"]', 2],
      ['"unknown":{"a":{}}', 3],
      ['"path":"x"', 1],
    ] as const;
    for (const [n, [member, depth]] of members.entries()) {
      const verdict = both.take(`{"decision_id":"d-${n}","timestamp":"2023-07-11T17:01:42Z",${member}}`);
      expect(verdict, `${member} within ${nestingDepth}`).toBe(depth <= nestingDepth ? 'fast' : 'quarantine');
    }
    both.compareRows();
  }
});

test('any number of empty lists and objects beside each other, which nest no deeper than one', () => {
  const both = new BothPaths(source);
  const many = (some: string): string =>
    Array(limits.nestingDepth * 2)
      .fill(some)
      .join();
  const deep = `${'['.repeat(limits.nestingDepth - 2)}${']'.repeat(limits.nestingDepth - 2)}`;
  const objects = many('{}')
    .split(',')
    .map((some, i) => `"m${i}":${some}`)
    .join();
  for (const [n, input] of [`[${many('[]')},${deep}]`, `[${many('{}')},${deep}]`, `{${objects},"d":${deep}}`].entries())
    expect(both.take(`{"decision_id":"e-${n}","timestamp":"2023-07-11T17:01:42Z","input":${input}}`)).toBe('fast');
  const known = ['"labels":{}', '"metrics":{}', '"result":{}', '"erased":[]', '"masked":[]', '"bundles":{}'].join();
  expect(both.take(`{"decision_id":"k","timestamp":"2023-07-11T17:01:42Z",${known},"input":[${deep}]}`)).toBe('fast');
  both.compareRows();
});

test('every count of milliseconds at the ends of what is a time, or exact', () => {
  const both = new BothPaths(okera);
  const ends = [0, 9_007_199_254_740, 253_402_300_799_999, -62_135_596_800_000, 999_999_999_999_999];
  for (const [n, millis] of ends.flatMap((end) => [end - 1, end, end + 1, -end]).entries()) {
    const times = `"start_unix_time":${millis},"end_unix_time":-${Math.abs(millis)}`;
    both.take(`{"request_id":"a:${n}","request_time":"2020-10-30 10:05:01",${times}}`);
  }
  both.compareRows();
  expect(both.counts.fast).toBeGreaterThan(15);
});

test('more members, elements and unknown fields than fit at first', () => {
  // Of its own: writers remember unknown fields, and not any number of them.
  const both = new BothPaths(createSource('opa', {}, limits));
  const many = <T>(count: number, some: (i: number) => T): string =>
    Array.from({ length: count }, (_, i) => some(i)).join();
  for (const count of [15, 16, 17, 63, 64, 65, 255, 256, 257, 600, 1100]) {
    both.take(
      `{"decision_id":"d-${count}","timestamp":"2023-07-11T17:01:42Z","erased":[${many(count, (i) => `"${i}\\n"`)}],` +
        `"labels":{${many(count, (i) => `"l${i}":"${i}"`)}},"metrics":{${many(count, (i) => `"m${i}":${i}`)}},` +
        `"input":{${many(count, (i) => `"i${i}":[]`)}},${many(count, (i) => `"u${i}":"${'x'.repeat(i)}"`)}}`,
    );
  }
  both.compareRows();
  expect(both.counts).toMatchObject({ fast: 10, slow: 1 });
});
