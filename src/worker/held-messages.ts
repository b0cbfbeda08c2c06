/**
 * The books between messages and objects: which objects wait to be taken into a batch, and which message is done when
 * which of its objects are. A message may speak of several objects, several messages of one, and each may come twice.
 * A message that comes while a batch with its object is in work starts anew: the object may have changed since.
 *
 * Pure: time is given, and what to delete or to give back is only said.
 */
import type { QueueMessage } from '../queue/queue.ts';

export interface WaitingObject {
  readonly source: string;
  readonly uri: string;
  /** Of the latest event, a hint. */
  readonly etag: string | undefined;
  /** A hint as well. */
  readonly size: number;
  /** When the object was made, as its event says, or when it came in here. Milliseconds since the epoch. */
  readonly made: number;
  /** When it came in here. */
  readonly since: number;
  /** Not to be looked at before this time. */
  readonly notBefore: number;
  readonly messages: readonly HeldMessage[];
}

export interface HeldMessage {
  message: QueueMessage;
  /** Until when SQS hides it from others. */
  hiddenUntil: number;
  /** Objects that are not done. */
  outstanding: number;
  /** One of its objects could not be taken in: it is not to be deleted. */
  failed: boolean;
}

export interface ArrivedObject {
  readonly source: string;
  readonly uri: string;
  readonly etag: string | undefined;
  readonly size: number;
  readonly time: number | undefined;
}

export interface BatchLimits {
  readonly bytes: number;
  readonly objects: number;
  /** Milliseconds. */
  readonly age: number;
}

export class HeldMessages {
  readonly #messages = new Map<string, HeldMessage>();
  readonly #waiting = new Map<string, WaitingObject>();

  /** Messages held, those being worked on included. */
  get messages(): number {
    return this.#messages.size;
  }

  get waiting(): Iterable<WaitingObject> {
    return this.#waiting.values();
  }

  get waitingObjects(): number {
    return this.#waiting.size;
  }

  get waitingBytes(): number {
    let bytes = 0;
    for (const { size } of this.#waiting.values()) bytes += size;
    return bytes;
  }

  /** `objects` not empty. A message that is held already (its time hidden ran out, or SQS gave it twice) keeps its place. */
  add(message: QueueMessage, objects: readonly ArrivedObject[], now: number, hiddenUntil: number): void {
    // Bodies are read by now, and could be large.
    const known = this.#messages.get(message.id);
    if (known !== undefined) {
      // Only the receipt of the last time is sure to delete it.
      known.message = { ...message, body: '' };
      known.hiddenUntil = hiddenUntil;
      return;
    }
    const byUri = new Map(objects.map((object) => [object.uri, object]));
    const held: HeldMessage = {
      message: { ...message, body: '' },
      hiddenUntil,
      outstanding: byUri.size,
      failed: false,
    };
    this.#messages.set(message.id, held);
    for (const object of byUri.values()) {
      const { source, uri, etag, size, time } = object;
      this.#put({
        source,
        uri,
        etag,
        size,
        made: Math.min(time ?? now, now),
        since: now,
        notBefore: 0,
        messages: [held],
      });
    }
  }

  /** Whether a batch of this source is to be closed now: full, old enough, or whatever there is where `drain` says so. */
  isDue(source: string, limits: BatchLimits, now: number, drain = false): boolean {
    return this.dueAt(source, limits, now, drain) <= now;
  }

  /** When that will be, as far as is known now; Infinity where nothing waits. */
  dueAt(source: string, limits: BatchLimits, now: number, drain = false): number {
    let [objects, bytes, due] = [0, 0, Number.POSITIVE_INFINITY];
    for (const object of this.#waiting.values()) {
      if (object.source !== source) continue;
      due = Math.min(due, Math.max(object.notBefore, drain ? 0 : object.since + limits.age));
      if (object.notBefore > now) continue;
      objects++;
      bytes += object.size;
      if (objects >= limits.objects || bytes >= limits.bytes) return now;
    }
    return due;
  }

  /** The objects of the next batch, oldest first; they no longer wait. */
  take(source: string, limits: BatchLimits, now: number): WaitingObject[] {
    const taken: WaitingObject[] = [];
    let bytes = 0;
    for (const object of this.#waiting.values()) {
      if (object.source !== source || object.notBefore > now) continue;
      if (taken.length > 0 && (taken.length >= limits.objects || bytes + object.size > limits.bytes)) break;
      taken.push(object);
      bytes += object.size;
      this.#waiting.delete(object.uri);
    }
    return taken;
  }

  /** Taken objects that are to be looked at again later. */
  putBack(objects: readonly WaitingObject[], notBefore: number): void {
    for (const object of objects) this.#put({ ...object, notBefore });
  }

  /** These objects are in the warehouse, or nothing is to be done for them. Gives the messages that are over with that. */
  done(objects: readonly WaitingObject[]): Over {
    return this.#settle(objects, false);
  }

  /** These objects could not be taken in. */
  failed(objects: readonly WaitingObject[]): Over {
    return this.#settle(objects, true);
  }

  /** Messages that come back to others before `time` unless they are hidden for longer. */
  hiddenUntil(time: number): HeldMessage[] {
    return [...this.#messages.values()].filter((held) => held.hiddenUntil <= time);
  }

  /** Messages that cannot be kept: others will have them. Their objects go, but for those that other messages ask for. */
  forget(messages: readonly QueueMessage[]): void {
    const gone = new Set<HeldMessage>();
    for (const { id } of messages) {
      const held = this.#messages.get(id);
      if (held !== undefined) gone.add(held);
      this.#messages.delete(id);
    }
    for (const object of [...this.#waiting.values()]) {
      const rest = object.messages.filter((held) => !gone.has(held));
      if (rest.length === object.messages.length) continue;
      if (rest.length === 0) this.#waiting.delete(object.uri);
      else this.#waiting.set(object.uri, { ...object, messages: rest });
    }
  }

  /** Everything held, to be given back at the end. */
  all(): QueueMessage[] {
    return [...this.#messages.values()].map(({ message }) => message);
  }

  #put(object: WaitingObject): void {
    const other = this.#waiting.get(object.uri);
    if (other === undefined) {
      this.#waiting.set(object.uri, object);
      return;
    }
    // Events come in any order, so a hint is kept only where they agree.
    this.#waiting.set(object.uri, {
      ...other,
      etag: other.etag === object.etag ? object.etag : undefined,
      size: Math.max(other.size, object.size),
      made: Math.min(other.made, object.made),
      since: Math.min(other.since, object.since),
      notBefore: Math.max(other.notBefore, object.notBefore),
      messages: [...new Set([...other.messages, ...object.messages])],
    });
  }

  #settle(objects: readonly WaitingObject[], failed: boolean): Over {
    const over: { finished: QueueMessage[]; returned: QueueMessage[] } = { finished: [], returned: [] };
    for (const { messages } of objects) {
      for (const held of messages) {
        held.outstanding--;
        if (failed) held.failed = true;
        if (held.outstanding > 0) continue;
        // One that was forgotten meanwhile may still be deleted: its work is done.
        this.#messages.delete(held.message.id);
        (held.failed ? over.returned : over.finished).push(held.message);
      }
    }
    return over;
  }
}

/** Messages none of whose objects is outstanding any more. */
export interface Over {
  /** To be deleted. */
  readonly finished: readonly QueueMessage[];
  /** To be left: they come again, and end in the dead-letter queue. */
  readonly returned: readonly QueueMessage[];
}
