import { describe, expect, test } from 'vitest';
import { configuredSource } from '../../src/sources/index.ts';
import type { Selection } from '../../src/sources/selection.ts';

const limits = { recordBytes: 1 << 20, nestingDepth: 100 };
const location = 's3://logs/opa/';

function factsOf(key: string, selection: Partial<Selection> = {}) {
  const config = { name: 'a', type: 'opa' as const, location, columns: {}, ...selection };
  return configuredSource(config, limits).describeObject(`${config.location}${key}`);
}
const read = (key: string, selection?: Partial<Selection>) => factsOf(key, selection).relevant;

describe('include and exclude', () => {
  const include = ['**/*.log.gz'];

  test('match the whole key below the location', () => {
    expect(['a.log.gz', 'x/y/a.log.gz', '.x/a.log.gz'].map((key) => read(key, { include }))).toEqual([
      true,
      true,
      true,
    ]);
    expect(['a.log', 'a.log.gz/b', 'xa.log.gzip'].map((key) => read(key, { include }))).toEqual([false, false, false]);
    expect(read('a.gz', { include: ['*.gz'] })).toBe(true);
    expect(read('x/a.gz', { include: ['*.gz'] })).toBe(false);
    expect(read('x/a.gz', { include: ['opa/**'] })).toBe(false);
  });

  test('exclude is stronger than include, and says so', () => {
    const selection = { include: ['prod/**', 'dev/**'], exclude: ['**/debug-*'] };
    expect(read('prod/a', selection)).toBe(true);
    expect(factsOf('dev/debug-1', selection)).toMatchObject({ relevant: false, leftOut: 'excluded' });
    expect(factsOf('test/a', selection)).toMatchObject({ relevant: false, leftOut: 'excluded' });
  });

  test('braces and classes are as usual, an exclamation mark is a character', () => {
    const selection = { include: ['{a,b}/[0-9]*.json'] };
    expect(['a/1.json', 'b/22.json', 'c/1.json', 'a/x.json'].map((key) => read(key, selection))).toEqual([
      true,
      true,
      false,
      false,
    ]);
  });

  test('keys are an outsider’s: line feeds, and what a glob is made of', () => {
    expect(read('x\ny/a\n.log.gz', { include })).toBe(true);
    expect(read('x\n/a.log.gz\n', { include })).toBe(false);
    expect(read('**/[x].log.gz', { exclude: ['a.log.gz'] })).toBe(true);
  });

  test('facts of the key stay', () => {
    const key = 'eopa=e/first_ts=1689094900/last_ts=1689094902/batch_id=u.jsonl';
    expect(factsOf(key, { include: ['eopa=*/**'] })).toEqual({
      relevant: true,
      range: [1_689_094_900_000, 1_689_094_902_999],
      columns: { eopa: 'e', first_ts: 1_689_094_900n, last_ts: 1_689_094_902n },
    });
  });
});

describe('what other tools leave beside logs', () => {
  test.each([
    '_temporary/0/part-0.gz',
    'x/_temporary/attempt/a.log',
    'processing-failed/2026/11/28/a',
    'y/format-conversion-failed/a.gz',
    '_spark_metadata/0',
    '_SUCCESS',
    'x/_started_1',
    '.hidden',
    'a.log.tmp',
    'a.log.gz.crc',
    'a.log.gz.md5',
    'a.log.gz.SHA256',
    'manifest.json',
    'x/manifest',
    'x/batch-1.manifest',
    'aws-logs-write-test',
    'folder/',
  ])('%s is skipped and counted, whatever include says', (key) => {
    expect(factsOf(key)).toMatchObject({ relevant: false, leftOut: 'leftover' });
    expect(factsOf(key, { include: ['**'] })).toMatchObject({ relevant: false, leftOut: 'leftover' });
  });

  test.each(['manifest-service.log', 'x/tmp/a.log', 'failed/a.log', 'md5/a', 'a.manifest.log', 'my_temporary/a'])(
    '%s is a log like any other',
    (key) => {
      expect(read(key)).toBe(true);
    },
  );

  test('is read where it is the location', () => {
    expect(read('2026/a', { location: 's3://logs/processing-failed/' })).toBe(true);
    expect(read('', { location: 's3://logs/x/_a.tmp' })).toBe(true);
  });
});
