/**
 * The objects that failed, and how often: each is tried again after longer and longer pauses, and set aside after
 * `worker.tries`, until it changes or a worker starts. What is set aside is told in the log, in the metrics, on /readyz, in
 * the report and, by a record below the warehouse, to `doctor`; the messages of a queue are left to its redrive policy.
 */
import type { ObjectFailure } from '../ingest/request.ts';
import type { Runtime } from '../ingest/runtime.ts';
import type { Ledger } from '../ledger/ledger.ts';
import { clearSetAside, mostRecords, removeSetAside, type SetAsideObject, writeSetAside } from '../ledger/set-aside.ts';
import { logEvent } from '../telemetry/events.ts';
import type { Metrics } from '../telemetry/metrics.ts';
import { compareText } from '../text/order.ts';
import { errorCode } from './health.ts';

interface Failing {
  readonly source: string;
  readonly etag: string | undefined;
  readonly tries: number;
  /** Not to be tried before this time, in milliseconds since the epoch. */
  readonly notBefore: number;
  /** Since it is set aside. */
  readonly aside?: SetAsideObject;
}

export interface TriedObject {
  readonly uri: string;
  /** undefined where it could not even be asked for. */
  readonly etag: string | undefined;
}

const firstPauseMs = 60_000;
const longestPauseMs = 6 * 3_600_000;
const mostFailing = 100_000;
const reviewEveryMs = 600_000;

export class SetAside {
  readonly #runtime: Runtime;
  readonly #ledger: Ledger;
  readonly #metrics: Metrics;
  readonly #failing = new Map<string, Failing>();
  /** Objects with a record below the warehouse, by uri: of this worker or of one before. */
  readonly #recorded = new Set<string>();
  #reviewedAt = 0;

  constructor(runtime: Runtime, ledger: Ledger, metrics: Metrics) {
    this.#runtime = runtime;
    this.#ledger = ledger;
    this.#metrics = metrics;
    this.#reviewedAt = runtime.clock();
  }

  /** What earlier workers have left: it is tried again, and told until it is done. */
  async open(): Promise<void> {
    for (const { uri } of await clearSetAside(this.#runtime, this.#ledger)) this.#recorded.add(uri);
    this.#forget();
  }

  /** Whether the object as it is now is not to be tried: it is set aside, or waits for its next try. */
  rests({ uri, etag }: TriedObject, now: number): boolean {
    const failing = this.#failing.get(uri);
    return failing !== undefined && failing.etag === etag && (failing.aside !== undefined || now < failing.notBefore);
  }

  isAside({ uri, etag }: TriedObject): boolean {
    const failing = this.#failing.get(uri);
    return failing?.aside !== undefined && failing.etag === etag;
  }

  get objects(): SetAsideObject[] {
    const aside = [...this.#failing.values()].flatMap(({ aside: object }) => object ?? []);
    return aside.sort((a, b) => compareText(a.uri, b.uri));
  }

  /** Counts a try. */
  async failed(source: string, { uri, etag }: TriedObject, failure: ObjectFailure): Promise<void> {
    const { clock, config, log } = this.#runtime;
    const before = this.#failing.get(uri);
    const isSame = before !== undefined && before.etag === etag;
    if (isSame && before.aside !== undefined) return;
    const tries = isSame ? before.tries + 1 : 1;
    const pause = Math.min(firstPauseMs * 2 ** (tries - 1), longestPauseMs);
    // Filling a bucket with broken objects costs tries, not memory.
    if (before === undefined && this.#failing.size >= mostFailing) this.#forget();
    const failing = { source, etag, tries, notBefore: clock() + pause };
    if (tries < config.worker.tries) {
      this.#failing.set(uri, failing);
      return;
    }
    const { code, message } = failure;
    const since = new Date(clock()).toISOString();
    const aside = { source, uri, etag: etag ?? null, code, message, tries, since };
    this.#failing.set(uri, { ...failing, aside });
    logEvent(log, 'object-set-aside', { source, uri, code, reason: message, tries });
    this.#gauge(source);
    if (this.#recorded.size >= mostRecords && !this.#recorded.has(uri)) return;
    await this.#try(async () => {
      await writeSetAside(this.#runtime, aside);
      this.#recorded.add(uri);
    });
  }

  /** It is in the warehouse, or is gone. */
  async done(uri: string): Promise<void> {
    const failing = this.#failing.get(uri);
    this.#failing.delete(uri);
    if (failing?.aside !== undefined) this.#gauge(failing.source);
    if (!this.#recorded.has(uri)) return;
    await this.#try(async () => {
      await removeSetAside(this.#runtime, uri);
      this.#recorded.delete(uri);
    });
  }

  /** Now and then: others may have taken an object in, or it may be gone without notice. */
  async review(): Promise<void> {
    const { clock, store } = this.#runtime;
    if (clock() - this.#reviewedAt < reviewEveryMs) return;
    this.#reviewedAt = clock();
    const aside = this.objects.slice(0, mostRecords);
    if (aside.length === 0) return;
    const { entries } = await this.#ledger.lookup(aside.map(({ uri }) => uri));
    for (const { uri, etag } of aside) {
      const isCommitted = entries.get(uri)?.some((entry) => entry.state === 'committed' && entry.object.etag === etag);
      // What cannot be asked for is no more gone than it was.
      const isGone = etag !== null && (await store.head(uri).catch(() => null)) === undefined;
      if (isCommitted || isGone) await this.done(uri);
    }
  }

  #forget(): void {
    this.#failing.clear();
    for (const { name } of this.#runtime.config.sources) this.#gauge(name);
  }

  #gauge(source: string): void {
    let count = 0;
    for (const failing of this.#failing.values()) if (failing.aside !== undefined && failing.source === source) count++;
    this.#metrics.set('set_aside_objects', { source }, count);
  }

  /** The records only tell: where they cannot be written, work goes on. */
  async #try(action: () => Promise<void>): Promise<void> {
    await action().catch((error) => {
      const { log } = this.#runtime;
      log.debug({ event: 'set-aside-unrecorded', code: errorCode(error) }, 'what is set aside cannot be recorded');
    });
  }
}
