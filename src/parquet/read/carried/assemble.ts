/**
 * From the levels and values of a column's leaves to one packed value a row (parquet-format, README.md "Nested Encoding"; the
 * Dremel paper), in the form that the table's field has by now: fields are found by their ids, those that the file lacks are
 * null and those that the table no longer has are left out, and values of narrower types become those of wider ones
 * (Iceberg spec, "Schema Evolution").
 */
import type { SchemaElement } from 'hyparquet';
import { type CarriedField, type CarriedValue, storageOf } from '../../format/carried.ts';
import type { PackedWriter } from '../../format/packed.ts';
import { PhysicalType } from '../../format/physical.ts';
import { isPlainInteger, isText, timestampUnit } from '../stored-column.ts';
import type { LeafCursor } from './leaf-cursor.ts';
import type { LeafType } from './values.ts';

/** An element of a file's schema with what stands below it. */
export interface StoredNode {
  readonly element: SchemaElement;
  readonly children: readonly StoredNode[];
  /** The definition level from which on it is there; of what is repeated, from which on it has an entry. */
  readonly definition: number;
  readonly repetition: number;
  /** Which of the column's leaves are below it: first, and behind the last. */
  readonly firstLeaf: number;
  readonly endLeaf: number;
}

/** The tree of a top-level column, whose elements stand depth first. */
export function storedTree(elements: readonly SchemaElement[]): StoredNode {
  let at = 0;
  let leaf = 0;
  const read = (outerDefinition: number, outerRepetition: number): StoredNode => {
    const element = elements[at++];
    if (element === undefined) throw new RangeError('a schema ends inside a group');
    const definition = outerDefinition + (element.repetition_type === 'REQUIRED' ? 0 : 1);
    const repetition = outerRepetition + (element.repetition_type === 'REPEATED' ? 1 : 0);
    const firstLeaf = leaf;
    const children: StoredNode[] = [];
    if (element.num_children === undefined) leaf++;
    else for (let i = 0; i < element.num_children; i++) children.push(read(definition, repetition));
    return { element, children, definition, repetition, firstLeaf, endLeaf: leaf };
  };
  return read(0, 0);
}

/** A leaf of the file, as its pages are decoded. */
export function storedLeaves(node: StoredNode): (LeafType & { definition: number; repetition: number })[] {
  if (node.element.num_children !== undefined) return node.children.flatMap(storedLeaves);
  const { type = '', type_length: length } = node.element;
  const width = type === 'FIXED_LEN_BYTE_ARRAY' ? length : widths[type];
  return [{ type, width, definition: node.definition, repetition: node.repetition }];
}

const widths: Readonly<Record<string, number>> = { BOOLEAN: 1, INT32: 4, INT64: 8, INT96: 12, FLOAT: 4, DOUBLE: 8 };

/** The file has a column in a form whose values cannot be moved to the table's. */
export class NotCarried extends Error {
  override readonly name = 'NotCarried';
}

/** Takes the entries of one slot from all leaves below a node, and packs the value that they make. */
type Step = (cursors: readonly LeafCursor[], out: PackedWriter) => void;

export interface Assembly {
  /** The next row: false where it is null, and `out` has nothing of it. */
  readonly row: (cursors: readonly LeafCursor[], out: PackedWriter) => boolean;
}

/** Throws NotCarried. */
export function assemblyOf(field: CarriedField, stored: StoredNode): Assembly {
  const content = contentOf(field, stored);
  const leaves = leavesOf(stored);
  const guide = stored.firstLeaf;
  return {
    row(cursors, out) {
      const isPresent = cursors[guide]!.definition >= stored.definition;
      if (isPresent) content(cursors, out);
      else for (const leaf of leaves) cursors[leaf]!.next();
      // What other leaves say of the row has to agree with the one that led the way.
      for (const leaf of leaves)
        if (!cursors[leaf]!.isAtRow) throw new RangeError('a column has leaves of different rows');
      return isPresent;
    },
  };
}

const leavesOf = ({ firstLeaf, endLeaf }: StoredNode): number[] =>
  Array.from({ length: endLeaf - firstLeaf }, (_, i) => firstLeaf + i);

const isNull: Step = (_, out) => out.flag(false);

/** A value that may be null, with the byte that says so. */
function optional(field: CarriedField, stored: StoredNode | undefined): Step {
  if (stored === undefined) {
    if (field.required) throw new NotCarried(`${field.name} is required, and the file lacks it`);
    return isNull;
  }
  const content = contentOf(field, stored);
  const leaves = leavesOf(stored);
  const { firstLeaf, definition } = stored;
  return (cursors, out) => {
    const isPresent = cursors[firstLeaf]!.definition >= definition;
    out.flag(isPresent);
    if (isPresent) content(cursors, out);
    else for (const leaf of leaves) cursors[leaf]!.next();
  };
}

function contentOf(field: CarriedField, stored: StoredNode): Step {
  const { type } = field;
  const isGroup = stored.element.num_children !== undefined;
  if (isGroup !== (type.kind !== 'value') || (isGroup && stored.firstLeaf === stored.endLeaf))
    throw mismatch(field, stored);
  switch (type.kind) {
    case 'value':
      return valueStep(field, type.value, stored);
    case 'struct':
      return structStep(field, type.fields, stored);
    case 'list': {
      const repeated = repeatedIn(field, stored);
      return repeatedStep(stored, repeated, optional(type.element, elementIn(field, repeated)));
    }
    case 'map': {
      const repeated = repeatedIn(field, stored);
      const [key, value, ...others] = repeated.children;
      if (key === undefined || value === undefined || others.length > 0) throw mismatch(field, stored);
      const steps = [optional(type.key, key), optional(type.value, value)];
      return repeatedStep(stored, repeated, (cursors, out) => {
        for (const step of steps) step(cursors, out);
      });
    }
  }
}

function structStep(field: CarriedField, fields: readonly CarriedField[], stored: StoredNode): Step {
  const left = new Set(stored.children);
  const steps = fields.map((wanted) => {
    const child = childOf(stored, wanted);
    if (child?.element.repetition_type === 'REPEATED') throw mismatch(field, stored);
    if (child !== undefined) left.delete(child);
    return optional(wanted, child);
  });
  // Without ids nothing tells a field that was dropped from one that was renamed.
  for (const { element } of left)
    if (element.field_id === undefined) throw new NotCarried(`${field.name} has a field ${element.name} without an id`);
  const skipped = [...left].flatMap(leavesOf);
  const depth = stored.repetition;
  return (cursors, out) => {
    for (const step of steps) step(cursors, out);
    for (const leaf of skipped) cursors[leaf]!.skip(depth);
  };
}

const childOf = ({ children }: StoredNode, { id, name }: CarriedField): StoredNode | undefined =>
  children.find(({ element }) => element.field_id === id) ??
  children.find(({ element }) => element.field_id === undefined && element.name === name);

/** The repeated group of a list or map in the standard form. */
function repeatedIn(field: CarriedField, stored: StoredNode): StoredNode {
  const [repeated, ...others] = stored.children;
  if (repeated?.element.repetition_type !== 'REPEATED' || others.length > 0) throw mismatch(field, stored);
  if (repeated.element.num_children === undefined) throw mismatch(field, stored);
  return repeated;
}

/** In the older form of two levels the repeated group is the element (parquet-format, LogicalTypes.md "Lists"). */
function elementIn(field: CarriedField, repeated: StoredNode): StoredNode {
  const [element, ...others] = repeated.children;
  const { name } = repeated.element;
  if (element === undefined || others.length > 0 || name === 'array' || name.endsWith('_tuple'))
    throw mismatch(field, repeated);
  if (element.element.repetition_type === 'REPEATED') throw mismatch(field, repeated);
  return element;
}

function repeatedStep(stored: StoredNode, repeated: StoredNode, entry: Step): Step {
  const leaves = leavesOf(stored);
  const { firstLeaf } = stored;
  const { definition, repetition } = repeated;
  return (cursors, out) => {
    const at = out.count(0);
    const guide = cursors[firstLeaf]!;
    if (guide.definition < definition) {
      for (const leaf of leaves) cursors[leaf]!.next();
      return;
    }
    let count = 0;
    do {
      entry(cursors, out);
      count++;
    } while (guide.repetition === repetition);
    out.setCount(at, count);
  };
}

function valueStep(field: CarriedField, value: CarriedValue, stored: StoredNode): Step {
  const { width } = storageOf(value);
  const convert = conversionOf(value, stored.element);
  if (convert === undefined) throw mismatch(field, stored);
  const { firstLeaf } = stored;
  return (cursors, out) => {
    const cursor = cursors[firstLeaf]!;
    const { bytes, start, end } = cursor.value;
    if (convert !== 'same') convert(Buffer.from(bytes.buffer, bytes.byteOffset + start, end - start), out);
    else {
      if (width === undefined) out.count(end - start);
      else if (end - start !== width) throw new RangeError(`a value of ${end - start} bytes, and not of ${width}`);
      out.copy(bytes, start, end);
    }
    cursor.next();
  };
}

type Conversion = 'same' | ((stored: Buffer, out: PackedWriter) => void);

/** From what a leaf has to what the type is stored as; undefined where they do not go together. */
function conversionOf(value: CarriedValue, leaf: SchemaElement): Conversion | undefined {
  const { type, logical_type: logical, converted_type: converted } = leaf;
  const same = (isSame: boolean): Conversion | undefined => (isSame ? 'same' : undefined);
  switch (value.name) {
    case 'boolean':
      return same(type === 'BOOLEAN');
    case 'int':
      return same(type === 'INT32' && isPlainInteger(leaf));
    case 'long':
      if (type === 'INT32' && isPlainInteger(leaf)) return (stored, out) => out.long(BigInt(stored.readInt32LE()));
      return same(type === 'INT64' && isPlainInteger(leaf));
    case 'float':
      return same(type === 'FLOAT');
    case 'double':
      if (type === 'FLOAT') return (stored, out) => out.double(stored.readFloatLE());
      return same(type === 'DOUBLE');
    case 'date':
      return same(type === 'INT32' && (logical?.type === 'DATE' || converted === 'DATE'));
    case 'time':
      return same(
        type === 'INT64' && ((logical?.type === 'TIME' && logical.unit === 'MICROS') || converted === 'TIME_MICROS'),
      );
    case 'timestamp':
    case 'timestamptz': {
      const unit = timestampUnit(leaf);
      if (unit === 'MILLIS') return (stored, out) => out.long(stored.readBigInt64LE() * 1000n);
      return same(unit === 'MICROS');
    }
    case 'string':
      return same(type === 'BYTE_ARRAY' && (isText(leaf) || !(logical || converted)));
    case 'binary':
      return same(type === 'BYTE_ARRAY');
    case 'uuid':
      return same(type === 'FIXED_LEN_BYTE_ARRAY' && leaf.type_length === 16);
    case 'fixed':
      return same(type === 'FIXED_LEN_BYTE_ARRAY' && leaf.type_length === value.length && value.length > 0);
    case 'decimal':
      return decimalConversion(value, leaf);
  }
}

function decimalConversion(value: CarriedValue & { name: 'decimal' }, leaf: SchemaElement): Conversion | undefined {
  const { logical_type: logical, converted_type: converted, type } = leaf;
  const isDecimal = logical?.type === 'DECIMAL' || converted === 'DECIMAL';
  const precision = leaf.precision ?? (logical?.type === 'DECIMAL' ? logical.precision : 0);
  const scale = leaf.scale ?? (logical?.type === 'DECIMAL' ? logical.scale : 0);
  if (!isDecimal || scale !== value.scale || precision > value.precision) return undefined;
  if (type === 'FIXED_LEN_BYTE_ARRAY' && !leaf.type_length) return undefined;
  const { physical, width } = storageOf(value);
  const limit = 10n ** BigInt(value.precision);
  const isLittle = type === 'INT32' || type === 'INT64';
  if (!isLittle && type !== 'FIXED_LEN_BYTE_ARRAY' && type !== 'BYTE_ARRAY') return undefined;
  return (stored, out) => {
    let unscaled: bigint;
    if (stored.length > 32) throw new RangeError(`a decimal of ${stored.length} bytes`);
    if (isLittle) unscaled = type === 'INT32' ? BigInt(stored.readInt32LE()) : stored.readBigInt64LE();
    else unscaled = stored.length === 0 ? 0n : BigInt.asIntN(8 * stored.length, BigInt(`0x${stored.toString('hex')}`));
    if (unscaled >= limit || unscaled <= -limit)
      throw new RangeError(`a decimal of more than ${value.precision} digits`);
    if (physical === PhysicalType.INT32) out.int(Number(unscaled));
    else if (physical === PhysicalType.INT64) out.long(unscaled);
    else out.bigEndian(unscaled, width!);
  };
}

function mismatch({ name, type }: CarriedField, { element }: StoredNode): NotCarried {
  const wanted = type.kind === 'value' ? type.value.name : type.kind;
  const has = element.logical_type?.type ?? element.converted_type ?? element.type ?? 'a group';
  return new NotCarried(`${name} is ${wanted} in the table and ${has} in the file`);
}
