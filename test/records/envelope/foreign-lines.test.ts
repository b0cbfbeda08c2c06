/** Lines of other programs are skipped, whatever stands before them in their stream. */
import { describe, expect, test } from 'vitest';
import { readObject } from './read.ts';

const json = JSON.stringify;

const wrappers: Readonly<Record<string, (line: string) => string>> = {
  Docker: (line) => json({ log: `${line}\n`, stream: 'stdout', time: '2026-03-01T00:00:00Z' }),
  'Docker, with carriage returns': (line) => json({ log: `${line}\r\n`, stream: 'stdout' }),
  'Fluent Bit': (log) => json({ log, kubernetes: { pod_name: 'a' } }),
  containerd: (line) => `2026-03-01T00:00:00.1Z stdout F ${line}`,
};

const lines = [
  '{"kind":"Event","labels":{"a":"b"}}',
  '  {"errors":[{"labels":{}}]}',
  '{"log":"{\\"labels\\":1}"}',
  '{"x":1}{"labels":{}}',
  '{not json}',
  '{a: 1} x',
  'labels: {a}',
];

describe.each(Object.entries(wrappers))('behind a line of text: %s', (_, wrapped) => {
  test.each(lines)('%s', async (line) => {
    const { skipped, ...read } = await readObject(['Listening on 0.0.0.0:8181', line].map(wrapped).join('\n'));
    expect(read).toMatchObject({ rows: [], quarantined: [] });
    expect(skipped.length).toBeGreaterThan(1);
  });
});
