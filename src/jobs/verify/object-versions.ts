/** The versions of each object that the ledger has: 32 bytes each. */
import { hash } from 'node:crypto';
import type { LedgerEntry } from '../../ledger/entry.ts';
import { type ObjectNames, roomFor } from './object-names.ts';

export interface ObjectAccount {
  /** Of all ingested versions. */
  readonly etags: { readonly size: number; has(etag: string): boolean };
  /** Of those that are claimed as well. */
  readonly batches: ReadonlySet<string>;
  /** What its rows were written with (ledger entries); null where none was recorded. */
  readonly mappings: ReadonlySet<string | null>;
  /** A version that some run holds, or held. */
  readonly open: LedgerEntry | undefined;
}

/** Words of a version: four of the digest of its ETag, its batch, its mapping, and the version that was noted before it. */
const words = 7;
const [batchWord, mappingWord, nextWord] = [4, 5, 6] as const;
/** In place of a mapping. */
const isClaimed = -1;

export class ObjectVersions {
  readonly #names: ObjectNames;
  /** By object, one more than its latest version; 0 for none. */
  #latest = new Int32Array(0);
  #versions = new Int32Array(0);
  #count = 0;
  readonly #batches = new Interned<string>();
  readonly #mappings = new Interned<string | null>();
  readonly #open = new Map<number, LedgerEntry>();

  constructor(names: ObjectNames) {
    this.#names = names;
  }

  /** false where the ledger has that version of the object already. */
  add(entry: LedgerEntry): boolean {
    const object = this.#names.add(entry.object.uri);
    const digest = digestOf(entry.object.etag);
    const isNew = entry.counts === null || !this.#has(object, digest);
    const at = this.#count * words;
    if (at + words > this.#versions.length) this.#versions = grown(this.#versions, at + words);
    if (object >= this.#latest.length) this.#latest = grown(this.#latest, object + 1);
    this.#versions.set(digest, at);
    this.#versions[at + batchWord] = this.#batches.add(entry.batch);
    this.#versions[at + mappingWord] = entry.counts === null ? isClaimed : this.#mappings.add(entry.counts.mapping);
    this.#versions[at + nextWord] = this.#latest[object]!;
    this.#latest[object] = ++this.#count;
    if (entry.counts === null) this.#open.set(object, entry);
    return isNew;
  }

  get(uri: string): ObjectAccount | undefined {
    const object = this.#names.numberOf(uri);
    if (object === undefined || (this.#latest[object] ?? 0) === 0) return undefined;
    const batches = new Set<string>();
    const mappings = new Set<string | null>();
    const etags = new Set<string>();
    for (const at of this.#of(object)) {
      batches.add(this.#batches.at(this.#versions[at + batchWord]!));
      const mapping = this.#versions[at + mappingWord]!;
      if (mapping === isClaimed) continue;
      mappings.add(this.#mappings.at(mapping));
      etags.add(this.#versions.subarray(at, at + 4).join());
    }
    return {
      etags: { size: etags.size, has: (etag) => this.#has(object, digestOf(etag)) },
      batches,
      mappings,
      open: this.#open.get(object),
    };
  }

  *keys(): Generator<string> {
    for (let object = 0; object < this.#latest.length; object++)
      if (this.#latest[object]! > 0) yield this.#names.nameOf(object);
  }

  /** Versions that runs hold, or held. */
  open(): Iterable<LedgerEntry> {
    return this.#open.values();
  }

  *#of(object: number): Generator<number> {
    for (let version = this.#latest[object] ?? 0; version > 0; ) {
      const at = (version - 1) * words;
      yield at;
      version = this.#versions[at + nextWord]!;
    }
  }

  #has(object: number, digest: Int32Array): boolean {
    for (const at of this.#of(object)) {
      if (this.#versions[at + mappingWord] === isClaimed) continue;
      if (digest.every((word, i) => this.#versions[at + i] === word)) return true;
    }
    return false;
  }
}

class Interned<T> {
  readonly #numbers = new Map<T, number>();
  readonly #values: T[] = [];

  add(value: T): number {
    const known = this.#numbers.get(value);
    if (known !== undefined) return known;
    const number = this.#values.push(value) - 1;
    this.#numbers.set(value, number);
    return number;
  }

  at(number: number): T {
    return this.#values[number]!;
  }
}

const digestOf = (etag: string): Int32Array =>
  new Int32Array(Uint8Array.from(hash('sha256', etag, 'buffer')).buffer, 0, 4);

function grown(array: Int32Array<ArrayBuffer>, length: number): Int32Array<ArrayBuffer> {
  const larger = new Int32Array(roomFor(length));
  larger.set(array);
  return larger;
}
