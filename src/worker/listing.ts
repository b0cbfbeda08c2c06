/**
 * Listing what is new without listing everything: keys of Enterprise OPA sort by instance and then by time, those of
 * Okera by day. For each such stream of keys the cursor knows how far it has come, and starts the next listing a
 * look-back window before that, since files come in late and Okera's grow.
 *
 * The cursor only spares listing. It moves on only after a pass that settled all it was given, and every so often
 * (`relist`) everything is listed. What was settled is in the ledger, and nothing else counts.
 */
import type { KeyStreams, Place } from '../sources/keys.ts';
import type { ObjectInfo, ObjectStore } from '../store/store.ts';

export interface CursorOptions {
  /** How keys sort by time; without it everything is listed each time. */
  readonly streams: KeyStreams | undefined;
  readonly lookBackMs: number;
  readonly relistMs: number;
}

interface Stream {
  /** Position of the newest key. */
  newest: number;
  /** When the newest of its objects was written. */
  modified: number;
  /** Settled objects of the window that is listed again: ETag by URI. */
  settled: Map<string, string>;
}

/** Keys older than the cursor that are skipped before a new listing is started behind them: about one page. */
const jumpAfter = 1000;
/** Keys without a time (`first_ts=null`) are listed every time; so many of them are remembered as settled. */
const maxTimeless = 100_000;

export class ListingCursor {
  readonly #options: CursorOptions;
  #streams = new Map<string, Stream>();
  #timeless = new Map<string, string>();
  #listedAll = Number.NEGATIVE_INFINITY;

  constructor(options: CursorOptions) {
    this.#options = options;
  }

  /** `now` in milliseconds since the epoch; `leaveOut` are objects that are not to be given this time. */
  begin(store: ObjectStore, now: number, leaveOut: (object: ObjectInfo) => boolean = () => false): ListingPass {
    const everything = now - this.#listedAll >= this.#options.relistMs;
    const found = new Map<string, Stream>();
    const timeless = new Map<string, string>();
    const { lookBackMs, streams } = this.#options;
    const placeOf = (uri: string): Place | undefined => streams?.placeOf(uri);
    const from = (stream: Stream): number =>
      // Where nothing was written for that long, nothing late is expected either.
      now - stream.modified <= lookBackMs ? stream.newest - lookBackMs : stream.newest;
    const known = everything ? new Map<string, Stream>() : this.#streams;
    const settledTimeless = everything ? new Map<string, string>() : this.#timeless;

    const note = (place: Place, object: ObjectInfo): void => {
      let stream = found.get(place.stream);
      if (stream === undefined) {
        stream = { newest: place.position, modified: object.lastModified, settled: new Map() };
        found.set(place.stream, stream);
      }
      stream.newest = Math.max(stream.newest, place.position);
      stream.modified = Math.max(stream.modified, object.lastModified);
      stream.settled.set(object.uri, object.etag);
      // Keys ascend, so those at the front are the oldest.
      for (const uri of stream.settled.keys()) {
        if (placeOf(uri)!.position >= stream.newest - lookBackMs) break;
        stream.settled.delete(uri);
      }
    };
    const narrow = (stream: Stream): void => {
      const first = from(stream);
      for (const uri of stream.settled.keys()) if (placeOf(uri)!.position < first) stream.settled.delete(uri);
    };

    async function* list(prefix: string): AsyncGenerator<ObjectInfo> {
      let startAfter: string | undefined;
      let current: string | undefined;
      for (;;) {
        let skipped = 0;
        let next: string | undefined;
        for await (const object of store.list(prefix, startAfter === undefined ? {} : { startAfter })) {
          const place = placeOf(object.uri);
          if (place === undefined) {
            if (leaveOut(object)) continue;
            if (timeless.size < maxTimeless) timeless.set(object.uri, object.etag);
            if (settledTimeless.get(object.uri) !== object.etag) yield object;
            continue;
          }
          if (place.stream !== current) {
            const last = current === undefined ? undefined : found.get(current);
            if (last !== undefined) narrow(last);
            current = place.stream;
            skipped = 0;
          }
          const stream = known.get(place.stream);
          if (stream !== undefined && place.position < from(stream)) {
            if (++skipped < jumpAfter) continue;
            next = laterOf(object.uri, streams!.firstAt(place.stream, from(stream)));
            break;
          }
          if (leaveOut(object)) continue;
          note(place, object);
          if (stream?.settled.get(object.uri) !== object.etag) yield object;
        }
        if (next === undefined) return;
        startAfter = next;
      }
    }

    return {
      store: {
        list,
        head: (uri) => store.head(uri),
        get: (uri, options) => store.get(uri, options),
        put: (uri, body, options) => store.put(uri, body, options),
        delete: (uri) => store.delete(uri),
      },
      settled: (failed) => {
        for (const uri of failed) {
          timeless.delete(uri);
          const place = placeOf(uri);
          if (place !== undefined) found.get(place.stream)?.settled.delete(uri);
        }
        for (const stream of found.values()) narrow(stream);
        // A stream none of whose keys was listed this time has not moved.
        this.#streams = everything ? found : new Map([...this.#streams, ...found]);
        this.#timeless = timeless;
        if (everything) this.#listedAll = now;
      },
    };
  }
}

/** A listing goes on behind what it has given. */
const laterOf = (given: string, key: string): string => (key > given ? key : given);

export interface ListingPass {
  /** The store with a listing that gives only what may be new. */
  readonly store: ObjectStore;
  /** Every object that was given is committed, but for these. Moves the cursor. */
  settled(failed: Iterable<string>): void;
}
