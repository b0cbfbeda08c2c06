import { execFileSync } from 'node:child_process';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { cli, temporaryFolder } from '../support/cli.ts';

const { folder, remove } = temporaryFolder();
afterAll(remove);
const scriptFor = async (shell: string): Promise<string> => (await cli(['completion', shell], { cwd: folder })).stdout;

describe('bash', () => {
  let script = '';
  beforeAll(async () => {
    script = await scriptFor('bash');
  });

  /** What bash offers for the last of these words. */
  const offered = (...words: string[]): string[] => {
    const given = words.map((word) => `'${word}'`).join(' ');
    const run = `${script}\nCOMP_WORDS=(audit-warehouse ${given}); COMP_CWORD=${words.length}; _audit_warehouse; printf '%s\\n' "\${COMPREPLY[@]}"`;
    return execFileSync('/bin/bash', ['--norc', '-c', run], { encoding: 'utf8' }).split('\n').filter(Boolean);
  };

  test('is offered commands, options, their values and questions', () => {
    expect(offered('inv')).toEqual(['investigate']);
    expect(offered('query', 'subject-a')).toEqual(['subject-activity']);
    expect(offered('query', 'decisions', '--for')).toEqual(['--format']);
    expect(offered('query', 'decisions', '--format', 'json')).toEqual(['json', 'jsonl']);
    expect(offered('backfill', '--log-l')).toEqual(['--log-level']);
    expect(offered('job', 'plan', '--ma')).toEqual(['--manifest']);
    expect(offered('completion', 'z')).toEqual(['zsh']);
    expect(offered('query', '--par')).toEqual([]);
  });

  test('is offered files, and no commands and options, where an option takes a value', () => {
    expect(offered('--config', '')).toEqual([]);
    expect(offered('report', '--output', '')).toEqual([]);
    expect(offered('job', 'plan', '--manifest', '')).toEqual([]);
    expect(offered('--color', '')).toEqual(['auto', 'always', 'never']);
    expect(offered('doctor', '--policy', '')).toContain('--json');
  });
});

test('zsh and fish get every command, and another shell is refused', async () => {
  const { stdout: help } = await cli(['--help'], { cwd: folder });
  const commands = [...help.slice(help.indexOf('Commands:')).matchAll(/^ {2}([a-z]+) /gm)]
    .map(([, name]) => name!)
    .filter((name) => name !== 'help');
  const [zsh, fish] = [await scriptFor('zsh'), await scriptFor('fish')];
  for (const name of commands) {
    expect(zsh).toContain(`    ${name}) compadd -- `);
    expect(fish).toContain(` -a ${name} -d '`);
  }
  expect((await cli(['completion', 'csh'], { cwd: folder })).code).toBe(2);
});
