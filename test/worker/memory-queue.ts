/** A queue as SQS is one, in memory and on a clock of the test: hiding, coming back, receive counts, a dead-letter queue. */
import { type MessageQueue, QueueError, type QueueMessage } from '../../src/queue/queue.ts';

interface Stored {
  readonly id: string;
  readonly body: string;
  receipt: string;
  receives: number;
  visibleAt: number;
}

export class MemoryQueue implements MessageQueue {
  readonly dead: string[] = [];
  readonly deleted: string[] = [];
  /** Thrown by `receive` while it is set. */
  fault: string | undefined;
  readonly #messages = new Map<string, Stored>();
  readonly #now: () => number;
  readonly #maxReceives: number;
  #ids = 0;

  constructor(now: () => number, maxReceives = 5) {
    this.#now = now;
    this.#maxReceives = maxReceives;
  }

  send(body: string): string {
    const id = `m${++this.#ids}`;
    this.#messages.set(id, { id, body, receipt: '', receives: 0, visibleAt: 0 });
    return id;
  }

  get size(): number {
    return this.#messages.size;
  }

  get visible(): number {
    return [...this.#messages.values()].filter(({ visibleAt }) => visibleAt <= this.#now()).length;
  }

  async receive({ max, visibilitySeconds }: Parameters<MessageQueue['receive']>[0]): Promise<QueueMessage[]> {
    await turn();
    if (this.fault !== undefined) throw new QueueError(this.fault, 'cannot receive messages', 'memory');
    const given: QueueMessage[] = [];
    for (const stored of this.#messages.values()) {
      if (given.length === Math.min(max, 10)) break;
      if (stored.visibleAt > this.#now()) continue;
      if (stored.receives === this.#maxReceives) {
        this.#messages.delete(stored.id);
        this.dead.push(stored.body);
        continue;
      }
      stored.receives++;
      stored.receipt = `${stored.id}/${stored.receives}`;
      stored.visibleAt = this.#now() + visibilitySeconds * 1000;
      given.push({ id: stored.id, receipt: stored.receipt, body: stored.body, receives: stored.receives });
    }
    return given;
  }

  async hide(messages: readonly QueueMessage[], seconds: number): Promise<QueueMessage[]> {
    return messages.filter(({ id, receipt }) => {
      const stored = this.#messages.get(id);
      if (stored === undefined || stored.receipt !== receipt) return true;
      stored.visibleAt = this.#now() + seconds * 1000;
      return false;
    });
  }

  async delete(messages: readonly QueueMessage[]): Promise<QueueMessage[]> {
    for (const { id, receipt } of messages) {
      if (this.#messages.get(id)?.receipt !== receipt) continue;
      this.#messages.delete(id);
      this.deleted.push(id);
    }
    return [];
  }

  async depth() {
    const visible = this.visible;
    return { visible, inFlight: this.size - visible, delayed: 0 };
  }
}

/** Lets everything else go on. */
export const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** Time that passes only when the test says so. */
export class FakeClock {
  now = Date.UTC(2026, 0, 15);
  readonly #sleepers = new Set<{ readonly at: number; readonly wake: () => void }>();

  readonly clock = (): number => this.now;

  readonly sleep = (ms: number, signal?: AbortSignal): Promise<void> =>
    new Promise((resolve, reject) => {
      const sleeper = { at: this.now + ms, wake: resolve };
      this.#sleepers.add(sleeper);
      signal?.addEventListener('abort', () => {
        this.#sleepers.delete(sleeper);
        reject(signal.reason);
      });
    });

  async advance(ms: number): Promise<void> {
    this.now += ms;
    for (const sleeper of [...this.#sleepers]) {
      if (sleeper.at > this.now) continue;
      this.#sleepers.delete(sleeper);
      sleeper.wake();
    }
    for (let i = 0; i < 5; i++) await turn();
  }

  /** Passes time in steps until the condition holds. Real work (compression in threads) is given real time as well. */
  async until(what: string, holds: () => boolean, step = 500): Promise<void> {
    for (let steps = 0; !holds(); steps++) {
      if (steps > 5000) throw new Error(`never came: ${what}`);
      await this.advance(step);
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
  }
}
