/** Objects that begin in the middle of a record, as rotated files do: what it holds is no record, and none of it goes. */
import { describe, expect, test } from 'vitest';
import { decisionOf, readObject } from './read.ts';

const json = JSON.stringify;
const nested = { decision_id: 'nested', labels: {}, timestamp: '2026-11-28T10:00:00Z' };
/** A decision about what looks like decisions, as a value, in a list, and as text. */
const record = decisionOf('lost', {
  before: nested,
  list: ['a', nested, json(nested), 1, [json(nested)]],
  text: json(nested),
  user: 'alice',
});
const after = json(decisionOf('after'));

function placesOf(part: string, text: string): number[] {
  const places: number[] = [];
  for (let at = text.indexOf(part); at >= 0; at = text.indexOf(part, at + 1)) places.push(at);
  return places;
}
const isLast = (i: number, all: readonly unknown[]): boolean => i === all.length - 1;

describe('of a record in pieces', () => {
  const pieceForms: Readonly<Record<string, (pieces: readonly string[]) => string[]>> = {
    'raw files of containerd': (pieces) =>
      pieces.map((piece, i) => `2026-11-28T10:00:00.1Z stderr ${isLast(i, pieces) ? 'F' : 'P'} ${piece}`),
    "Docker's files": (pieces) =>
      pieces.map((piece, i) => json({ log: isLast(i, pieces) ? `${piece}\n` : piece, stream: 'stderr' })),
    Fargate: (pieces) => pieces.map((log) => json({ log, container_name: 'c' })),
  };
  // Inside of the list, or behind the value: what looks like a record stands at the end of the piece.
  const text = json(record);
  const starts = [text.indexOf('"decision_id"'), text.indexOf('"input"'), text.indexOf('"list"'), text.indexOf('"a",')];
  const ends = [json(nested), json(json(nested)), json(record.input)].flatMap((value) =>
    placesOf(value, text).map((at) => at + value.length),
  );

  test.each(Object.entries(pieceForms))('%s', async (_, form) => {
    let tried = 0;
    for (const start of starts) {
      for (const end of ends.filter((end) => end > start)) {
        const lines = [...form([text.slice(start, end), text.slice(end)]), ...form([after])];
        const { rows, quarantined, skipped } = await readObject(`${lines.join('\n')}\n`);
        expect({ piece: text.slice(start, end), ids: rows.map(([id]) => id), skipped }).toEqual({
          ...{ piece: text.slice(start, end), ids: ['after'], skipped: [] },
        });
        expect(quarantined).toEqual(['incomplete_record', 'incomplete_record']);
        tried++;
      }
    }
    expect(tried).toBeGreaterThan(15);
  });

  test('a value that is a piece by itself is no envelope, where its tag says that more follows', async () => {
    const lines = [json({ a: nested }), ',"result":true}'].map(
      (piece, i) => `2026-11-28T10:00:00.1Z stderr ${i === 0 ? 'P' : 'F'} ${piece}`,
    );
    const { rows, quarantined } = await readObject([...lines, after].join('\n'));
    expect(rows.map(([id]) => id)).toEqual(['after']);
    expect(quarantined).toEqual(['incomplete_record', 'incomplete_record']);
  });
});

describe('of a printed record', () => {
  const lineForms: Readonly<Record<string, (line: string) => string>> = {
    "Docker's files": (line) => json({ log: `${line}\n`, stream: 'stderr' }),
    'raw files of containerd': (line) => `2026-11-28T10:00:00.1Z stderr F ${line}`,
    Vector: (message) => json({ message, container_id: 'c' }),
  };
  const lines = json(record, null, 2).split('\n');
  const outside = lines.findIndex((line) => line.includes('"before"'));

  test.each(Object.entries(lineForms))('%s', async (_, form) => {
    for (let start = 1; start <= outside; start++) {
      const object = [...lines.slice(start), after].map(form).join('\n');
      const { rows, quarantined, skipped } = await readObject(`${object}\n`);
      expect({ start, ids: rows.map(([id]) => id), skipped }).toEqual({ start, ids: ['after'], skipped: [] });
      expect(quarantined.every((code) => code === 'incomplete_record')).toBe(true);
      expect(quarantined.length).toBeGreaterThanOrEqual(lines.length - start);
    }
  });
});

describe('of a decision without its marks, what it was asked and answered is no record', () => {
  const inside = { x: nested, log: json(nested), records: [nested], event: { line: json(nested) } };
  const whole = { timestamp: '2026-11-28T10:00:00Z', path: 'a/b', input: inside, result: inside, custom: inside };
  const wraps: Readonly<Record<string, (record: object) => unknown>> = {
    bare: (record) => record,
    Docker: (record) => ({ log: `${json(record)}\n`, stream: 'stderr' }),
    Splunk: (event) => ({ event }),
    'a member of any name': (message) => ({ a: { b: message } }),
    CloudWatch: (record) => ({ logEvents: [{ id: '1', timestamp: 1, message: json(record) }] }),
  };
  test.each(Object.entries(wraps))('%s', async (_, wrap) => {
    const { timestamp, path, input, result, custom } = whole;
    for (const record of [whole, { path, input }, { input }, { path, result, custom }, { timestamp, input, result }]) {
      const { rows } = await readObject(`${json(wrap(record))}\n${json(wrap(decisionOf('after')))}\n`);
      expect({ record, ids: rows.map(([id]) => id) }).toEqual({ record, ids: ['after'] });
    }
  });

  test('but the result of a search holds one', async () => {
    const { rows } = await readObject(json({ preview: false, offset: 0, result: { _raw: json(decisionOf('d')) } }));
    expect(rows.map(([id]) => id)).toEqual(['d']);
  });
});

test('a broken object in front of log lines with prefixes costs no record', async () => {
  const prefix = '2026-01-01T00:00:00.000000+0000 | 7 | opal_client.engine.logger | INFO | Decision Log ';
  const ids = ['a', 'b', 'c'];
  const lines = ['{"a":', ...ids.map((id) => prefix + json(decisionOf(id)))];
  const { rows, quarantined } = await readObject(`${lines.join('\n')}\n`);
  expect({ ids: rows.map(([id]) => id), quarantined }).toEqual({ ids, quarantined: ['malformed_json'] });
});

test('records behind a text over several lines are never only its prefix', async () => {
  const lines = ['{"a": [', ...['a', 'b'].map((id) => `2026 opa | ${json(decisionOf(id))}`)];
  const { rows, quarantined } = await readObject(lines.join('\n'));
  expect(rows.length + quarantined.length).toBeGreaterThan(0);
  for (const [id] of rows) expect(['a', 'b']).toContain(id);
  expect(rows.length === 2 || quarantined.length > 0).toBe(true);
});
