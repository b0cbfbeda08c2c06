/** The worker as a child process: worked off once, or started and watched by the events of its log. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { WorkerReport } from '../../../src/worker/worker.ts';
import { type Place, type Started, start } from '../../support/binary.ts';

export async function once(place: Place): Promise<{ code: number | null; report: WorkerReport; stderr: string }> {
  const { code, stdout, stderr } = await start(['worker', '--once', '--json'], place).done;
  if (stdout === '') throw new Error(`worker ended with ${code}:\n${stderr}`);
  return { code, report: JSON.parse(stdout) as WorkerReport, stderr };
}

const running = new Set<Started>();

/** Ends what a test that failed has left. */
export async function killAll(): Promise<void> {
  for (const started of running) started.kill('SIGKILL');
  await Promise.all([...running].map(({ done }) => done));
}

/** Starts a worker, and gives the events of its log as they come. */
export function worker(
  place: Place,
  ...args: string[]
): Started & { seen(event: string): Promise<Record<string, unknown>> } {
  const waiting: { event: string; resolve: (line: Record<string, unknown>) => void }[] = [];
  const lines: Record<string, unknown>[] = [];
  const started = start(['worker', '--json', '--log-level', 'debug', ...args], {
    ...place,
    onLine(text) {
      if (!text.startsWith('{')) return;
      const line = JSON.parse(text) as Record<string, unknown>;
      lines.push(line);
      for (const one of waiting.filter(({ event }) => event === line.event)) one.resolve(line);
    },
  });
  running.add(started);
  started.done.finally(() => running.delete(started));
  return {
    ...started,
    seen: (event) => {
      const line = lines.find((one) => one.event === event);
      if (line !== undefined) return Promise.resolve(line);
      const ended = started.done.then(({ code, stderr }) => {
        throw new Error(`the worker ended with ${code} without ${event}:\n${stderr}`);
      });
      return Promise.race([new Promise<Record<string, unknown>>((resolve) => waiting.push({ event, resolve })), ended]);
    },
  };
}

export async function until(what: string, holds: () => Promise<boolean>): Promise<void> {
  for (let tries = 0; !(await holds()); tries++) {
    if (tries > 600) throw new Error(`waited too long for: ${what}`);
    await sleep(100);
  }
}
