/**
 * A record that has lost its beginning or its end, or that cannot be told from the text around it, stands in quarantine,
 * whatever the shipper calls the member that it is in, and also where whole records have come in that member before.
 */
import { describe, expect, test } from 'vitest';
import { cut, decisionOf, large, readObject } from './read.ts';

const json = JSON.stringify;
const time = '2026-03-01T00:00:00.1Z';
const record = json(decisionOf('b'));

const wrappers: Readonly<Record<string, (line: string) => string>> = {
  Docker: (line) => json({ log: `${line}\n`, stream: 'stdout', time }),
  containerd: (line) => `${time} stdout F ${line}`,
  'Fluent Bit': (log) => json({ log, kubernetes: { pod_name: 'a' } }),
  Vector: (message) => json({ message, host: 'h' }),
  'CloudWatch Logs': (message) => json({ logEvents: [{ id: '1', message }] }),
  OpenTelemetry: (text) => json({ resourceLogs: [{ scopeLogs: [{ logRecords: [{ body: { stringValue: text } }] }] }] }),
  Elasticsearch: (message) => json({ _source: { message } }),
  Loki: (line) => json({ streams: [{ stream: { app: 'opa' }, values: [['1', line]] }] }),
  LogDNA: (line) => json({ lines: [{ line }] }),
  'CloudWatch Logs Insights': (value) => json({ results: [[{ field: '@message', value }]] }),
  'Sumo Logic': (_raw) => json({ messages: [{ map: { _raw } }] }),
  'New Relic': (message) => json([{ logs: [{ message }] }]),
  'Log Analytics': (line) => json({ tables: [{ rows: [[time, line]] }] }),
  DynamoDB: (S) => json({ Item: { doc: { S } } }),
  'rows of texts': (line) => json({ rows: [[line]] }),
  'a list of texts': (line) => json({ of: [line] }),
};

const damaged: Readonly<Record<string, string>> = {
  'without its end': record.slice(0, -20),
  'without its beginning': record.slice(20),
  'without both': record.slice(20, -20),
  'of which only the beginning is there': record.slice(0, 40),
  'cited by another line': `INFO x - ${json(record)}`,
  'with text behind': `${record} took 3 ms`,
  'in quotes in quotes': json(json(record)),
  'with a broken value': record.replace('"a/b"', 'b'),
};

describe.each(Object.entries(wrappers))('%s', (_, wrapped) => {
  test.each(Object.entries(damaged))('a record %s', async (_name, text) => {
    const whole = wrapped(json(decisionOf('a')));
    for (const before of [[], [whole], [whole, whole]]) {
      const { rows, quarantined } = await readObject([...before, wrapped(text)].join('\n'));
      expect(rows.filter(([id]) => id === 'a')).toHaveLength(before.length);
      expect(rows.filter(([id]) => id === 'b').length + quarantined.length).toBe(1);
    }
  });
});

test.each([
  ['printed over many lines', json(decisionOf('b'), null, 2).split('\n')],
  ['in pieces without a mark', cut(json(large('b')), 10_000)],
])('lines with their times, of a record %s, are all in quarantine', async (_, lines) => {
  const listed = (texts: readonly string[]) => json({ streams: [{ values: texts.map((text) => [time, text]) }] });
  const each = lines.map(() => 'incomplete_record');
  expect(await readObject(listed(lines))).toMatchObject({ rows: [], quarantined: each, skipped: [] });
  const { rows, quarantined, skipped } = await readObject(listed([json(decisionOf('a')), ...lines]));
  expect([rows.map(([id]) => id), quarantined, skipped]).toEqual([['a'], each, ['foreign-text']]);
});
