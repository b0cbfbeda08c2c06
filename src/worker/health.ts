/** How a worker is doing, source by source and batch by batch: for /healthz, /readyz, source_up and the log, from one place. */
import type { Logger } from 'pino';
import { type Freshness, isFresh } from '../ingest/expectations.ts';
import { emptySource, type Warning } from '../ingest/require-sources.ts';
import type { SourceConfig } from '../sources/config.ts';
import type { StoreError } from '../store/store.ts';
import { logEvent } from '../telemetry/events.ts';
import type { Metrics } from '../telemetry/metrics.ts';

export interface SourceHealth {
  readonly name: string;
  /** undefined until the first pass is over. */
  readonly ok: boolean | undefined;
  /** Milliseconds since the epoch. */
  readonly lastSuccess: number | undefined;
  readonly error?: { readonly code: string; readonly message: string; readonly failures: number };
}

/** What a look at the place of a source found: objects, none, or that there is no such place. */
export type Found = 'objects' | 'nothing' | StoreError;

/** A batch in work. */
export interface Moving {
  /** A call came to an end, a piece of an object was read, a stage is over. */
  on(): void;
  /** It waits for other batches, which are watched themselves; until it moves again. */
  waits(): void;
  over(): void;
}

const firstDelayMs = 1000;
const longestDelayMs = 60_000;

export class Health {
  readonly #sources = new Map<string, SourceHealth>();
  readonly #missing = new Set<string>();
  readonly #freshness = new Map<string, Freshness>();
  readonly #warnings = new Map<string, Warning>();
  readonly #clock: () => number;
  readonly #log: Logger;
  readonly #metrics: Metrics;
  readonly #stuckAfterMs: number;
  /** Of each batch in work, when it was begun or last moved. */
  readonly #progress = new Map<Moving, number>();

  constructor(
    sources: readonly string[],
    options: { clock: () => number; log: Logger; metrics: Metrics; stuckAfterMs: number },
  ) {
    this.#clock = options.clock;
    this.#log = options.log;
    this.#metrics = options.metrics;
    this.#stuckAfterMs = options.stuckAfterMs;
    for (const name of sources) this.#sources.set(name, { name, ok: undefined, lastSuccess: undefined });
  }

  begin(): Moving {
    let isOver = false;
    const moving: Moving = {
      // What its threads tell may come late.
      on: () => void (isOver || this.#progress.set(moving, this.#clock())),
      waits: () => void this.#progress.delete(moving),
      over: () => {
        isOver = true;
        this.#progress.delete(moving);
      },
    };
    moving.on();
    return moving;
  }

  /** A source whose place is missing does well only once it has been found. */
  succeeded(name: string): void {
    if (this.#missing.has(name)) return;
    const before = this.#sources.get(name);
    if (before?.ok === false) logEvent(this.#log, 'source-recovered', { source: name });
    this.#sources.set(name, { name, ok: true, lastSuccess: this.#clock() });
    this.#metrics.set('source_up', { source: name }, 1);
  }

  /** Gives the milliseconds to wait before the next try: from one second, doubling, to a minute. */
  failed(name: string, error: unknown): number {
    const before = this.#sources.get(name);
    const failures = (before?.error?.failures ?? 0) + 1;
    const code = errorCode(error);
    const delay = Math.min(firstDelayMs * 2 ** (failures - 1), longestDelayMs);
    const message = error instanceof Error ? error.message : String(error);
    this.#sources.set(name, { name, ok: false, lastSuccess: before?.lastSuccess, error: { code, message, failures } });
    this.#metrics.set('source_up', { source: name }, 0);
    this.#metrics.count('source_errors_total', { source: name, code });
    logEvent(this.#log, 'source-failed', { source: name, code, failures, retryInSeconds: delay / 1000, err: error });
    return delay;
  }

  /** By a pass over the source, or by a look of its own. Gives the milliseconds after which to look again where it failed. */
  looked(source: Pick<SourceConfig, 'name' | 'location'>, found: Found): number | undefined {
    const { name } = source;
    const isEmpty = found === 'nothing';
    this.#metrics.set('source_empty', { source: name }, isEmpty ? 1 : 0);
    if (!isEmpty) this.#warnings.delete(name);
    else if (!this.#warnings.has(name)) this.#warnings.set(name, emptySource(this.#log, source));
    if (!(found instanceof Error)) {
      this.#missing.delete(name);
      return undefined;
    }
    this.#missing.add(name);
    return this.failed(name, found);
  }

  get warnings(): Warning[] {
    return [...this.#warnings.values()];
  }

  get sources(): SourceHealth[] {
    return [...this.#sources.values()];
  }

  get ready(): boolean {
    return this.sources.every(({ ok }) => ok === true) && this.stale.length === 0;
  }

  /** What the ledger says of the sources that expect something. */
  sawFreshness(all: readonly Freshness[]): void {
    const now = this.#clock();
    for (const freshness of all) {
      const { source } = freshness;
      const before = this.#freshness.get(source);
      this.#freshness.set(source, freshness);
      const isNowFresh = isFresh(freshness, now);
      this.#metrics.set('source_stale', { source }, isNowFresh ? 0 : 1);
      if (before !== undefined && isFresh(before, now) === isNowFresh) continue;
      if (!isNowFresh) logEvent(this.#log, 'source-stale', { source, expectSeconds: freshness.expectSeconds });
      else if (before !== undefined) logEvent(this.#log, 'source-fresh', { source });
    }
  }

  /** Names of sources that have nothing in the warehouse as new as they expect. */
  get stale(): string[] {
    const now = this.#clock();
    return [...this.#freshness.values()].filter((one) => !isFresh(one, now)).map(({ source }) => source);
  }

  /**
   * Milliseconds since the batch that has stood still for longest last moved; 0 where none is in work. Only what never
   * comes back makes this grow: a call without an answer, a thread that hangs. How long a batch or an object takes does
   * not, nor does it how often they fail, since a new process would fare no better with them.
   */
  get stillMs(): number {
    return Math.max(0, this.#clock() - Math.min(this.#clock(), ...this.#progress.values()));
  }

  get alive(): boolean {
    return this.stillMs < this.#stuckAfterMs;
  }
}

/** Of our own errors their code, of others the name: both from short, closed lists, fit for a label. */
export function errorCode(error: unknown): string {
  if (!(error instanceof Error)) return 'unknown';
  const { code } = error as Error & { code?: unknown };
  return typeof code === 'string' ? code : error.name;
}
