import { execFileSync } from 'node:child_process';
import { lstat, mkdtemp, readdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { writeLines, writeWhole } from '../../src/commands/shared/whole-file.ts';

const folder = (): Promise<string> => mkdtemp(join(tmpdir(), 'whole-file-'));

test('a pipe is written to as it stands, and is a pipe afterwards', async () => {
  const pipe = join(await folder(), 'pipe');
  execFileSync('mkfifo', [pipe]);
  const [text] = await Promise.all([
    readFile(pipe, 'utf8'),
    writeLines(pipe, async (write) => {
      await write({ a: 1 });
      await write({ a: 2 });
    }),
  ]);
  expect(text).toBe('{"a":1}\n{"a":2}\n');
  expect((await lstat(pipe)).isFIFO()).toBe(true);
});

test('a device is written to as it stands', async () => {
  const place = await folder();
  const link = join(place, 'nothing');
  await symlink('/dev/null', link);
  await writeWhole(link, (file) => file.appendFile('text'));
  expect((await lstat('/dev/null')).isCharacterDevice()).toBe(true);
  expect((await lstat(link)).isSymbolicLink()).toBe(true);
  expect(await readdir(place)).toEqual(['nothing']);
});

test('a link goes on leading to the file, which is replaced as a whole', async () => {
  const place = await folder();
  const [file, link] = [join(place, 'of-today'), join(place, 'latest')];
  await writeFile(file, 'before');
  await symlink('of-today', link);
  const failed = writeWhole(link, async (unfinished) => {
    await unfinished.appendFile('half');
    throw new Error('broke off');
  });
  await expect(failed).rejects.toThrow('broke off');
  expect(await readFile(file, 'utf8')).toBe('before');
  await writeWhole(link, (unfinished) => unfinished.appendFile('after'));
  expect(await readFile(file, 'utf8')).toBe('after');
  expect((await lstat(link)).isSymbolicLink()).toBe(true);
  expect((await readdir(place)).sort()).toEqual(['latest', 'of-today']);
});
