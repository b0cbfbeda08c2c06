import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestProject } from 'vitest/node';

/**
 * One rig for one run of the tests: a folder that its engines run from, started by the first test that needs one
 * (rig.ts), ended here. With RIG_RUN set, the stack of that folder is used and left running: for many short runs while
 * developing. What is missing on this machine is found out here, and said at the end of the run.
 */
export interface RigSetup {
  /** RIG_RUN of scripts/rig/stack. */
  readonly run: string;
  /** The process with which the engines end: vitest itself. None where the rig was running before. */
  readonly owner: number | undefined;
  /** Parts of the rig that cannot be used, with the reason. */
  readonly missing: Readonly<Record<string, string>>;
  readonly forbidSkipping: boolean;
}

declare module 'vitest' {
  interface ProvidedContext {
    rig: RigSetup;
  }
}

const stack = join(import.meta.dirname, '../../scripts/rig/stack');

export default function setup(project: TestProject): () => void {
  const running = process.env.RIG_RUN;
  const run = running ?? mkdtempSync(join(tmpdir(), 'audit-warehouse-rig-'));
  const check = spawnSync(stack, ['check'], { encoding: 'utf8', env: { ...process.env, RIG_RUN: run } });
  const lines = (check.stdout ?? '').trim().split('\n').filter(Boolean);
  const missing = Object.fromEntries(lines.map((line) => line.split(/: (.*)/s).slice(0, 2)));
  const forbidSkipping = process.env.AUDIT_WAREHOUSE_SKIP === 'forbid';
  project.provide('rig', { run, owner: running === undefined ? process.pid : undefined, missing, forbidSkipping });
  return () => {
    const skipped = join(run, 'skipped');
    if (existsSync(skipped)) {
      for (const line of new Set(readFileSync(skipped, 'utf8').trim().split('\n'))) console.error(`SKIPPED: ${line}`);
      rmSync(skipped);
    }
    if (running !== undefined) return;
    spawnSync(stack, ['down'], { stdio: ['ignore', 'inherit', 'inherit'], env: { ...process.env, RIG_RUN: run } });
    rmSync(run, { recursive: true, force: true });
  };
}
