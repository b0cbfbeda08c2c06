/**
 * Listing what is new without listing everything: keys of Enterprise OPA sort by instance and then by time, those of
 * Okera by day. For each such stream of keys the cursor knows how far it has come, and starts the next listing a
 * look-back window before that, since files come in late and Okera's grow.
 *
 * The cursor only spares listing. It moves on only after a pass that settled all it was given, and every so often
 * (`relist`) everything is listed. What was settled is in the ledger, and nothing else counts.
 *
 * To start behind old keys is right only in a store that lists in order, which not all do: it is done once a whole
 * listing of many keys was in order, and never again after any that was not.
 */
import type { KeyStreams, Place } from '../sources/keys.ts';
import type { ListOptions, ObjectInfo, ObjectStore } from '../store/store.ts';
import { storeWith } from '../store/store-with.ts';
import { compareText } from '../text/order.ts';

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
  /** Size of `settled` at which those that have left the window are removed. */
  pruneAt: number;
}

/** Keys older than the cursor that are skipped before a new listing is started behind them: about one page. */
const jumpAfter = 1000;
/** Keys that a whole listing must have had in order: ten pages, which no shuffling leaves in order by chance. */
const provenKeys = 10_000;
const leastPruned = 1000;
/** Keys without a time (`first_ts=null`) are listed every time; so many of them are remembered as settled. */
const maxTimeless = 100_000;

export class ListingCursor {
  readonly #options: CursorOptions;
  #streams = new Map<string, Stream>();
  #timeless = new Map<string, string>();
  #listedAll = Number.NEGATIVE_INFINITY;
  /** Whether the store lists in order; undefined until a listing has shown it. */
  readonly #order: { isProven: boolean | undefined } = { isProven: undefined };

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
        stream = { newest: place.position, modified: object.lastModified, settled: new Map(), pruneAt: leastPruned };
        found.set(place.stream, stream);
      }
      stream.newest = Math.max(stream.newest, place.position);
      stream.modified = Math.max(stream.modified, object.lastModified);
      stream.settled.set(object.uri, object.etag);
      if (stream.settled.size < stream.pruneAt) return;
      prune(stream, stream.newest - lookBackMs);
      stream.pruneAt = Math.max(leastPruned, stream.settled.size * 2);
    };
    const prune = ({ settled }: Stream, first: number): void => {
      for (const uri of settled.keys()) if (placeOf(uri)!.position < first) settled.delete(uri);
    };
    const narrow = (stream: Stream): void => prune(stream, from(stream));
    const order = this.#order;

    let seen = false;
    async function* list(prefix: string, { root }: ListOptions = {}): AsyncGenerator<ObjectInfo> {
      let startAfter: string | undefined;
      let current: string | undefined;
      let last = '';
      let listed = 0;
      for (;;) {
        let skipped = 0;
        let next: string | undefined;
        const options = { ...(startAfter !== undefined && { startAfter }), ...(root !== undefined && { root }) };
        for await (const object of store.list(prefix, options)) {
          seen = true;
          if (compareText(object.uri, last) < 0) order.isProven = false;
          last = object.uri;
          listed++;
          const place = placeOf(object.uri);
          if (place === undefined) {
            if (leaveOut(object)) continue;
            if (timeless.size < maxTimeless) timeless.set(object.uri, object.etag);
            if (settledTimeless.get(object.uri) !== object.etag) yield object;
            continue;
          }
          if (place.stream !== current) {
            const before = current === undefined ? undefined : found.get(current);
            // In order, nothing more comes of that stream; in no order, streams take turns.
            if (before !== undefined && order.isProven !== false) narrow(before);
            current = place.stream;
            skipped = 0;
          }
          const stream = known.get(place.stream);
          if (stream !== undefined && place.position < from(stream)) {
            if (order.isProven !== true || ++skipped < jumpAfter) continue;
            next = laterOf(object.uri, streams!.firstAt(place.stream, from(stream)));
            break;
          }
          if (leaveOut(object)) continue;
          note(place, object);
          if (stream?.settled.get(object.uri) !== object.etag) yield object;
        }
        if (next === undefined) break;
        startAfter = next;
      }
      if (everything && listed >= provenKeys) order.isProven ??= true;
    }

    return {
      get isEmpty() {
        return !seen;
      },
      store: storeWith(store, {
        list,
        head: async (uri) => {
          const info = await store.head(uri);
          if (info !== undefined) seen = true;
          return info;
        },
      }),
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
const laterOf = (given: string, key: string): string => (compareText(key, given) > 0 ? key : given);

export interface ListingPass {
  /** Once it has been listed: there was no object at all, old or new. */
  readonly isEmpty: boolean;
  /** The store with a listing that gives only what may be new. */
  readonly store: ObjectStore;
  /** Every object that was given is committed, but for these. Moves the cursor. */
  settled(failed: Iterable<string>): void;
}
