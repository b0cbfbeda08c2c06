import { createHash } from 'node:crypto';
import { deflateRawSync, inflateRawSync, zstdDecompressSync } from 'node:zlib';
import avsc from 'avsc/etc/browser/avsc-types.js';
import { snappyUncompress } from 'hysnappy';
import { storedMapType } from './stored-map.ts';

/**
 * Avro object container files (Avro specification, "Object Container Files"), the format of manifests and manifest
 * lists, over avsc's schemas. Written ones are deterministic: the sync marker is a digest of the content. Values of
 * `long` are number where safe, else bigint; both are taken when writing. Maps with int keys come as StoredRecords; arrays of
 * their entries are taken as well.
 */
export interface AvroFile {
  readonly metadata: ReadonlyMap<string, string>;
  readonly schema: AvroSchema;
  readonly records: readonly Record<string, unknown>[];
}

/** An Avro schema as JSON; Iceberg's own attributes (`field-id`, `element-id`) are carried along. */
export type AvroSchema = { readonly [attribute: string]: unknown } | readonly AvroSchema[] | string;

const magic = Buffer.from('Obj\u0001', 'latin1');
/** About 100 KB of files: who keeps one of them keeps its block (stored-map.ts). */
const recordsPerBlock = 64;

const exactLong = avsc.types.LongType.__with({
  fromBuffer(bytes: Buffer): number | bigint {
    const high = bytes.readInt32LE(4);
    return high >= -0x200000 && high < 0x200000
      ? high * 0x1_0000_0000 + bytes.readUInt32LE(0)
      : bytes.readBigInt64LE(0);
  },
  toBuffer(value: number | bigint): Buffer {
    const bytes = Buffer.alloc(8);
    bytes.writeBigInt64LE(BigInt(value));
    return bytes;
  },
  fromJSON: (value: number | bigint) => value,
  toJSON: (value: number | bigint) => value,
  isValid: (value: unknown) => typeof value === 'bigint' || Number.isSafeInteger(value),
  compare: (a: number | bigint, b: number | bigint) => (a < b ? -1 : a > b ? 1 : 0),
});

const types = new Map<string, avsc.Type>();

/** Compiled types are kept by the text of their schema: a table has a few, and compiling costs more than a small file. */
function typeOf(schema: string): avsc.Type {
  let type = types.get(schema);
  if (type === undefined) {
    type = avsc.Type.forSchema(JSON.parse(schema) as avsc.Schema, {
      registry: { long: exactLong },
      typeHook: storedMapType,
    });
    if (types.size >= 256) types.clear();
    types.set(schema, type);
  }
  return type;
}

/** Of every file, whatever its records are. Compiled where a file is, as all types. */
const headerType = (): avsc.Type => typeOf(headerSchema);
const headerSchema = JSON.stringify({
  type: 'record',
  name: 'org.apache.avro.file.Header',
  fields: [
    { name: 'magic', type: { type: 'fixed', name: 'Magic', size: 4 } },
    { name: 'meta', type: { type: 'map', values: 'bytes' } },
    { name: 'sync', type: { type: 'fixed', name: 'Sync', size: 16 } },
  ],
});
const blockType = (): avsc.Type => typeOf(blockSchema);
const blockSchema = JSON.stringify({
  type: 'record',
  name: 'org.apache.avro.file.Block',
  fields: [
    { name: 'count', type: 'long' },
    { name: 'data', type: 'bytes' },
    { name: 'sync', type: { type: 'fixed', name: 'BlockSync', size: 16 } },
  ],
});

/** `metadata` are the file's own entries; schema and codec (deflate) are added. Records are taken one at a time. */
export function writeAvro(
  schema: AvroSchema,
  metadata: Readonly<Record<string, string>>,
  records: Iterable<Readonly<Record<string, unknown>>>,
): Uint8Array {
  const schemaText = JSON.stringify(schema);
  const type = typeOf(schemaText);
  const digest = createHash('sha256').update(schemaText).update(JSON.stringify(metadata));
  const blocks: { count: number; data: Buffer }[] = [];
  let encoded: Buffer[] = [];
  const endBlock = (): void => {
    if (encoded.length === 0) return;
    const plain = Buffer.concat(encoded);
    digest.update(plain);
    blocks.push({ count: encoded.length, data: deflateRawSync(plain) });
    encoded = [];
  };
  for (const record of records) {
    encoded.push(type.toBuffer(record));
    if (encoded.length === recordsPerBlock) endBlock();
  }
  endBlock();
  const sync = digest.digest().subarray(0, 16);
  const entries = { ...metadata, 'avro.schema': schemaText, 'avro.codec': 'deflate' };
  const meta = Object.fromEntries(Object.entries(entries).map(([key, value]) => [key, Buffer.from(value)]));
  return Buffer.concat([
    headerType().toBuffer({ magic, meta, sync }),
    ...blocks.map((block) => blockType().toBuffer({ ...block, sync })),
  ]);
}

/** Reads a whole file by the schema it was written with. `source` names it in errors. */
export function readAvro(bytes: Uint8Array, source: string): AvroFile {
  const { records, ...file } = openAvro(bytes, source);
  return { ...file, records: [...records] };
}

/** The same with each record decoded when it is asked for. */
export interface OpenedAvro extends Omit<AvroFile, 'records'> {
  /** Once. Throws where the rest of the file cannot be read. */
  readonly records: Iterable<Record<string, unknown>>;
}

/** A file of very many records: only those that are kept take memory. */
export function openAvro(bytes: Uint8Array, source: string): OpenedAvro {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  if (!buffer.subarray(0, 4).equals(magic)) throw new Error(`${source}: not an Avro file`);
  const unreadable = (cause: unknown): Error =>
    new Error(`${source}: cannot be read as Avro: ${(cause as Error).message}`, { cause });
  try {
    const header = headerType().decode(buffer) as { value: Header; offset: number };
    if (header.offset < 0) throw new Error('the header is cut off');
    const metadata = new Map(Object.entries(header.value.meta).map(([key, value]) => [key, value.toString('utf8')]));
    const decompress = codec(metadata.get('avro.codec') ?? 'null');
    const schemaText = metadata.get('avro.schema') ?? '';
    const type = typeOf(schemaText);
    const records = function* (): Generator<Record<string, unknown>> {
      for (let at = header.offset; at < buffer.length; ) {
        const block = blockType().decode(buffer, at) as { value: Block; offset: number };
        if (block.offset < 0) throw new Error(`the block at byte ${at} is cut off`);
        if (!block.value.sync.equals(header.value.sync))
          throw new Error(`the block at byte ${at} has a wrong sync marker`);
        const data = decompress(block.value.data);
        let position = 0;
        for (let index = 0; index < block.value.count; index++) {
          const record = type.decode(data, position) as { value: Record<string, unknown>; offset: number };
          if (record.offset < 0) throw new Error(`a record in the block at byte ${at} is cut off`);
          position = record.offset;
          yield record.value;
        }
        at = block.offset;
      }
    };
    return { metadata, schema: JSON.parse(schemaText) as AvroSchema, records: orElse(records(), unreadable) };
  } catch (cause) {
    throw unreadable(cause);
  }
}

/** What iterating throws as another error, and nothing that the caller throws meanwhile. */
export function* orElse<T>(items: Iterable<T>, otherwise: (cause: unknown) => Error): Generator<T, void, undefined> {
  const iterator = items[Symbol.iterator]();
  for (;;) {
    let next: IteratorResult<T>;
    try {
      next = iterator.next();
    } catch (cause) {
      throw otherwise(cause);
    }
    if (next.done) return;
    yield next.value;
  }
}

interface Header {
  readonly meta: Readonly<Record<string, Buffer>>;
  readonly sync: Buffer;
}
interface Block {
  readonly count: number;
  readonly data: Buffer;
  readonly sync: Buffer;
}

function codec(name: string): (data: Buffer) => Buffer {
  switch (name) {
    case 'null':
      return (data) => data;
    case 'deflate':
      return (data) => inflateRawSync(data);
    case 'zstandard':
      return (data) => zstdDecompressSync(data);
    case 'snappy':
      return unsnappy;
    default:
      throw new Error(`compression codec ${name} is not supported (null, deflate, zstandard, snappy are)`);
  }
}

/** Snappy's own preamble is the plain length; Avro adds a CRC-32 of the plain data behind the block. */
function unsnappy(data: Buffer): Buffer {
  let length = 0;
  for (let index = 0, shift = 0; ; index++, shift += 7) {
    const byte = data[index] ?? 0;
    length += (byte & 0x7f) * 2 ** shift;
    if (byte < 0x80) break;
  }
  return Buffer.from(snappyUncompress(data.subarray(0, -4), length));
}
