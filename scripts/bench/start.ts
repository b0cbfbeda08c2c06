/**
 * What a start costs: CPU seconds of --help, query and a backfill of one small object into a new warehouse, launcher included, for
 * this checkout, for the bundle of it, and for Node.js alone. The programs take turns, so that what else the machine does meets all
 * of them alike. Prints Markdown.
 */
import { execFileSync } from 'node:child_process';
import { rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Command } from 'commander';
import { count, generate, installedBinary, machine, markdown, root, spread, workFolder } from './lib/measured.ts';

interface Options {
  readonly runs: number;
  readonly folder: string;
}

const commands = {
  '--help': ['--help'],
  query: ['query', '--sql', 'SELECT count(*) FROM opa_decisions'],
  'backfill of one object': ['backfill', '--set', 'warehouse=./new'],
  'the same on one thread': ['backfill', '--set', 'warehouse=./new', '--set', 'batch.threads=1'],
};

async function bench({ runs, folder }: Options): Promise<void> {
  const work = workFolder(folder);
  await generate(join(work, 'logs'), 100, {});
  const config = { warehouse: './warehouse', sources: [{ name: 'bench', type: 'opa', location: './logs' }] };
  writeFileSync(join(work, 'audit-warehouse.yaml'), JSON.stringify(config));
  const programs = { checkout: join(root, 'bin/audit-warehouse'), bundle: installedBinary() };
  execFileSync(programs.checkout, ['backfill'], { cwd: work, stdio: 'ignore' });

  const rows: string[][] = [];
  for (const [name, args] of Object.entries(commands)) {
    const seconds = { node: [] as number[], checkout: [] as number[], bundle: [] as number[] };
    for (let run = 0; run <= runs; run++) {
      const taken = {
        node: cpuSeconds(work, [process.execPath, '-e', '0']),
        checkout: cpuSeconds(work, [programs.checkout, ...args]),
        bundle: cpuSeconds(work, [programs.bundle, ...args]),
      };
      // The first one fills the cache of compiled code.
      if (run > 0) for (const key of ['node', 'checkout', 'bundle'] as const) seconds[key].push(taken[key]);
    }
    rows.push([name, ...[seconds.node, seconds.checkout, seconds.bundle].map((all) => spread(all, 2))]);
  }
  const titles = ['CPU seconds, least / median / greatest', 'Node.js alone', 'checkout', 'bundle'];
  process.stdout.write(`${machine()}; ${runs} runs of each.\n\n${markdown(titles, rows)}`);
}

/** User and system time of a command and of what it starts, as the shell counts it. Throws where it fails. */
function cpuSeconds(work: string, command: readonly string[]): number {
  rmSync(join(work, 'new'), { recursive: true, force: true });
  const script = '"$@" >/dev/null 2>&1 || exit; times';
  const printed = execFileSync('sh', ['-c', script, 'sh', ...command], { cwd: work, encoding: 'utf8' });
  const [, ofChildren] = printed.trim().split('\n');
  const times = [...ofChildren!.matchAll(/(\d+)m([\d.]+)s/g)].map(
    ([, minutes, seconds]) => 60 * Number(minutes) + Number(seconds),
  );
  return times.reduce((sum, time) => sum + time, 0);
}

await new Command('bench/start')
  .description(
    'CPU seconds of a start: --help, query and a backfill of one small object, as a checkout and as the bundle.',
  )
  .option('--runs <count>', 'runs of each', count, 9)
  .option('--folder <path>', 'where the work is kept while it runs', tmpdir())
  .action(bench)
  .parseAsync();
