/**
 * Progress of a job on stderr: one bar on a terminal, a plain line every few seconds elsewhere. Never on stdout.
 */
import { clearLine, cursorTo } from 'node:readline';
import { Presets, SingleBar } from 'cli-progress';
import type { Progress, ProgressSink } from '../../ingest/runtime.ts';
import { formatBytes, formatCount, formatSeconds } from '../../text/humanize.ts';
import { columnsOf, printable } from '../../text/printable.ts';
import type { CommandContext, Output } from './context.ts';

export interface ProgressDisplay extends ProgressSink {
  /** Writes a line of the log without tearing the bar. */
  log(line: string): void;
  /** Leaves the terminal clean. */
  stop(): void;
}

const plainEveryMs = 5000;

export function showProgress(
  { stderr, clock, env }: Pick<CommandContext, 'stderr' | 'clock' | 'env'>,
  enabled: boolean,
): ProgressDisplay {
  const log = (line: string): void => void stderr.writeData(line);
  if (!enabled) return { update() {}, log, stop() {} };
  return stderr.isTTY && env.TERM !== 'dumb' ? bar(stderr, clock) : plainLines(stderr, clock);
}

/**
 * `1,204 of 5,000 objects, 1.2 GiB of 4.0 GiB, 12,345 rows, 88.1 MiB/s, 34 s left`. Rates are of stored bytes. Where that
 * is wider than `most` columns, rate, rows and bytes are left out, in this order.
 */
export function describeProgress(progress: Progress, elapsedMs: number, most = Number.POSITIVE_INFINITY): string {
  const { objectsDone, objectsTotal, bytesDone, bytesTotal, rows, message } = progress;
  const of = (done: string, total: string | null): string => (total === null ? done : `${done} of ${total}`);
  const parts: (string | undefined)[] = [
    `${of(formatCount(objectsDone), objectsTotal === null ? null : formatCount(objectsTotal))} objects`,
    of(formatBytes(bytesDone), bytesTotal === null ? null : formatBytes(bytesTotal)),
    `${formatCount(rows)} rows`,
  ];
  const seconds = elapsedMs / 1000;
  if (bytesDone > 0 && seconds > 0) {
    const rate = bytesDone / seconds;
    parts.push(`${formatBytes(rate)}/s`);
    if (bytesTotal !== null && bytesTotal > bytesDone)
      parts.push(`${formatSeconds((bytesTotal - bytesDone) / rate)} left`);
  }
  const text = (): string => {
    const shown = parts.filter((part) => part !== undefined).join(', ');
    return `${shown}${message === undefined ? '' : `; ${printable(message)}`}`;
  };
  for (const dispensable of [3, 2, 1]) if (columnsOf(text()) > most) parts[dispensable] = undefined;
  return most === Number.POSITIVE_INFINITY ? text() : cut(text(), most);
}

/** Printable text, cut to so many columns. */
const cut = (text: string, most: number): string => (columnsOf(text) <= most ? text : `${text.slice(0, most - 1)}…`);

function plainLines(stderr: Output, clock: () => number): ProgressDisplay {
  const started = clock();
  let shown = started;
  return {
    update(progress) {
      const now = clock();
      if (now - shown < plainEveryMs) return;
      shown = now;
      void stderr.write(`${progress.phase}: ${describeProgress(progress, now - started)}\n`);
    },
    log: (line) => void stderr.writeData(line),
    stop() {},
  };
}

function bar(stderr: Output, clock: () => number): ProgressDisplay {
  const started = clock();
  const width = stderr.columns ?? 80;
  const barColumns = width < 100 ? 12 : 24;
  const single = new SingleBar(
    {
      format: '{phase} {bar} {text}',
      barsize: barColumns,
      stream: process.stderr,
      clearOnComplete: true,
      hideCursor: true,
      linewrap: false,
      fps: 10,
      gracefulExit: false,
    },
    Presets.shades_classic,
  );
  let running = false;
  return {
    update(progress) {
      const { phase } = progress;
      const room = width - phase.length - barColumns - 3;
      const payload = { phase, text: describeProgress(progress, clock() - started, room) };
      const total = progress.bytesTotal ?? Math.max(1, progress.bytesDone * 2);
      if (!running) single.start(total, progress.bytesDone, payload);
      else {
        single.setTotal(total);
        single.update(progress.bytesDone, payload);
      }
      running = true;
    },
    log(line) {
      if (running) {
        cursorTo(process.stderr, 0);
        clearLine(process.stderr, 0);
      }
      void stderr.writeData(line);
    },
    stop() {
      if (running) single.stop();
      running = false;
    },
  };
}
