/** Records that an attacker could write: each is one outcome, nothing is thrown, and the good lines around them are rows. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { RecordOutcome } from '../../src/records/outcome.ts';
import { readFrames } from '../../src/records/read-records.ts';
import { createSource } from '../../src/sources/index.ts';
import { framesOf } from '../records/frame/frames.ts';
import { anyCharacter } from '../support/any-character.ts';

const limits = { recordBytes: 1 << 20, nestingDepth: 200 };
const good = {
  opa: '{"decision_id":"good","timestamp":"2023-07-11T17:01:42Z"}',
  'okera-audit': '{"request_id":"1:2","request_time":"2020-10-30 10:05:01"}',
} as const;

async function outcomes(type: keyof typeof good, lines: readonly string[]): Promise<RecordOutcome[]> {
  const source = createSource(type, {}, limits);
  const reader = source.openObject('s3://b/k', source.describeObject('s3://b/k'));
  const frames = await framesOf([good[type], ...lines, good[type]].join('\n'), undefined, limits);
  return readFrames(reader, frames).map(({ outcome }) => outcome);
}

const deep = `${'['.repeat(10_000)}${']'.repeat(10_000)}`;

test.each(['opa', 'okera-audit'] as const)('%s: nesting of 10,000, wherever it stands', async (type) => {
  const records = [deep, `{"input":${deep}}`, good[type].replace('}', `,"new":${deep}}`), '['.repeat(10_000)];
  const [first, ...rest] = await outcomes(type, records);
  expect(first?.kind).toBe('row');
  expect(rest.pop()?.kind).toBe('row');
  expect(rest).toEqual(records.map(() => expect.objectContaining({ kind: 'quarantine', code: 'nesting_too_deep' })));
});

test('nesting inside of a container wrapper', async () => {
  const wrapped = JSON.stringify({ log: `{"input":${deep}}\n`, stream: 'stderr' });
  expect((await outcomes('opa', [wrapped]))[1]).toMatchObject({ code: 'nesting_too_deep' });
});

test.each(['opa', 'okera-audit'] as const)('%s: any line is one outcome', async (type) => {
  const names = [
    ...Object.keys(JSON.parse(good[type])),
    'labels',
    'metrics',
    'input',
    'log',
    'event',
    'msg',
    '__proto__',
  ];
  const record = fc
    .dictionary(fc.oneof(fc.constantFrom(...names), fc.string()), fc.jsonValue({ maxDepth: 3 }))
    .map((json) => JSON.stringify(json));
  const text = fc.string({ unit: anyCharacter }).map((line) => line.replaceAll(/[\n\r]/g, ' '));
  await fc.assert(
    fc.asyncProperty(fc.array(fc.oneof(record, text)), async (lines) => {
      const all = await outcomes(type, lines);
      // A text that might be a piece of a record is told with the end of the object only.
      expect(all.at(0)?.kind).toBe('row');
      expect(all.filter(({ kind }) => kind === 'row').length).toBeGreaterThanOrEqual(2);
      for (const outcome of all) expect(['row', 'quarantine', 'skip']).toContain(outcome.kind);
      const some = lines.filter((line) => !/^[ \t\0\uFEFF]*$/.test(line) && !isEmptyList(line));
      expect(all.length).toBeGreaterThanOrEqual(2 + some.length);
    }),
  );
});

/** What wraps a list of records, and none: there is nothing to tell of. */
function isEmptyList(line: string): boolean {
  try {
    const { metrics } = JSON.parse(line) as { metrics?: unknown };
    return Array.isArray(metrics) && metrics.length === 0;
  } catch {
    return false;
  }
}
