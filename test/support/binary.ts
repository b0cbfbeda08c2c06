/**
 * The binary as a child process that a test can watch and kill: through the launcher, in a folder of its own, with a
 * clean environment. Starting is all that differs from `cli` of test/commands, which waits for the end.
 */
import { spawn } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { BackfillReport } from '../../src/jobs/backfill/report.ts';
import { binary, type RunResult } from './cli.ts';

export interface Run extends RunResult {
  /** What ended it, where a signal did. */
  readonly signal: NodeJS.Signals | null;
}

export interface Started {
  readonly done: Promise<Run>;
  kill(signal: NodeJS.Signals): void;
}

export interface StartOptions {
  readonly cwd: string;
  readonly env?: Readonly<Record<string, string>>;
  /** Hears of each line on stderr. */
  readonly onLine?: (line: string) => void;
  /** Hears of each line on stdout. */
  readonly onOutput?: (line: string) => void;
}

export function start(args: readonly string[], { cwd, env = {}, onLine, onOutput }: StartOptions): Started {
  const { PATH = '', HOME = '' } = process.env;
  const child = spawn(binary, args, { cwd, env: { PATH, HOME, ...env }, stdio: ['ignore', 'pipe', 'pipe'] });
  let [stdout, stderr, line] = ['', '', ''];
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    const lines = `${stdout.slice(stdout.lastIndexOf('\n') + 1)}${text}`.split('\n').slice(0, -1);
    stdout += text;
    if (onOutput) lines.forEach(onOutput);
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
    const lines = `${line}${text}`.split('\n');
    line = lines.pop() ?? '';
    if (onLine) lines.forEach(onLine);
  });
  const done = new Promise<Run>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code, signal) => resolve({ code, signal, stdout, stderr }));
  });
  return { done, kill: (signal) => child.kill(signal) };
}

export interface Backfilled extends Run {
  readonly report: BackfillReport;
}

/** `backfill --json` to its end. Throws with what it said where it printed no report. */
export async function backfill(place: Place, ...args: string[]): Promise<Backfilled> {
  const run = await start(['backfill', '--json', ...args], place).done;
  if (run.stdout === '') throw new Error(`backfill ended with ${run.code ?? run.signal}:\n${run.stderr}`);
  return { ...run, report: JSON.parse(run.stdout) as BackfillReport };
}

/** Where a configuration lies, and what the binary needs in its environment there. */
export interface Place {
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
}

/** Writes `config` as the configuration of a folder, which is made where missing. */
export function configure(folder: string, config: unknown, env: Readonly<Record<string, string>> = {}): Place {
  mkdirSync(folder, { recursive: true });
  // JSON is YAML.
  writeFileSync(join(folder, 'audit-warehouse.yaml'), JSON.stringify(config, null, 2));
  return { cwd: folder, env };
}
