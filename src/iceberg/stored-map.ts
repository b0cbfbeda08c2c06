/**
 * Counts and bounds of a file as a manifest stores them, read when they are asked for. A Map for each of them would take 20 KB
 * per file of fifty columns: most of what is planned never looks at them, and a commit may have thousands of files. A map that was
 * read keeps the block that it lies in, unless that is a large one, as other writers make them.
 */
import avsc from 'avsc/etc/browser/avsc-types.js';

/** Blocks above this are not kept: PyIceberg makes one for all files of a manifest, of which a plan may keep one. */
const mostKept = 256 << 10;

/** By field id (Iceberg spec, Appendix A "Avro": a map with int keys is an array of key-value records). */
export class StoredMap<V extends number | Uint8Array> implements ReadonlyMap<number, V> {
  /** Of the entries as they are stored. */
  readonly size: number;
  /** The place behind it in the block that it was read from. */
  readonly end: number;
  readonly #block: Buffer;
  readonly #start: number;
  readonly #length: number;
  /** How its values are stored. */
  readonly kind: Values<V>;

  /** The map that begins at a place of a block of an Avro file. Throws RangeError where the block does not hold all of it. */
  constructor(block: Buffer, start: number, values: Values<V>) {
    const cursor = new Cursor(block, start);
    let size = 0;
    for (let left = cursor.count(); left > 0; left = cursor.count())
      for (; left > 0; left--, size++) {
        cursor.long();
        values.skip(cursor);
      }
    this.size = size;
    this.end = cursor.at;
    const isLarge = block.length > mostKept;
    this.#block = isLarge ? Buffer.from(block.subarray(start, this.end)) : block;
    this.#start = isLarge ? 0 : start;
    this.#length = this.end - start;
    this.kind = values;
  }

  /** As it is stored. */
  get bytes(): Buffer {
    return this.#block.subarray(this.#start, this.#start + this.#length);
  }

  /** Of a key that is there more than once the last value, as in a Map of the entries. */
  get(wanted: number): V | undefined {
    const cursor = new Cursor(this.#block, this.#start);
    let found: V | undefined;
    for (let left = cursor.count(); left > 0; left = cursor.count())
      for (; left > 0; left--) {
        if (cursor.long() === wanted) found = this.kind.read(cursor);
        else this.kind.skip(cursor);
      }
    return found;
  }

  has(wanted: number): boolean {
    return this.get(wanted) !== undefined;
  }

  entries(): MapIterator<[number, V]> {
    return this.#map().entries();
  }

  keys(): MapIterator<number> {
    return this.#map().keys();
  }

  values(): MapIterator<V> {
    return this.#map().values();
  }

  [Symbol.iterator](): MapIterator<[number, V]> {
    return this.entries();
  }

  forEach(see: (value: V, key: number, map: ReadonlyMap<number, V>) => void): void {
    for (const [key, value] of this) see(value, key, this);
  }

  #map(): Map<number, V> {
    const map = new Map<number, V>();
    const cursor = new Cursor(this.#block, this.#start);
    for (let left = cursor.count(); left > 0; left = cursor.count())
      for (; left > 0; left--) map.set(cursor.long(), this.kind.read(cursor));
    return map;
  }
}

/** Stands for the records of a map, which avsc wants to be an array. */
export class StoredRecords extends Array<never> {
  readonly stored: StoredMap<number> | StoredMap<Uint8Array>;
  constructor(stored: StoredMap<number> | StoredMap<Uint8Array>) {
    super();
    this.stored = stored;
  }
}

/** For avsc: reads arrays that are maps from int to long or bytes as StoredRecords, and writes these as they are; undefined for all others. */
export function storedMapType(schema: unknown, options: object): avsc.Type | undefined {
  const { type, logicalType, items } = schema as {
    type?: unknown;
    logicalType?: unknown;
    items?: { fields?: Field[] };
  };
  if (type !== 'array' || logicalType !== 'map' || items?.fields?.length !== 2) return undefined;
  const [key, value] = items.fields as [Field, Field];
  const isMap = key.name === 'key' && key.type === 'int' && value.name === 'value';
  if (isMap && value.type === 'long') return new MapType(schema as avsc.Schema, options, longs);
  if (isMap && value.type === 'bytes') return new MapType(schema as avsc.Schema, options, byteStrings);
  return undefined;
}

interface Field {
  readonly name?: unknown;
  readonly type?: unknown;
}

/** Of avsc, which does not declare it. */
interface Tap {
  readonly buf: Buffer;
  pos: number;
  writeFixed(bytes: Buffer): void;
}

class MapType extends avsc.types.ArrayType {
  readonly #values: Values<number> | Values<Uint8Array>;

  constructor(schema: avsc.Schema, options: object, values: Values<number> | Values<Uint8Array>) {
    super(schema, options);
    this.#values = values;
  }

  _read(tap: Tap): StoredRecords {
    const stored = new StoredMap(tap.buf, tap.pos, this.#values as Values<number>);
    tap.pos = stored.end;
    return new StoredRecords(stored);
  }

  _write(tap: Tap, records: unknown): void {
    if (!(records instanceof StoredRecords)) arrays._write.call(this, tap, records);
    else if (records.stored.kind === this.#values) tap.writeFixed(records.stored.bytes);
    else throw new TypeError('the values of a map are stored as another type than that of its field');
  }
}

const arrays = avsc.types.ArrayType.prototype as unknown as {
  readonly _write: (this: avsc.Type, tap: Tap, records: unknown) => void;
};

export interface Values<V> {
  readonly read: (cursor: Cursor) => V;
  readonly skip: (cursor: Cursor) => void;
  readonly write: (out: MapWriter, value: V) => void;
}

export const longs: Values<number> = {
  read: (cursor) => cursor.long(),
  skip: (cursor) => void cursor.long(),
  write: (out, value) => out.long(value),
};
export const byteStrings: Values<Uint8Array> = {
  // A copy: a few bytes of a block would keep all of it.
  read: (cursor) => Buffer.from(cursor.bytes(cursor.long())),
  skip: (cursor) => void cursor.pass(cursor.long()),
  write: (out, bytes) => out.byteString(bytes),
};

/** Writes maps one behind the other, each as one block of entries, as StoredMap reads them. */
export class MapWriter {
  #buffer = Buffer.allocUnsafe(2048);
  #length = 0;

  map<V>(map: ReadonlyMap<number, V>, { write }: Values<V>): void {
    if (map.size > 0) this.long(map.size);
    for (const [key, value] of map) {
      this.long(key);
      write(this, value);
    }
    this.long(0);
  }

  /** A copy of what was written, in memory of its own. */
  bytes(): Buffer {
    const bytes = Buffer.alloc(this.#length);
    this.#buffer.copy(bytes, 0, 0, this.#length);
    return bytes;
  }

  /** An integer of less than 2^52, of either sign: zigzag, seven bits in a byte. */
  long(value: number): void {
    this.#reserve(8);
    let rest = value < 0 ? -2 * value - 1 : 2 * value;
    for (; rest > 127; rest = Math.floor(rest / 128)) this.#buffer[this.#length++] = (rest % 128) | 128;
    this.#buffer[this.#length++] = rest;
  }

  byteString(bytes: Uint8Array): void {
    this.long(bytes.length);
    this.#reserve(bytes.length);
    this.#buffer.set(bytes, this.#length);
    this.#length += bytes.length;
  }

  #reserve(more: number): void {
    if (this.#length + more <= this.#buffer.length) return;
    const larger = Buffer.allocUnsafe(Math.max(this.#buffer.length * 2, this.#length + more));
    this.#buffer.copy(larger, 0, 0, this.#length);
    this.#buffer = larger;
  }
}

/** Numbers and bytes one behind the other (Avro specification, "Binary Encoding"). */
class Cursor {
  at: number;
  readonly #block: Buffer;

  constructor(block: Buffer, at: number) {
    this.#block = block;
    this.at = at;
  }

  /** Exact where it is safe. */
  long(): number {
    const first = this.#byte();
    // Its lowest bit is the sign: without it the rest stays exact.
    let magnitude = (first & 127) >> 1;
    let isMore = first > 127;
    for (let factor = 64; isMore; factor *= 128) {
      if (factor > 2 ** 62) throw new RangeError('a number of a map is too long');
      const byte = this.#byte();
      magnitude += (byte & 127) * factor;
      isMore = byte > 127;
    }
    return (first & 1) === 0 ? magnitude : -magnitude - 1;
  }

  /** Of the entries that follow; 0 at the end. A negative one has their bytes behind it. */
  count(): number {
    const count = this.long();
    if (count < 0) this.long();
    return Math.abs(count);
  }

  bytes(length: number): Buffer {
    const start = this.at;
    this.pass(length);
    return this.#block.subarray(start, this.at);
  }

  pass(length: number): void {
    this.at += length;
    if (length < 0 || this.at > this.#block.length) throw new RangeError('a map is cut off');
  }

  #byte(): number {
    const byte = this.#block[this.at++];
    if (byte === undefined) throw new RangeError('a map is cut off');
    return byte;
  }
}
