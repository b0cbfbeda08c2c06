/** Running the binary, and others, as measured processes; what the benchmark scripts share. */
import { execFileSync, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism, cpus, tmpdir, totalmem } from 'node:os';
import { join, resolve } from 'node:path';
import { InvalidArgumentError, Option } from 'commander';
import type { ResourceUsage } from '../resource-usage.ts';

export const root = resolve(import.meta.dirname, '../../..');

export interface Input {
  readonly records: number;
  readonly objects: number;
  /** Stored. */
  readonly bytes: number;
  readonly folder: string;
}

export interface Measurement {
  /** Of the process, its start included. */
  readonly seconds: number;
  readonly cpuSeconds: number;
  readonly peakRssBytes: number;
}

export interface MeasuredBackfill extends Measurement {
  readonly recordsRead: number;
  readonly decompressedBytes: number;
  readonly writtenBytes: number;
  /** Records that were read on the reference path. */
  readonly fallbacks: number;
}

/** `options` are those of scripts/generate. */
export async function generate(
  folder: string,
  records: number,
  options: Readonly<Record<string, string | number>>,
  flags: readonly string[] = [],
): Promise<Input> {
  const args = Object.entries({ records, ...options }).flatMap(([name, value]) => [`--${name}`, String(value)]);
  const { stdout } = await run(join(root, 'scripts/generate'), [folder, ...args, ...flags]);
  const { objects, bytes } = JSON.parse(stdout);
  return { records, objects, bytes, folder };
}

/**
 * One backfill of a configuration, from a folder of its own in `work` that is gone afterwards. Throws where it did not
 * read all of `records`: a benchmark of work that was not done is worth nothing.
 */
export async function measureBackfill(
  work: string,
  config: object,
  records: number,
  { settings = [], env = {} }: { readonly settings?: readonly string[]; readonly env?: NodeJS.ProcessEnv } = {},
): Promise<MeasuredBackfill> {
  const folder = mkdtempSync(join(work, 'run-'));
  // JSON is YAML.
  writeFileSync(join(folder, 'audit-warehouse.yaml'), JSON.stringify(config));
  const args = [...settings.flatMap((setting) => ['--set', setting]), 'backfill', '--json', '--log-level', 'warn'];
  const { stdout, ...measurement } = await measureBinary(folder, args, { env });
  const report = JSON.parse(stdout);
  const { read, rows, quarantined } = report.records;
  if (read < records || rows + quarantined !== read)
    throw new Error(`${records} records were generated, but the report says ${JSON.stringify(report.records)}`);
  rmSync(folder, { recursive: true });
  return {
    ...measurement,
    recordsRead: read,
    decompressedBytes: report.bytes.decompressed,
    writtenBytes: report.bytes.written,
    fallbacks: report.doubted,
  };
}

let installed: string | undefined;

/** The program of the package as an installation has it, which is measured: made for this process, and gone with it. */
export function installedBinary(): string {
  installed ??= execFileSync(join(root, 'scripts/bench/lib/package'), [workFolder(tmpdir())], {
    encoding: 'utf8',
  }).trim();
  return installed;
}

/** One run of the installed binary in a folder; several may run there at a time. Throws where it does not end with 0. */
export async function measureBinary(
  cwd: string,
  args: readonly string[],
  { env = {}, input = '' }: { readonly env?: NodeJS.ProcessEnv; readonly input?: string } = {},
): Promise<Measurement & { readonly stdout: string }> {
  const usage = join(cwd, `usage-${randomUUID()}.json`);
  const preload = `--import=${join(root, 'scripts/bench/resource-usage.ts')}`;
  const options = `${process.env.NODE_OPTIONS ?? ''} ${preload}`;
  const binary = installedBinary();
  const started = performance.now();
  const { stdout } = await run(binary, args, {
    cwd,
    env: { ...process.env, ...env, BENCH_RESOURCE_USAGE: usage, NODE_OPTIONS: options },
    input,
  });
  const seconds = (performance.now() - started) / 1000;
  const { userCPUTime, systemCPUTime, maxRSS } = JSON.parse(readFileSync(usage, 'utf8')) as ResourceUsage;
  rmSync(usage);
  return { seconds, cpuSeconds: (userCPUTime + systemCPUTime) / 1e6, peakRssBytes: maxRSS * 1024, stdout };
}

/** Resolves with what it prints, where it ends with 0. */
export function run(
  command: string,
  args: readonly string[],
  { input = '', ...options }: { cwd?: string; env?: NodeJS.ProcessEnv; input?: string } = {},
): Promise<{ stdout: string }> {
  return new Promise((done, reject) => {
    const child = spawn(command, args, { ...options, stdio: ['pipe', 'pipe', 'inherit'] });
    // What does not read it to its end says by its exit code whether that is a fault.
    child.stdin.on('error', () => {});
    child.stdin.end(input);
    let stdout = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      stdout += text;
    });
    child.on('error', reject);
    child.on('close', (code, signal) => {
      if (code === 0) done({ stdout });
      else reject(new Error(`${command} ended with ${code ?? signal}: ${stdout.slice(0, 2000)}`));
    });
  });
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

/** Least / median / greatest. */
export const spread = (values: readonly number[], digits: number): string =>
  [Math.min(...values), median(values), Math.max(...values)].map((value) => formatNumber(value, digits)).join(' / ');

export const formatNumber = (value: number, digits: number): string =>
  value.toLocaleString('en-US', { minimumFractionDigits: digits, maximumFractionDigits: digits });

export const markdown = (titles: readonly string[], rows: readonly (readonly string[])[]): string =>
  [titles, titles.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |\n`).join('');

export const machine = (): string =>
  `${cpus()[0]?.model.trim() ?? 'unknown CPU'}, ${availableParallelism()} threads, ${Math.round(totalmem() / 1e9)} GB, Node ${process.version}`;

export const note = (text: string): void => void process.stderr.write(`bench: ${text}\n`);

/** Such as 100k and 5m. */
export const count = (text: string): number => {
  const value = Number(text.replaceAll(/[_,]/g, '').replace(/k$/i, '000').replace(/m$/i, '000000'));
  if (!(value >= 0)) throw new InvalidArgumentError('not a number above or equal to 0');
  return value;
};

/** A list of sizes, as commander gathers them. */
export const counts = (text: string, all: readonly number[] | undefined): number[] => [...(all ?? []), count(text)];

/** `--set` of the binary, handed on. */
export const settingsOption = (): Option =>
  new Option('--set <key=value>', 'a setting of the configuration, may be repeated')
    .argParser((text: string, all: readonly string[]) => [...all, text])
    .default([]);

/** A folder for this process alone, which is gone with it. */
export function workFolder(parent: string): string {
  const work = mkdtempSync(join(parent, 'audit-warehouse-bench-'));
  process.on('exit', () => rmSync(work, { recursive: true, force: true }));
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => process.exit(1));
  return work;
}

/**
 * Serves `folder` by the S3 of the benchmarks (distant-s3.ts) and gives its address. The server is a process of its own,
 * so that its time is not taken for that of anybody else.
 */
export async function serveDistantS3(folder: string, latency: number): Promise<string> {
  const args = [join(root, 'scripts/bench/lib/distant-s3.ts'), folder, String(latency)];
  const server = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  process.on('exit', () => void server.kill());
  const port = await new Promise<string>((resolve, reject) => {
    server.stdout.setEncoding('utf8').once('data', (text: string) => resolve(text.trim()));
    server.once('exit', () => reject(new Error('the S3 of the benchmark did not start')));
  });
  return `http://127.0.0.1:${port}`;
}
