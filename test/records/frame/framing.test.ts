import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { describe, expect, test } from 'vitest';
import { frameRecords } from '../../../src/records/frame/index.ts';
import { framesOf, limits, texts } from './frames.ts';

const frame = async (input: string): Promise<string[]> => texts(await framesOf(input));

describe('framing is told by content', () => {
  test('JSON lines', async () => {
    expect(await frame('{"a":1}\n{"b":2}')).toEqual(['{"a":1}', '{"b":2}']);
    expect(await frame('\ufeff{"a":1}\r\n\r\n \t\n{"b":2}  \n')).toEqual(['{"a":1}', '{"b":2}']);
  });

  test('a log with text around the JSON is lines, though it may begin with a bracket or a digit', async () => {
    expect(await frame('[INFO] one {"a":1}\n[INFO] two\n')).toEqual(['[INFO] one {"a":1}', '[INFO] two']);
    expect(await frame('[2026-11-22 03:22:37] {\n}\n')).toEqual(['[2026-11-22 03:22:37] {', '}']);
    expect(await frame('2026-11-22 x\n{"a":1}\n')).toEqual(['2026-11-22 x', '{"a":1}']);
  });

  test('one array, several arrays, arrays with an element a line', async () => {
    expect(await frame('[{"a":1},{"b":[2]}]')).toEqual(['{"a":1}', '{"b":[2]}']);
    expect(await frame('[\n\t{"a":1},\n\t{"b":2}\n]\n[{"c":3}]')).toEqual(['{"a":1}', '{"b":2}', '{"c":3}']);
    expect(await frame(' []\n[ ]')).toEqual([]);
  });

  test('pretty-printed values one behind the other', async () => {
    expect(await frame('{\n  "a": 1\n}\n{\n  "b": {\n  }\n}{"c":3}\n')).toEqual([
      '{\n  "a": 1\n}',
      '{\n  "b": {\n  }\n}',
      '{"c":3}',
    ]);
  });

  test('pretty-printed values behind lines of text or JSON, whatever these are, among such lines', async () => {
    const printed = ['{\n  "a": 1,\n  "b": "]{"\n}', '{\n\t"c": {\n\t\t"d": [\n\t\t]\n\t}\n}', '{\n  "e": 2\n}'];
    for (const first of [
      'Starting',
      '{"x":1}',
      '2026/01/02 10:00:00 x',
      '2026-01-02 10:00:00.5 x',
      '-1 2 x',
      'true',
      '5',
      '{"x":1',
      'set {',
      ',',
      '+ exec',
      '\u001b[32mx',
    ])
      for (const end of ['\n', '\r\n']) {
        const lines = [first, printed[0]!, first, printed[1]!, printed[2]!, '{"f":3}'].map((line) =>
          line.replaceAll('\n', end),
        );
        expect(await frame(lines.join(end)), first).toEqual(lines);
      }
    expect(await frame('x\n{\n"a": 1\n}\n')).toEqual(['x', '{', '"a": 1', '}']);
    const far = `${'x\n'.repeat(10_000)}${printed[0]}\n`;
    expect((await frame(far)).at(-1)).toBe(printed[0]);
  });

  test('lines of text behind a pretty-printed value are one by one, in brackets or not, and are no part of one that is broken', async () => {
    const printed = '{\n  "a": 1\n}';
    const lines = [
      'opa-1  | {"b":2}',
      'opa-1  | {"c":3}',
      '2026/01/02 x',
      '{"d":4}',
      'panic: x',
      'goroutine 1:\n\tmain()',
    ];
    expect(await frame([printed, ...lines, printed].join('\n'))).toEqual([printed, ...lines, printed]);
    const broken = '{\n  "a": oops,\n  "b": [\n  ]\n}';
    expect(await frame([printed, broken, 'x', printed].join('\n'))).toEqual([printed, broken, 'x', printed]);
    for (const text of ['INFO] x', '2026-01-02 10:00:00] x', 'x'])
      expect(await frame([printed, `[${text}`, 'y', printed, `[${text}`].join('\n'))).toEqual([
        printed,
        text,
        'y',
        printed,
        text,
      ]);
  });

  test('values behind record separators, pretty-printed or not, as jq --seq writes them', async () => {
    for (const values of [
      ['{"a":1}', '{"b":2}'],
      ['{\n  "a": 1\n}', '{\n  "b": [\n  ]\n}'],
      ['{\n  "a": 1\n}', '{"b":2}'],
    ])
      expect(await frame(values.map((value) => `\x1e${value}\n`).join(''))).toEqual(values);
  });

  test('pretty-printed values with text in front of their brace, or in an array behind a line of text, are whole', async () => {
    const printed = '{\n  "a": 1,\n  "b": [\n    2\n  ]\n}';
    const lines = [`INFO one ${printed}`, `INFO two ${printed}`, 'INFO three', printed];
    expect(await frame(lines.join('\n'))).toEqual(lines);
    const array = '[\n  {\n    "a": 1\n  },\n  {\n    "b": 2\n  }\n]';
    expect(await frame(`text\n${array}\n`)).toEqual(['text', array]);
  });

  test('objects joined without line ends, however many', async () => {
    const joined = Array.from({ length: 5000 }, (_, i) => `{"n":${i},"s":"}{"}`);
    expect(await frame(joined.join(''))).toEqual(joined);
  });

  test('a first line that is cut off is a line: the ones behind it are read', async () => {
    expect(await frame('{"a":1,\n{"b":2}\n{"c":3}\n')).toEqual(['{"a":1,', '{"b":2}', '{"c":3}']);
    expect(await frame('{"a":"x\n{"b":2}\n')).toEqual(['{"a":"x', '{"b":2}']);
    expect(await frame('{"a":tru\n"b":2}\n{"c":3}\n')).toEqual(['{"a":tru', '"b":2}', '{"c":3}']);
  });

  test('so is one that is cut off inside of an array, where lines of objects follow', async () => {
    const lines = ['{"b":2}', '{"c":[3]}', 'text', '{"d":4}'];
    for (const cut of ['[{', '[ {"a":', '[{"a":"x', '[{"a":tru', '[{]', '["', '[1', '[{"a":1}', '[[{"a":[', '[{"a":{'])
      for (const end of ['\n', '\r\n\r\n'])
        expect(await frame([cut, ...lines, ''].join(end)), cut).toEqual([cut, ...lines]);
    expect(await frame('[\n{"b":2}\n{"c":3}\n')).toEqual(['[', '{"b":2}', '{"c":3}']);
    const long = `{"b":"${'x'.repeat(100_000)}"}`;
    expect(await frame(`[{\n${long}\n{"c":3}`)).toEqual(['[{', long, '{"c":3}']);
  });

  test('an array is one, wherever its lines end or it is cut', async () => {
    for (const element of [{ a: 1 }, { a: { b: [{ c: 1 }, { d: 2 }] } }])
      for (const indent of [undefined, 1, '\t'])
        for (const between of [',', ',\n', '\n,\n', ' , '])
          for (const [open, close] of [
            ['[', ']'],
            ['[\n', '\n]'],
          ]) {
            const text = JSON.stringify(element, null, indent);
            const whole = `${open}${[text, text, text].join(between)}${close}`;
            expect(await frame(whole), whole).toEqual([text, text, text]);
            const elements = (cut: string) => framesOf(cut).then((frames) => frames.length);
            for (let at = 1; at < whole.length; at++) expect(await elements(whole.slice(0, at))).toBeLessThan(5);
          }
    // The first element is cut off, and the others are those of an array.
    expect(await frame('[{"a":"x\n{"b":2},\n{"c":3}]')).toEqual(['{"a":"x\n{"b":2},\n{"c":3}]']);
  });

  test('UTF-16 is read by its byte order mark, and stray bytes of one in front of lines are a line', async () => {
    const lines = ['{"a":"ä漢"}', '{"b":2}'];
    const bytes = (text: string) => Buffer.from(`\ufeff${text}`, 'utf16le');
    for (const text of [lines.join('\n'), `漢字漢字 ${lines.join('\n')}`]) {
      expect(texts(await framesOf(bytes(text)))).toEqual(text.split('\n'));
      expect(texts(await framesOf(bytes(text).swap16(), [3]))).toEqual(text.split('\n'));
    }
    for (const mark of [Buffer.from([0xff, 0xfe]), Buffer.from([0xfe, 0xff])])
      for (const rest of ['\n', '', ' x\n'])
        for (const sizes of [[1], [1000]]) {
          const frames = await framesOf(Buffer.concat([mark, Buffer.from(`${rest}${lines.join('\n')}`)]), sizes);
          expect(texts(frames).slice(rest === '' ? 1 : -2)).toEqual(lines.slice(rest === '' ? 1 : 0));
          expect(frames).toHaveLength(rest === '' ? 2 : 3);
        }
  });

  test('UTF-16 without a byte order mark is read, also where the first line is a brace', async () => {
    for (const text of ['{"a":1}', '{\r\n  "a": 1\r\n}', '[\n\t{"a":1}\n]']) {
      const bytes = Buffer.from(text, 'utf16le');
      for (const body of [bytes, Buffer.from(bytes).swap16()]) {
        const frames = texts(await framesOf(body));
        expect(frames.map((frame) => JSON.parse(frame))).toEqual([{ a: 1 }]);
      }
    }
  });

  test('nothing but white space is no record', async () => {
    expect(await frame('')).toEqual([]);
    expect(await frame(' \r\n\t\n')).toEqual([]);
    expect(await frame('\ufeff')).toEqual([]);
  });
});

describe('what breaks takes as little as possible with it', () => {
  test('a broken line', async () => {
    expect(await frame('{"a":1}\n{"b":\n{"c":3}\n')).toEqual(['{"a":1}', '{"b":', '{"c":3}']);
  });

  test('an array: elements in front of the break are kept, the rest is one record', async () => {
    expect(await frame('[{"a":1},{"b":tru},{"c":3}]')).toEqual(['{"a":1}', '{"b":tru},{"c":3}]']);
    expect(await frame('[{"a":1} {"b":2}]\n')).toEqual(['{"a":1}', '{"b":2}]']);
    expect(await frame('[{"a":1},]')).toEqual(['{"a":1}', ']']);
  });

  test('an array that is not closed says so by an empty record', async () => {
    expect(await frame('[{"a":1},{"b":2}')).toEqual(['{"a":1}', '{"b":2}', '']);
    expect(await frame('[{"a":1},{"b":')).toEqual(['{"a":1}', '{"b":']);
  });

  test('a pretty-printed value: reading goes on at the next line that begins with a brace', async () => {
    const broken = '{\n  "b": oops,\n  "c": 1\n}';
    expect(await frame(`{\n  "a": 1\n}\n${broken}\n{\n  "d": 4\n}\n`)).toEqual([
      '{\n  "a": 1\n}',
      broken,
      '{\n  "d": 4\n}',
    ]);
  });

  test('a pretty-printed string without its end', async () => {
    expect(await frame('{\n  "a": "x\n}\n{\n  "b": 2\n}\n')).toEqual(['{\n  "a": "x\n}', '{\n  "b": 2\n}']);
  });
});

describe('caps', () => {
  const small = { ...limits, recordBytes: 100 };
  const big = `{"a":"${'x'.repeat(500)}"}`;

  test.each([
    ['a line', `{"n":1}\n${big}  \r\n{"n":2}\n`],
    ['an element', `[{"n":1},${big},{"n":2}]`],
    ['a pretty-printed value', `{\n"n":1}\n${big}\n{"n":2}\n`],
  ])('%s over the cap keeps its head and its length, neighbours survive', async (_, input) => {
    for (const size of [1, 33, 1000]) {
      const frames = await framesOf(input, [size], small);
      expect(texts(frames)).toEqual([expect.stringMatching(/^\{\n?"n":1\}$/), big.slice(0, 100), '{"n":2}']);
      expect(frames[1]).toMatchObject({ offset: input.indexOf(big), tooLarge: { length: big.length } });
      expect(frames[2]?.tooLarge).toBeUndefined();
    }
  });

  test('a line of exactly the cap is whole, white space behind it not counted', async () => {
    const line = `{"a":"${'x'.repeat(92)}"}`;
    expect(line.length).toBe(100);
    for (const size of [7, 1000]) {
      expect(await framesOf(`${line}${' '.repeat(300)}\n`, [size], small)).toEqual([
        { offset: 0, bytes: Buffer.from(line) },
      ]);
    }
  });

  test('nesting of 10,000 is framed and kept from the grammar', async () => {
    const deep = `{"a":${'['.repeat(10_000)}${']'.repeat(10_000)}}`;
    expect(await frame(`[{"n":1},${deep},{"n":2}]`)).toEqual(['{"n":1}', deep, '{"n":2}']);
    expect(await frame(`{"n":1}\n${deep}\n{"n":2}`)).toEqual(['{"n":1}', deep, '{"n":2}']);
    expect(await frame(`{\n"n":1}\n${deep}\n{"n":2}`)).toEqual(['{\n"n":1}', deep, '{"n":2}']);
    expect((await framesOf('['.repeat(100_000))).length).toBe(1);
  });

  test('a line of 100 MB is not held', async () => {
    setFlagsFromString('--expose-gc');
    const collect = runInNewContext('gc') as () => void;
    const heldBytes: number[] = [];
    async function* input(): AsyncGenerator<Buffer> {
      yield Buffer.from('{"n":1}\n{"a":"');
      for (let i = 0; i < 100; i++) {
        yield Buffer.alloc(1 << 20, 'x');
        if (i % 10 === 9) {
          collect();
          heldBytes.push(process.memoryUsage().arrayBuffers);
        }
      }
      yield Buffer.from('"}\n{"n":2}\n');
    }
    const frames = [];
    const caps = { recordBytes: 4 << 20, nestingDepth: 100 };
    for await (const group of frameRecords(input(), caps)) frames.push(...group);
    expect(texts(frames).map((text) => text.length)).toEqual([7, 64 << 10, 7]);
    expect(frames[1]?.tooLarge).toEqual({ length: 100 * (1 << 20) + 8 });
    // What the collector has not come to yet is a few chunks; holding the line would be 90 MB.
    expect(Math.max(...heldBytes) - (heldBytes[0] as number)).toBeLessThan(24 << 20);
  });

  test('input that breaks at every step is read in one pass', async () => {
    const lines = 20_000;
    const frames = await framesOf(`{\n"a":1}\n${'{"\n'.repeat(lines)}`);
    expect(frames.length).toBe(lines + 1);
  });
});
