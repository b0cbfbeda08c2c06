/**
 * No record is hidden by another one: where a text holds several, each is a row, or stands in quarantine. What is around
 * a record, in `$envelope`, holds none, and a text with a record that cannot be read is not another program's line.
 */
import { describe, expect, test } from 'vitest';
import { auditMarks } from '../../../src/sources/okera-audit/marks.ts';
import { decisionMarks } from '../../../src/sources/opa/marks.ts';
import { decisionOf, readObject } from './read.ts';

const json = JSON.stringify;
const record = (id: string): string => json(decisionOf(id));
const prefix = '<134>1 2026-03-01T00:00:00Z host opa 12 - [a@1 x="y"] ';
const counted = (text: string): string => `${Buffer.byteLength(text)} ${text}`;
const inCsv = (text: string): string => `"${text.replaceAll('"', '""')}"`;
const binary = Buffer.concat([Buffer.from([0xf3, 0x89, 0x9a, 0xc2, 0]), Buffer.from(record('a'))]);

/** The text of a line, ids of the rows that become of it, and how many pieces of it go to quarantine. */
const lines: Readonly<Record<string, readonly [text: string, rows: string, quarantined: number]>> = {
  'syslog with octet counts': [['a', 'b', 'c'].map((id) => counted(prefix + record(id))).join(''), 'abc', 0],
  'each behind a prefix': [['a', 'b', 'c'].map((id) => `${prefix}${record(id)} `).join(''), 'abc', 0],
  'behind record separators': [['a', 'b'].map((id) => `\x1e${record(id)}`).join(''), 'ab', 0],
  'with other separators': [['a', 'b', 'c'].map(record).join('; '), 'abc', 0],
  'in wrappers behind a prefix': [['a', 'b'].map((id) => prefix + json({ log: record(id) })).join(' '), 'ab', 0],
  'behind one another and behind separators': [`${['a', 'b'].map(record).join('')}; ${record('c')}`, 'abc', 0],
  'in lists of lines': [
    ['a', 'b'].map((id) => prefix + json({ logEvents: [{ message: record(id) }] })).join(' '),
    'ab',
    0,
  ],
  'in lists below another member': [
    ['a', 'b'].map((id) => prefix + json({ of: { Records: [decisionOf(id)] } })).join(' '),
    'ab',
    0,
  ],
  'in lists of wrapped lines': [
    ['a', 'b'].map((id) => prefix + json({ log: json({ logEvents: [{ message: record(id) }] }) })).join(' '),
    'ab',
    0,
  ],
  'in a list of lines, and text behind': [`${prefix}${json({ of: { Records: [decisionOf('a')] } })} took 3 ms`, '', 1],
  'values of logfmt without an id': [
    `one=${json(json({ ...decisionOf(''), decision_id: 1 }))} two=${json(json({ ...decisionOf(''), decision_id: 2 }))}`,
    '',
    2,
  ],
  'columns of CSV': [['a', 'b', 'c'].map((id) => inCsv(record(id))).join(), 'abc', 0],
  'values of logfmt': [`level=info one=${json(record('a'))} two=${json(record('b'))}`, 'ab', 0],
  'the same twice': [`level=info one=${json(record('a'))} two=${json(record('a'))}`, 'a', 0],
  'and another in quotes': [`${prefix}${record('a')} same=${json(record('b'))}`, '', 1],
  'and text behind': [`${prefix}${record('a')} took 3 ms`, '', 1],
  'and other JSON behind': [`${prefix}${record('a')} {"level":"info"}`, '', 1],
  'and other JSON in front': [`${prefix}{"level":"info"} ${record('a')}`, 'a', 0],
  'one that was cut, and one': [`${record('a').slice(0, 30)}${record('b')}`, 'b', 1],
  'one that was cut behind a prefix, and one': [`${prefix}${record('a').slice(0, 30)}${prefix}${record('b')}`, '', 1],
  'behind more braces than are looked at': [`${prefix}${'{} '.repeat(40)}${record('a')}`, '', 1],
  'in a list behind a prefix': [`${prefix}[${record('a')},${record('b')}]`, '', 1],
  'at the end of a piece of another one': [`"c":1},"d":${record('a')},"e":${record('b')}}`, '', 1],
};

describe.each([
  ['bare', (text: string) => text],
  ['of Docker', (log: string) => json({ log: `${log}\n`, stream: 'stdout', time: '2026-03-01T00:00:00Z' })],
  ['of containerd', (text: string) => `2026-03-01T00:00:00.1Z stdout F ${text}`],
])('records in one line, %s', (_, wrapped) => {
  test.each(Object.entries(lines))('%s', async (_name, [text, rows, quarantined]) => {
    const read = await readObject(`${wrapped(text)}\n`);
    expect(read.rows.map(([id]) => id).join('')).toBe(rows);
    expect(read.quarantined).toHaveLength(quarantined);
    expect(read.skipped).toEqual([]);
  });
});

test.each([
  ['columns of CSV', inCsv(record('a')), inCsv(record('b')), ','],
  ['values of logfmt', `level=info a=${json(record('a'))}`, `b=${json(record('b'))}`, ' '],
  ['members of any name', `{"a":${json(record('a'))}`, `"b":${record('b')}}`, ','],
  ['behind separators', record('a'), record('b'), '; '],
])('each has a place of its own in the object: %s', async (_, first, second, between) => {
  const { offsets } = await readObject(`\n${first}${between}${second}\n`);
  expect(offsets).toHaveLength(2);
  const middle = first.length + 1;
  expect(offsets.map((offset) => offset >= middle)).toEqual([false, true]);
});

test("base64 of bytes that are no text, with a record among them, is not another program's line", async () => {
  const line = json({ Records: [{ kinesis: { data: binary.toString('base64') }, eventSource: 'aws:kinesis' }] });
  expect(await readObject(line)).toMatchObject({ rows: [], quarantined: ['malformed_json'] });
});

test.each([
  ['GELF', { short_message: record('a').slice(0, 60), full_message: record('a') }],
  ['members of any names', { whole: record('a'), head: record('a').slice(0, 60) }],
])('the beginning of a record beside the whole one is not a piece of another: %s', async (_, envelope) => {
  expect(await readObject(json(envelope))).toMatchObject({
    rows: [[expect.anything(), expect.anything()]],
    quarantined: [],
  });
});

test.each([
  ['a member with a line of its own', { message: 'hello', text: `INFO x - ${json(record('a'))}` }],
  ['a member of any name beside a line', { log: 'hello', cited: json(json(record('a'))) }],
  ['the same in a wrapper', { log: json({ message: 'hello', text: `INFO x - ${json(record('a'))}` }) }],
])('a text that cites a record is not hidden by another line: %s', async (_, envelope) => {
  expect(await readObject(json(envelope))).toMatchObject({ rows: [], quarantined: ['malformed_json'], skipped: [] });
});

test('what looks like an action of a bulk request may be around a record', async () => {
  const bodies = [{ create: decisionOf('a') }, { index: { _id: '1' } }, { index: { doc: record('b') } }];
  const { rows, skipped, quarantined } = await readObject(bodies.map((one) => json(one)).join('\n'));
  expect(rows.map(([id]) => id)).toEqual(['a', 'b']);
  expect([skipped, quarantined]).toEqual([['foreign-line'], []]);
});

test.each([decisionMarks, auditMarks])('the key that tells a text with a record is a hint', ({ tellingKey, hints }) => {
  expect(hints).toContain(tellingKey);
});
