import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { canonical, isWithin } from '../../src/store/places.ts';

describe('one place', () => {
  test.each([
    ['s3a://bucket/a//b', 's3://bucket/a//b'],
    ['s3n://bucket/a', 's3://bucket/a'],
    ['file:/tmp/a', 'file:///tmp/a'],
    ['file:///tmp//a/', 'file:///tmp/a/'],
    ['/tmp/a', 'file:///tmp/a'],
    ['memory://x/a', 'memory://x/a'],
    ['abfss://container@account/a', 'abfss://container@account/a'],
    ['relative/path', 'relative/path'],
  ])('%s is compared as %s', (uri, expected) => {
    expect(canonical(uri)).toBe(expected);
  });

  test.each([
    ['s3://bucket/wh/table', 's3://bucket/wh', true],
    ['s3a://bucket/wh/table/', 's3://bucket/wh/', true],
    ['s3://bucket/wh', 's3://bucket/wh/', true],
    ['s3://bucket/wh2/table', 's3://bucket/wh', false],
    ['s3://bucket2/wh/table', 's3://bucket/wh', false],
    ['file:/data/wh/table', 'file:///data/wh', true],
    ['/data/wh/table', 'file:///data/wh', true],
    ['file:///data/wh-copy/table', 'file:///data/wh', false],
    ['s3://data/wh/table', 'file:///data/wh', false],
  ])('%s within %s: %s', (uri, folder, expected) => {
    expect(isWithin(uri, folder)).toBe(expected);
  });
});

describe('folders by symbolic links', () => {
  let root: string;
  beforeAll(() => {
    root = mkdtempSync(join(tmpdir(), 'aw-places-'));
    mkdirSync(join(root, 'real/wh'), { recursive: true });
    mkdirSync(join(root, 'copy/wh'), { recursive: true });
    writeFileSync(join(root, 'real/wh/file'), 'x');
    symlinkSync(join(root, 'real'), join(root, 'link'));
  });
  afterAll(() => rmSync(root, { recursive: true, force: true }));

  test('are the folder that they lead to, as far as there is one', () => {
    const [real, link, copy] = ['real', 'link', 'copy'].map((name) => `file://${root}/${name}/wh`) as [
      string,
      string,
      string,
    ];
    expect(isWithin(`${link}/file`, real)).toBe(true);
    expect(isWithin(`${real}/file`, link)).toBe(true);
    expect(isWithin(`${link}/not/there/yet`, real)).toBe(true);
    expect(isWithin(`${link}/file`, copy)).toBe(false);
    expect(isWithin(`${real}/file`, copy)).toBe(false);
    expect(isWithin(`file://${root}/link/wh2/file`, real)).toBe(false);
  });
});
