/**
 * The column chunks of a carried column: packed values are taken apart into the levels and values of the leaves
 * (parquet-format, README.md "Nested Encoding"). Values are written as they are, without a dictionary, and bounds only of
 * those whose order is that of integers.
 */
import type { ColumnData, StringData } from '../../columns/batch.ts';
import type { Scalar } from '../../columns/types.ts';
import { fixedBytes } from '../format/bounds.ts';
import { type CarriedField, type CarriedValue, partsOf, storageOf } from '../format/carried.ts';
import { Codec, Encoding, type Statistics } from '../format/footer.ts';
import { PackedReader, PackedWriter } from '../format/packed.ts';
import type { Leaf } from '../format/schema.ts';
import type { LeafBounds } from '../format/statistics.ts';
import type { EncodedChunk, EncodedDataPage } from './column-chunk.ts';
import type { Compressor } from './compression.ts';

const pageRows = 20_000;
const pageBytes = 1 << 20;

/** Of these rows of the column, one chunk for each of its leaves. Throws where a required field has a null. */
export function encodeCarried(
  leaves: readonly Leaf[],
  data: ColumnData | undefined,
  rows: Uint32Array,
  compressor: Compressor,
): EncodedChunk[] {
  const { carried, name } = leaves[0]!.column;
  const writers = leaves.map((leaf) => new LeafWriter(leaf, compressor));
  const shredder = new Shredder(carried!, writers, name);
  const strings = data?.kind === 'string' && data.nullCount < data.length ? data : undefined;
  for (const row of rows) {
    if (strings === undefined || strings.valid?.[row] === 0) shredder.absent();
    else shredder.row(packedAt(strings, row));
    for (const writer of writers) writer.endRow();
  }
  return writers.map((writer) => writer.finish());
}

function packedAt({ codes, offsets, bytes }: StringData, row: number): PackedReader {
  const at = codes === null ? row : codes[row]!;
  return new PackedReader(bytes.subarray(offsets[at]!, offsets[at + 1]!));
}

/** A field with the leaves below it, by number. */
interface Node {
  readonly field: CarriedField;
  readonly children: readonly Node[];
  readonly leaves: readonly LeafWriter[];
}

class Shredder {
  readonly #root: Node;
  readonly #name: string;
  #next = 0;

  constructor(field: CarriedField, leaves: readonly LeafWriter[], name: string) {
    this.#name = name;
    this.#root = this.#node(field, leaves);
  }

  absent(): void {
    this.#absent(this.#root, 0, 0);
  }

  row(packed: PackedReader): void {
    this.#content(this.#root, packed, this.#root.field.required ? 0 : 1, 0, 0);
  }

  #node(field: CarriedField, leaves: readonly LeafWriter[]): Node {
    const first = this.#next;
    const children = partsOf(field).map((part) => this.#node(part, leaves));
    if (field.type.kind === 'value') this.#next++;
    return { field, children, leaves: leaves.slice(first, this.#next) };
  }

  #absent({ field, leaves }: Node, definition: number, repetition: number): void {
    if (field.required)
      throw new Error(`cannot write column ${this.#name} to Parquet: ${field.name} is required, and null in some row`);
    for (const leaf of leaves) leaf.level(definition, repetition);
  }

  #optional(node: Node, packed: PackedReader, definition: number, repetition: number, depth: number): void {
    if (!packed.flag()) this.#absent(node, definition, repetition);
    else this.#content(node, packed, definition + (node.field.required ? 0 : 1), repetition, depth);
  }

  /** `definition` and `repetition`: the levels of its first entry. `depth`: how often it is repeated. */
  #content(node: Node, packed: PackedReader, definition: number, repetition: number, depth: number): void {
    const { field, children, leaves } = node;
    const { kind } = field.type;
    if (kind === 'value') leaves[0]!.value(packed, definition, repetition);
    else if (kind === 'struct')
      for (const child of children) this.#optional(child, packed, definition, repetition, depth);
    else {
      const count = packed.count();
      if (count === 0) for (const leaf of leaves) leaf.level(definition, repetition);
      for (let i = 0; i < count; i++)
        for (const child of children)
          this.#optional(child, packed, definition + 1, i === 0 ? repetition : depth + 1, depth + 1);
    }
  }
}

class LeafWriter {
  readonly #leaf: Leaf;
  readonly #width: number | undefined;
  readonly #compressor: Compressor;
  readonly #bounds: Bounds;
  readonly #pages: EncodedDataPage[] = [];
  readonly #body = new PackedWriter();
  #definition: number[] = [];
  #repetition: number[] = [];
  /** Of the chunk, and where the page begins. */
  #rows = 0;
  #levels = 0;
  #values = 0;
  #page = { rowFrom: 0, levelFrom: 0, valueFrom: 0 };

  constructor(leaf: Leaf, compressor: Compressor) {
    this.#leaf = leaf;
    this.#width = storageOf(leaf.value!).width;
    this.#compressor = compressor;
    this.#bounds = new Bounds(leaf.value!);
  }

  level(definition: number, repetition: number): void {
    this.#definition.push(definition);
    this.#repetition.push(repetition);
    this.#levels++;
  }

  value(packed: PackedReader, definition: number, repetition: number): void {
    this.level(definition, repetition);
    const start = packed.value(this.#width);
    this.#body.copy(packed.bytes, start, packed.at);
    this.#bounds.add(packed.bytes, start);
    this.#values++;
  }

  endRow(): void {
    this.#rows++;
    if (this.#rows - this.#page.rowFrom >= pageRows || this.#body.length >= pageBytes) this.#endPage();
  }

  finish(): EncodedChunk {
    if (this.#rows > this.#page.rowFrom) this.#endPage();
    const nullCount = this.#levels - this.#values;
    return {
      leaf: this.#leaf,
      codec: Codec.ZSTD,
      encoding: Encoding.PLAIN,
      dictionary: undefined,
      pages: this.#pages,
      levels: this.#levels,
      values: this.#values,
      bounds: this.#bounds.ofLeaf,
      statistics: { nullCount, ...this.#bounds.statistics, minIsExact: true, maxIsExact: true },
      columnIndex: undefined,
      bloomFilter: undefined,
    };
  }

  #endPage(): void {
    const { maxDefinition, maxRepetition, value } = this.#leaf;
    const values = value!.name === 'boolean' ? packedBits(this.#body.bytes) : this.#body.bytes;
    const body = Buffer.concat([
      ...(maxRepetition > 0 ? [levelBytes(this.#repetition, maxRepetition)] : []),
      ...(maxDefinition > 0 ? [levelBytes(this.#definition, maxDefinition)] : []),
      values,
    ]);
    const range = { ...this.#page, levelTo: this.#levels, valueTo: this.#values };
    const compressed = this.#compressor.compress(body, this.#compressor.level, 0.5);
    this.#pages.push({ body: compressed, uncompressedSize: body.length, range });
    this.#page = { rowFrom: this.#rows, levelFrom: this.#levels, valueFrom: this.#values };
    this.#definition = [];
    this.#repetition = [];
    this.#body.clear();
  }
}

/** As one run, or as one series of bit-packed groups, with the length before it (parquet-format, Encodings.md "RLE"). */
function levelBytes(levels: readonly number[], most: number): Uint8Array {
  const width = 32 - Math.clz32(most);
  const [first] = levels;
  const isRun = levels.every((level) => level === first);
  const groups = Math.ceil(levels.length / 8);
  const out = new PackedWriter();
  const at = out.count(0);
  let header = isRun ? levels.length * 2 : groups * 2 + 1;
  const bytes: number[] = [];
  for (; header >= 0x80; header = Math.floor(header / 128)) bytes.push((header & 0x7f) | 0x80);
  bytes.push(header);
  if (isRun) for (let i = 0; i < (width + 7) >> 3; i++) bytes.push((first! >> (8 * i)) & 0xff);
  out.copy(Uint8Array.from(bytes), 0, bytes.length);
  if (!isRun) {
    const packed = new Uint8Array(groups * width);
    for (const [i, level] of levels.entries())
      for (let bit = 0; bit < width; bit++)
        if ((level >> bit) & 1) packed[(i * width + bit) >> 3]! |= 1 << ((i * width + bit) & 7);
    out.copy(packed, 0, packed.length);
  }
  out.setCount(at, out.length - 4);
  return out.bytes;
}

function packedBits(booleans: Uint8Array): Uint8Array {
  const bits = new Uint8Array((booleans.length + 7) >> 3);
  for (let i = 0; i < booleans.length; i++) bits[i >> 3]! |= booleans[i]! << (i & 7);
  return bits;
}

/** Least and greatest, of types that are integers in both Parquet's order and Iceberg's. */
class Bounds {
  readonly #width: number | undefined;
  #min: bigint | number | undefined;
  #max: bigint | number | undefined;

  constructor(value: CarriedValue) {
    this.#width = integers.has(value.name) ? storageOf(value).width : undefined;
  }

  add(bytes: Uint8Array, at: number): void {
    if (this.#width === undefined) return;
    const view = new DataView(bytes.buffer, bytes.byteOffset + at, this.#width);
    const value = this.#width === 4 ? view.getInt32(0, true) : view.getBigInt64(0, true);
    if (this.#min === undefined || value < this.#min) this.#min = value;
    if (this.#max === undefined || value > this.#max) this.#max = value;
  }

  get ofLeaf(): LeafBounds {
    return this.#min === undefined ? {} : { min: this.#min as Scalar, max: this.#max as Scalar };
  }

  get statistics(): Pick<Statistics, 'min' | 'max'> {
    if (this.#min === undefined || this.#max === undefined) return {};
    const bytes = (value: bigint | number) => fixedBytes(typeof value === 'bigint' ? 'long' : 'int', value);
    return { min: bytes(this.#min), max: bytes(this.#max) };
  }
}

const integers: ReadonlySet<string> = new Set(['int', 'long', 'date', 'time', 'timestamp', 'timestamptz']);
