/**
 * Preloaded into a process to be measured (node --import): at its end its own CPU time and peak memory, all of its
 * threads included, go to the file that BENCH_RESOURCE_USAGE names. The same on every system, unlike /usr/bin/time.
 */
import { writeFileSync } from 'node:fs';
import { isMainThread } from 'node:worker_threads';

export interface ResourceUsage {
  /** Microseconds. */
  readonly userCPUTime: number;
  readonly systemCPUTime: number;
  /** KiB. */
  readonly maxRSS: number;
}

const path = process.env.BENCH_RESOURCE_USAGE;
if (isMainThread && path !== undefined) {
  process.on('exit', () => writeFileSync(path, JSON.stringify(process.resourceUsage())));
}
