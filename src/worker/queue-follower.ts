/**
 * Follows the sources whose buckets send their events to one queue: receives, gathers objects into batches, and deletes a
 * message when the ledger says "committed" for all of its objects. Until then it stays hidden and is hidden for longer in
 * time; what cannot be taken in is left to come back, and so to the dead-letter queue.
 */

import { InFlight } from '../ingest/in-flight.ts';
import { type ConfiguredSource, objectsAt } from '../ingest/plan.ts';
import type { Runtime } from '../ingest/runtime.ts';
import type { MessageQueue, QueueMessage } from '../queue/queue.ts';
import { StoreError } from '../store/store.ts';
import { logEvent } from '../telemetry/events.ts';
import type { Metrics } from '../telemetry/metrics.ts';
import type { Batches, BatchOutcome } from './batches.ts';
import { errorCode, type Found, type Health } from './health.ts';
import { type ArrivedObject, type BatchLimits, HeldMessages, type Over, type WaitingObject } from './held-messages.ts';
import { pause } from './pause.ts';
import type { Account } from './report.ts';
import { routeEvents } from './route.ts';
import type { SetAside } from './set-aside.ts';

export interface QueueFollowerOptions {
  readonly runtime: Runtime;
  readonly queue: MessageQueue;
  /** For metrics: the last part of the queue's URL. */
  readonly name: string;
  /** All sources of the queue. */
  readonly sources: readonly ConfiguredSource[];
  readonly batches: Batches;
  readonly health: Health;
  readonly account: Account;
  readonly setAside: SetAside;
  readonly metrics: Metrics;
  /** Ends at the first empty answer of the queue with nothing left to work on. */
  readonly once: boolean;
}

/** SQS allows a receive to wait for 20; a worker that is being stopped has to wait for it as well. */
const waitSeconds = 5;
const tickMs = 500;
/** Before an object that another worker holds is looked at again. */
const heldAgainMs = 5000;
const depthEveryMs = 60_000;
/** There may be very many of them: the metric counts, the log shows one now and then. */
const foreignEveryMs = 60_000;

export class QueueFollower {
  readonly #options: QueueFollowerOptions;
  readonly #held = new HeldMessages();
  readonly #limits: BatchLimits;
  readonly #visibilityMs: number;
  readonly #retryAt = new Map<string, number>();
  readonly #inFlight: InFlight;
  /** Batches in work, by source. */
  readonly #inWork = new Map<string, number>();
  #foreignToldAt = Number.NEGATIVE_INFINITY;
  #drained = false;
  #lookAgainMs = 0;

  constructor(options: QueueFollowerOptions) {
    this.#options = options;
    const { batch, worker } = options.runtime.config;
    this.#limits = { bytes: batch.bytes, objects: batch.objects, age: worker.batchAgeSeconds * 1000 };
    this.#visibilityMs = worker.visibilitySeconds * 1000;
    this.#inFlight = new InFlight(options.runtime.ingester.threads);
  }

  /** Until `stop` fires; with `once`, until the queue is empty. Then everything held goes back to the queue. */
  async run(stop: AbortSignal): Promise<void> {
    const ended = new AbortController();
    const halt = AbortSignal.any([stop, ended.signal]);
    const over = new AbortController();
    this.#lookAgainMs = await this.#lookAtSources();
    const looking = this.#keepLooking(halt);
    const keeping = this.#keepHidden(over.signal);
    // Whichever ends first ends the other; messages of a batch in work stay hidden until it is over.
    const parts = [this.#receive(halt), this.#work(halt)].map((part) => part.finally(() => ended.abort()));
    const results = await Promise.allSettled(parts);
    over.abort();
    await Promise.all([keeping, looking]);
    await this.#giveBack(this.#held.all());
    for (const result of results) if (result.status === 'rejected') throw result.reason;
  }

  /**
   * No event comes of a bucket that is not there, or of a prefix that is mistyped: only looking tells. Gives the
   * milliseconds after which to look again.
   */
  async #lookAtSources(): Promise<number> {
    const { runtime, sources, health, once } = this.#options;
    let again = runtime.config.worker.relistSeconds * 1000;
    for (const { config } of sources) {
      try {
        let found: Found = 'nothing';
        for await (const _ of objectsAt(runtime.store, config.location)) {
          found = 'objects';
          break;
        }
        health.looked(config, found);
      } catch (error) {
        // What may not be listed may be read all the same, and what cannot be reached now shows when it is read.
        if (!(error instanceof StoreError) || error.code !== 'not-found') continue;
        if (once) throw error;
        again = Math.min(again, health.looked(config, error) ?? again);
      }
    }
    return again;
  }

  async #keepLooking(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await pause(this.#options.runtime, this.#lookAgainMs, signal);
      if (!signal.aborted) this.#lookAgainMs = await this.#lookAtSources();
    }
  }

  async #receive(signal: AbortSignal): Promise<void> {
    const { runtime, queue, health, once, sources } = this.#options;
    while (!signal.aborted) {
      if (!this.#hasRoom()) {
        await pause(runtime, tickMs, signal);
        continue;
      }
      try {
        const visibilitySeconds = this.#visibilityMs / 1000;
        const messages = await queue.receive({ max: 10, waitSeconds: once ? 1 : waitSeconds, visibilitySeconds });
        if (signal.aborted) return await this.#giveBack(messages);
        await this.#admit(messages);
        for (const { config } of sources) if (!this.#retryAt.has(config.name)) health.succeeded(config.name);
        if (once && messages.length === 0) {
          this.#drained = true;
          await pause(runtime, tickMs, signal);
        }
      } catch (error) {
        if (signal.aborted) return;
        if (once) throw error;
        await pause(runtime, Math.max(...sources.map(({ config }) => health.failed(config.name, error))), signal);
      }
    }
  }

  /** At most a batch waits while others are in work. */
  #hasRoom(): boolean {
    const { bytes, objects } = this.#limits;
    return this.#held.waitingObjects < objects && this.#held.waitingBytes < bytes;
  }

  async #admit(messages: readonly QueueMessage[]): Promise<void> {
    const { account, name, runtime, metrics, sources } = this.#options;
    const now = runtime.clock();
    account.messages(name, 'received', messages.length);
    const finished: QueueMessage[] = [];
    for (const message of messages) {
      const routed = routeEvents(message.body, sources, runtime.config.warehouse);
      if (routed.kind === 'malformed') {
        account.messages(name, 'malformed', 1);
        const { id, receives } = message;
        logEvent(runtime.log, 'message-malformed', { queue: name, message: id, receives, reason: routed.reason });
        continue;
      }
      for (const [reason, count] of Object.entries(routed.ignored))
        metrics.count('events_ignored_total', { queue: name, reason }, count);
      if (routed.foreign !== undefined && now - this.#foreignToldAt >= foreignEveryMs) {
        this.#foreignToldAt = now;
        logEvent(runtime.log, 'event-foreign', { queue: name, uri: routed.foreign });
      }
      const objects: ArrivedObject[] = routed.objects.map(({ source, ...object }) => ({
        ...object,
        source: source.config.name,
      }));
      if (objects.length === 0) finished.push(message);
      else this.#held.add(message, objects, now, now + this.#visibilityMs);
    }
    await this.#delete(finished);
    this.#gauges();
  }

  async #work(stop: AbortSignal): Promise<void> {
    const { runtime, sources, once } = this.#options;
    try {
      while (!stop.aborted) {
        let worked = false;
        for (const source of sources) {
          await this.#inFlight.slot();
          if (stop.aborted) return;
          if (await this.#mayBegin(source)) {
            worked = true;
            this.#inFlight.start(() => this.#workOn(source, stop));
          }
        }
        this.#gauges();
        if (once && this.#drained && this.#held.waitingObjects === 0 && this.#inFlight.isEmpty) return;
        if (!worked) await pause(runtime, tickMs, stop);
      }
    } finally {
      await this.#inFlight.drain();
    }
  }

  /** Another worker may have committed since what waits here came in. */
  async #mayBegin(source: ConfiguredSource): Promise<boolean> {
    if (!this.#isDue(source)) return false;
    if (!this.#options.once) await this.#options.batches.look();
    return this.#isDue(source);
  }

  #isDue({ config }: ConfiguredSource): boolean {
    const { runtime, batches, once } = this.#options;
    const now = runtime.clock();
    if ((this.#retryAt.get(config.name) ?? 0) > now) return false;
    const drain = once && this.#drained;
    if (!this.#held.isDue(config.name, this.#limits, now, drain)) return false;
    const last = batches.lastCommit(config.name);
    const isFull = this.#held.isDue(config.name, { ...this.#limits, age: Number.POSITIVE_INFINITY }, now);
    // What else there is goes together, after the commit that is under way.
    if (!isFull && this.#inWork.has(config.name)) return false;
    const interval = runtime.config.worker.commitIntervalSeconds * 1000;
    return drain || isFull || last === 0 || now - last >= interval;
  }

  async #workOn(source: ConfiguredSource, stop: AbortSignal): Promise<void> {
    const { runtime, batches, health, once } = this.#options;
    const { name } = source.config;
    const objects = this.#held.take(name, this.#limits, runtime.clock());
    this.#inWork.set(name, (this.#inWork.get(name) ?? 0) + 1);
    try {
      const outcomes = await batches.takeNamed(source, objects);
      this.#retryAt.delete(name);
      health.succeeded(name);
      await this.#settle(name, objects, outcomes);
    } catch (error) {
      this.#held.putBack(objects, 0);
      if (stop.aborted) return;
      if (once) throw error;
      this.#retryAt.set(name, runtime.clock() + health.failed(name, error));
    } finally {
      const others = this.#inWork.get(name)! - 1;
      if (others > 0) this.#inWork.set(name, others);
      else this.#inWork.delete(name);
    }
  }

  async #settle(
    source: string,
    objects: readonly WaitingObject[],
    outcomes: ReadonlyMap<string, BatchOutcome>,
  ): Promise<void> {
    const { account, name, runtime, setAside } = this.#options;
    const of = (...kinds: BatchOutcome['kind'][]): WaitingObject[] =>
      objects.filter(({ uri }) => kinds.includes(outcomes.get(uri)?.kind ?? 'held'));
    for (const kind of ['known', 'gone', 'archived', 'failed'] as const)
      for (const { uri } of of(kind)) account.object(source, kind, uri);
    for (const { uri } of of('committed', 'known', 'gone', 'archived')) await setAside.done(uri);
    for (const [uri, outcome] of outcomes)
      if (outcome.kind === 'failed') await setAside.failed(source, { uri, etag: outcome.etag }, outcome.failure);
    this.#held.putBack(of('held'), runtime.clock() + heldAgainMs);
    const done = this.#held.done(of('committed', 'known', 'gone', 'archived'));
    const failed = this.#held.failed(of('failed', 'aside'));
    const over: Over = {
      finished: [...done.finished, ...failed.finished],
      returned: [...done.returned, ...failed.returned],
    };
    account.messages(name, 'returned', over.returned.length);
    await this.#delete(over.finished);
  }

  /** Those that cannot be deleted come again, and find their objects committed. */
  async #delete(messages: readonly QueueMessage[]): Promise<void> {
    const { queue, account, name } = this.#options;
    if (messages.length === 0) return;
    const kept = await queue.delete(messages).catch(() => messages);
    account.messages(name, 'deleted', messages.length - kept.length);
  }

  /** Looks often enough that a message is hidden again when half of its time is over. */
  async #keepHidden(ended: AbortSignal): Promise<void> {
    const { runtime, queue, name, metrics } = this.#options;
    let depthAt = Number.NEGATIVE_INFINITY;
    while (!ended.aborted) {
      await pause(runtime, Math.min(this.#visibilityMs / 4, 5000), ended);
      if (ended.aborted) return;
      const now = runtime.clock();
      const held = this.#held.hiddenUntil(now + this.#visibilityMs / 2);
      try {
        const lost = new Set(
          await queue.hide(
            held.map(({ message }) => message),
            this.#visibilityMs / 1000,
          ),
        );
        for (const one of held) if (!lost.has(one.message)) one.hiddenUntil = now + this.#visibilityMs;
        this.#held.forget([...lost]);
        if (now - depthAt >= depthEveryMs) {
          depthAt = now;
          const { visible, inFlight, delayed } = await queue.depth();
          for (const [state, count] of Object.entries({ visible, in_flight: inFlight, delayed }))
            metrics.set('queue_messages', { queue: name, state }, count);
        }
      } catch (error) {
        // The messages come to others, or to us again: the ledger sorts that out.
        runtime.log.debug({ event: 'queue-keep-failed', queue: name, code: errorCode(error) }, 'queue not reachable');
      }
    }
  }

  async #giveBack(messages: readonly QueueMessage[]): Promise<void> {
    if (messages.length === 0) return;
    // Where that fails too, they come back when their time is over.
    await this.#options.queue.hide(messages, 0).catch(() => undefined);
    this.#held.forget(messages);
  }

  #gauges(): void {
    const { metrics, sources, runtime } = this.#options;
    const now = runtime.clock();
    for (const { config } of sources) {
      let [count, oldest] = [0, now];
      for (const object of this.#held.waiting) {
        if (object.source !== config.name) continue;
        count++;
        oldest = Math.min(oldest, object.made);
      }
      metrics.set('pending_objects', { source: config.name }, count);
      metrics.set('oldest_unclaimed_seconds', { source: config.name }, (now - oldest) / 1000);
    }
  }
}
