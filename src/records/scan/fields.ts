/** The columns of a table as the kernel fills them (kernel/assembly/scan/{fields,computed}.ts), each a field of the record. */
import type { Extraction } from '../../tables/schema.ts';
import { bit, indexOfPath, Tag } from './program.ts';

/** What a field is; codes of the kernel. */
export const Field = {
  json: 0,
  string: 1,
  boolean: 2,
  number: 3,
  int: 4,
  time: 5,
  strings: 6,
  stringMap: 7,
  longMap: 8,
  /** Of the record as a whole. */
  ymd: 16,
  eventTime: 17,
  offset: 18,
  extra: 19,
  /** Of the object: the same in all of its rows. */
  objectText: 20,
  objectLong: 21,
  /** Of an address: its key (records/address.ts). */
  ipKey: 24,
  /** Of `address:port`. */
  ip: 25,
  ipKeyOfPair: 26,
  port: 27,
  /** Milliseconds as a timestamp. */
  millis: 28,
  /** The halves of `hex:hex`, padded to 16 digits. */
  hexBefore: 29,
  hexAfter: 30,
} as const;

/** A column of a source's own that is computed from another column's path. */
export interface ComputedColumn {
  readonly column: string;
  readonly from: string;
  readonly field: (typeof Field)['ipKey' | 'ip' | 'ipKeyOfPair' | 'port' | 'millis' | 'hexBefore' | 'hexAfter'];
}

export interface PathField {
  readonly column: string;
  readonly kind: number;
  readonly slot: number;
  /** Slot whose boolean value counts where this one is absent; -1 for none. */
  readonly parent: number;
  /** Tags that the column holds; others are null and counted, or make the record doubtful. */
  readonly holds: number;
  readonly isDoubtful: boolean;
}

const bits = (...tags: number[]): number => tags.reduce((all, tag) => all | bit(tag), 0);
const nothing = bits(Tag.Absent, Tag.Null);
const everything = 0x3ff;

export function pathField(extraction: Extraction, isPromoted: boolean, all: readonly Extraction[]): PathField {
  const { column, type, json, path, strict, orParent } = extraction;
  const parent = orParent ? indexOfPath(all, path.slice(0, -1)) : -1;
  const common = { column, slot: indexOfPath(all, path), parent };
  const isDoubtful = strict || (path.length === 1 && !isPromoted);
  if (json) return { ...common, kind: Field.json, holds: everything, isDoubtful };
  const [kind, holds] = kindOf(type);
  return { ...common, kind, holds: holds | nothing, isDoubtful };
}

/** By slot: the tags that need no second look, since all columns of the path hold every value of them. */
export function plainTags(fields: readonly PathField[]): number[] {
  const plain = fields.map(() => everything);
  for (const { slot, kind, holds } of fields) {
    plain[slot]! &= kind === Field.int || kind === Field.time ? nothing : holds;
  }
  return plain;
}

function kindOf(type: Extraction['type']): [kind: number, holds: number] {
  switch (type) {
    case 'string':
      return [Field.string, bits(Tag.String, Tag.Escaped)];
    case 'boolean':
      return [Field.boolean, bits(Tag.True, Tag.False)];
    case 'long':
    case 'double':
      return [Field.number, bits(Tag.Int)];
    case 'int':
      return [Field.int, bits(Tag.Int)];
    case 'timestamp':
      return [Field.time, bits(Tag.String, Tag.Escaped)];
    default:
      if ('list' in type) return [Field.strings, bits(Tag.Array)];
      return [type.map.value === 'long' ? Field.longMap : Field.stringMap, bits(Tag.Object)];
  }
}
