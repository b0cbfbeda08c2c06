/** Records that arrive in pieces, printed over many lines, or in lists, in the forms of many shippers. */
import { gzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { cut, decisionOf, large, ownLine, readObject } from './read.ts';

type Wrapper = (pieces: readonly string[], stream?: string) => string[];

const json = JSON.stringify;
const base64 = (content: string | Buffer): string => Buffer.from(content).toString('base64');
const isLast = (i: number, all: readonly unknown[]): boolean => i === all.length - 1;
const dockerLimit = 16_384;

/** A record in pieces, one line each. */
const cutBy: Readonly<Record<string, Wrapper>> = {
  'Fluent Bit, with the tags of containerd': (pieces, pod = 'a') =>
    pieces.map((log, i) =>
      json({ stream: 'e', logtag: isLast(i, pieces) ? 'F' : 'P', log, kubernetes: { pod_name: pod } }),
    ),
  'Fluent Bit, with _p': (pieces, pod = 'a') =>
    pieces.map((log, i) => json({ _p: isLast(i, pieces) ? 'F' : 'P', log, pod })),
  FireLens: (pieces, id = 'a') =>
    pieces.map((log, i) =>
      json({
        ...{ log, container_id: id, partial_message: 'true', partial_id: id },
        ...{ partial_ordinal: String(i + 1), partial_last: String(isLast(i, pieces)) },
      }),
    ),
  "Docker's files, by line ends": (pieces, name = 'a') =>
    pieces.map((log, i) =>
      json({ log: isLast(i, pieces) ? `${log}\n` : log, stream: 'e', attrs: { container: name } }),
    ),
  'Fargate, without any mark': (pieces, name = 'a') => pieces.map((log) => json({ log, container_name: name })),
  'base64 of Kinesis': (pieces, name = 'a') =>
    pieces.map((piece) => json({ eventSourceARN: name, kinesis: { data: base64(piece) } })),
};

const withText = (id: string) => [id, json(large(id).input)];

describe('pieces are joined', () => {
  test.each(Object.entries(cutBy))('%s', async (_, wrap) => {
    const pieces = cut(json(large('d')), dockerLimit);
    const { rows, quarantined } = await readObject(wrap(pieces).join('\n'));
    expect({ rows, quarantined }).toEqual({ rows: [withText('d')], quarantined: [] });
  });

  test.each(Object.entries(cutBy))('of two containers that write by turns: %s', async (_, wrap) => {
    const [a, b] = ['a', 'b'].map((name) => wrap(cut(json(large(name)), dockerLimit), name)) as [string[], string[]];
    const { rows, quarantined } = await readObject(a.flatMap((line, i) => [line, b[i]]).join('\n'));
    expect({ rows, quarantined }).toEqual({ rows: [withText('a'), withText('b')], quarantined: [] });
  });

  // Cut in front of a brace: the second piece is an object by itself, though no record.
  const head = '{"decision_id":"d","labels":{},"timestamp":"2026-11-28T10:00:00Z","pad":"';
  const first = `${head.padEnd(dockerLimit - '","input":'.length, 'y')}","input":`;
  const middle = `${'{"user":"carol","pad":"'.padEnd(dockerLimit - 2, 'z')}"}`;

  test.each(Object.entries(cutBy))('that begin with a brace: %s', async (_, wrap) => {
    const { rows, quarantined } = await readObject(wrap([first, middle, ',"result":true}']).join('\n'));
    expect({ rows, quarantined }).toEqual({ rows: [['d', middle]], quarantined: [] });
  });

  test.each(Object.entries(cutBy))('that words stand in front of, as OPAL writes them: %s', async (_, wrap) => {
    const words = '2026-11-28T10:00:00.1+0000 | 7 | opal_client.logger | INFO  | Decision Log ';
    const lines = (id: string) => wrap(cut(`${words}${json(large(id))}`, dockerLimit));
    const whole = wrap([`${words}${json(decisionOf('e'))}`]);
    const { rows, quarantined } = await readObject([...lines('c'), ...whole, ...lines('d')].join('\n'));
    expect({ ids: rows.map(([id]) => id), quarantined }).toEqual({ ids: ['c', 'e', 'd'], quarantined: [] });
    for (const [id, input] of rows) if (id !== 'e') expect([id, input]).toEqual(withText(id));
  });

  const blank = `{"decision_id":"d","labels":{},"timestamp":"2026-11-28T10:00:00Z","input":"a${' '.repeat(50_000)}b"}`;
  const blankRow = ['d', `"a${' '.repeat(50_000)}b"`];

  test.each(Object.entries(cutBy))('that are blank: %s', async (_, wrap) => {
    const { rows, quarantined } = await readObject(wrap(cut(blank, dockerLimit)).join('\n'));
    expect({ rows, quarantined }).toEqual({ rows: [blankRow], quarantined: [] });
  });

  const raw = (pieces: readonly string[], end: string): string =>
    pieces.map((piece, i) => `2026-11-28T10:00:00.1Z stderr ${isLast(i, pieces) ? 'F' : 'P'} ${piece}${end}`).join('');

  test.each(['\n', '\r\n'])('with their spaces at the ends of lines, in raw files of containerd', async (end) => {
    for (const length of [dockerLimit, 100, 64]) {
      const { rows, quarantined } = await readObject(raw(cut(blank.replace(/ {50000}/, ' '.repeat(300)), length), end));
      expect({ rows, quarantined }).toEqual({ rows: [['d', `"a${' '.repeat(300)}b"`]], quarantined: [] });
    }
    expect((await readObject(raw([first, middle, ',"result":true}'], end))).rows).toEqual([['d', middle]]);
  });

  // The first line of a stream without a line feed may be a piece or all that there is.
  test('of the first line in files of Docker, wherever it is cut', async () => {
    const wrap = cutBy["Docker's files, by line ends"]!;
    const text = json(decisionOf('d', { user: { name: 'carol' }, roles: [{ id: 1 }, { id: 2 }] }));
    const places = Array.from({ length: text.length - 1 }, (_, i) => i + 1);
    const atBraces = places.filter((at) => text[at] === '{');
    expect(atBraces.length).toBeGreaterThan(4);
    const twice = atBraces.flatMap((first) => places.filter((at) => at > first).map((second) => [first, second]));
    for (const [first, second] of [...places.map((at) => [at, at]), ...twice] as [number, number][]) {
      const pieces = [text.slice(0, first), text.slice(first, second), text.slice(second)].filter(
        (piece) => piece !== '',
      );
      const { rows, quarantined } = await readObject([...wrap(pieces), ...wrap([json(decisionOf('e'))])].join('\n'));
      expect({ first, second, ids: rows.map(([id]) => id), quarantined }).toEqual({
        ...{ first, second, ids: ['d', 'e'], quarantined: [] },
      });
    }
  });

  test('but not whole records and lines behind one whose end is lost, without any line feeds', async () => {
    const wrap = cutBy['Fargate, without any mark']!;
    const lines = [
      `{"decision_id":"lost","labels":`,
      ownLine,
      json(decisionOf('a')),
      json(decisionOf('b')).slice(0, 60),
    ];
    const { rows, quarantined, skipped } = await readObject(lines.flatMap((line) => wrap([line])).join('\n'));
    expect(rows.map(([id]) => id)).toEqual(['a']);
    expect(quarantined).toEqual(['incomplete_record', 'incomplete_record']);
    expect(skipped).toEqual(['request-line']);
  });

  test('but a whole record never is one', async () => {
    const [open] = cut(json(large('lost')), dockerLimit) as [string];
    const { rows, quarantined } = await readObject(raw([open, json(decisionOf('good'))], '\n'));
    expect(rows.map(([id]) => id)).toEqual(['good']);
    expect(quarantined).toEqual(['incomplete_record']);
  });
});

/** A record in pieces of bytes, which need not be whole characters. */
const cutBytesBy: Readonly<Record<string, (pieces: readonly Buffer[]) => Buffer>> = {
  'raw files of containerd': (pieces) =>
    Buffer.concat(
      pieces.map((piece, i) =>
        Buffer.concat([Buffer.from(`2026-11-28T10:00:00.1Z stderr ${isLast(i, pieces) ? 'F' : 'P'} `), piece, newline]),
      ),
    ),
  'journald, as lists of bytes': (pieces) =>
    Buffer.from(
      pieces
        .map((piece, i) => json({ MESSAGE: [...piece], ...(isLast(i, pieces) ? {} : { _LINE_BREAK: 'line-max' }) }))
        .join('\n'),
    ),
  'base64 of Kinesis': (pieces) =>
    Buffer.from(pieces.map((piece) => json({ kinesis: { data: piece.toString('base64') } })).join('\n')),
  'docker compose': (pieces) => Buffer.concat(pieces.flatMap((piece) => [Buffer.from('opa-1  | '), piece, newline])),
};
const newline = Buffer.from('\n');

describe('characters that are cut in halves become whole again', () => {
  const input = { user: 'zoë', note: 'аудит 日本 😀😀' };
  const text = Buffer.from(json(decisionOf('d', input)));
  const places = Array.from({ length: text.length - 1 }, (_, i) => i + 1);
  const inCharacters = places.filter((at) => ((text[at] as number) & 0xc0) === 0x80);

  test.each(Object.entries(cutBytesBy))('%s', async (_, wrap) => {
    expect(inCharacters.length).toBeGreaterThan(15);
    for (const at of inCharacters) {
      for (const next of [text.length, at + 1]) {
        const pieces = [text.subarray(0, at), text.subarray(at, next), text.subarray(next)].filter((p) => p.length > 0);
        const { rows, quarantined } = await readObject(wrap(pieces));
        expect({ at, next, rows, quarantined }).toEqual({ at, next, rows: [['d', json(input)]], quarantined: [] });
      }
    }
  });

  test('and a half that is a piece of nothing is kept', async () => {
    const half = Buffer.from('é').subarray(0, 1);
    const line = Buffer.concat([Buffer.from('2026-11-28T10:00:00.1Z stderr F caf'), half, newline]);
    const { rows, quarantined } = await readObject(Buffer.concat([line, Buffer.from(json(decisionOf('d')))]));
    expect({ ids: rows.map(([id]) => id), quarantined }).toEqual({ ids: ['d'], quarantined: ['invalid_utf8'] });
  });
});

describe('no row has a hole', () => {
  const pieces = cut(json(large('d')), dockerLimit);
  const raw = pieces.map((piece, i) => `2026-11-28T10:00:00.1Z stderr ${isLast(i, pieces) ? 'F' : 'P'} ${piece}`);
  const docker = pieces.map((piece, i) => json({ log: isLast(i, pieces) ? `${piece}\n` : piece, stream: 'stderr' }));
  const isHeld = async (lines: readonly (string | Buffer)[]) => {
    const good = json({ log: `${json(decisionOf('good'))}\n`, stream: 'stderr' });
    const object = Buffer.concat([...lines, good].flatMap((line) => [Buffer.from(line), newline]));
    const { rows, quarantined } = await readObject(object);
    expect(rows.map(([id]) => id)).toEqual(['good']);
    expect(quarantined.length).toBe(lines.length);
  };

  test('where a piece is no UTF-8', async () => {
    const broken = Buffer.from(raw[1]!);
    broken[1000] = 0xff;
    await isHeld([raw[0]!, broken, raw[2]!]);
  });

  test('where the envelope of a piece has lost its end, or its beginning', async () => {
    await isHeld([docker[0]!, docker[1]!.slice(0, 9000), docker[2]!]);
    await isHeld([docker[0]!, docker[1]!.slice(9000), docker[2]!]);
  });

  test('where a piece is larger than a record may be', async () => {
    const huge = json({ log: 'x'.repeat(2 << 20), stream: 'stderr' });
    await isHeld([docker[0]!, huge, docker[2]!]);
  });

  test('where pieces that count themselves are not all there', async () => {
    const lines = cutBy.FireLens!(cut(json(large('d')), 9000));
    await isHeld(lines.filter((_, i) => i !== 2));
  });
});

/** Many lines in one envelope. */
const lists: Readonly<Record<string, (lines: readonly string[]) => unknown>> = {
  'CloudWatch Logs subscription': (lines) => ({
    ...{ messageType: 'DATA_MESSAGE', logGroup: 'g', logStream: 's' },
    logEvents: lines.map((message, i) => ({ id: String(i), timestamp: 1, message })),
  }),
  GetLogEvents: (lines) => ({ events: lines.map((message) => ({ timestamp: 1, message, ingestionTime: 2 })) }),
  OpenTelemetry: (lines) => ({
    resourceLogs: [
      {
        scopeLogs: [
          { scope: {}, logRecords: lines.map((line) => ({ timeUnixNano: '1', body: { stringValue: line } })) },
        ],
      },
    ],
  }),
  Telegraf: (lines) => ({ metrics: lines.map((value) => ({ fields: { value }, name: 'tail', tags: { host: 'h' } })) }),
  'Kinesis by Lambda': (lines) => ({ Records: lines.map((line) => ({ kinesis: { data: base64(line) } })) }),
};

describe('a list of lines is read line by line', () => {
  test.each(Object.entries(lists))('records in pieces among whole ones: %s', async (_, wrap) => {
    const lines = [
      ownLine,
      ...cut(json(large('d')), dockerLimit),
      json(decisionOf('e')),
      'GET / 200 of another program',
    ];
    const { rows, quarantined, skipped } = await readObject(json(wrap(lines)));
    expect({ rows: rows.map(([id]) => id), quarantined }).toEqual({ rows: ['d', 'e'], quarantined: [] });
    expect(skipped).toEqual(['request-line', 'foreign-text']);
  });

  test.each(Object.entries(lists))('pieces that go on in the next list: %s', async (_, wrap) => {
    const lists = cut(json(large('d')), dockerLimit).map((piece) => json(wrap([piece])));
    expect((await readObject(lists.join('\n'))).rows).toEqual([withText('d')]);
  });

  test.each(Object.entries(lists))('records over many lines: %s', async (_, wrap) => {
    const printed = ['a', 'b'].flatMap((id) => JSON.stringify(decisionOf(id), null, 2).split('\n'));
    const { rows, quarantined } = await readObject(json(wrap([...printed, ownLine, json(decisionOf('c'))])));
    expect({ rows: rows.map(([id]) => id), quarantined }).toEqual({ rows: ['a', 'b', 'c'], quarantined: [] });
  });

  test.each(Object.entries(lists))('and nothing in it is nothing: %s', async (_, wrap) => {
    expect(await readObject(json(wrap([])))).toMatchObject({ rows: [], quarantined: [], skipped: [] });
  });
});

test('base64 is of whatever a line can be: with a prefix, several, compressed', async () => {
  const [a, b, c, d, e] = ['a', 'b', 'c', 'd', 'e'].map((id) => json(decisionOf(id))) as [
    string,
    string,
    string,
    string,
    string,
  ];
  const datas = [
    `2026-11-28T10:00:00.1Z stderr F ${a}`,
    `<134>1 2026-11-28T10:00:00Z host opa 1 - - ${b}`,
    `${c}\n${d}\n`,
    gzipSync(json(lists['CloudWatch Logs subscription']!([e, ownLine]))),
    'a line of another program, which is not short',
  ];
  const { rows, quarantined, skipped } = await readObject(
    json({ Records: datas.map((data) => ({ data: base64(data) })) }),
  );
  expect({ rows: rows.map(([id]) => id), quarantined }).toEqual({ rows: ['a', 'b', 'c', 'd', 'e'], quarantined: [] });
  expect(skipped).toEqual(['request-line', 'foreign-text']);
});

describe('docker compose, with the colours of a terminal', () => {
  const esc = String.fromCharCode(0x1b);
  const forms: Readonly<Record<string, (line: string, service: string) => string>> = {
    'colour over the bar': (line, service) => `${esc}[36m${service}-1  | ${esc}[0m${line}`,
    'colour before the bar': (line, service) => `${esc}[33m${service}-1  |${esc}[0m ${line}`,
    'no colour': (line, service) => `${service}-1  | ${line}`,
  };
  test.each(Object.entries(forms))('%s: records over many lines, between those of another service', async (_, form) => {
    const lines = ['a', 'b'].flatMap((id) =>
      JSON.stringify(decisionOf(id), null, 2)
        .split('\n')
        .flatMap((line, i) => [form(line, 'opa'), ...(i % 3 === 0 ? [form('GET / 200', 'web')] : [])]),
    );
    const { rows, quarantined } = await readObject(`${lines.join('\n')}\n`);
    expect({ rows: rows.map(([id]) => id), quarantined }).toEqual({ rows: ['a', 'b'], quarantined: [] });
  });
});
