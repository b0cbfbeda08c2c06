/** The columns of a table as the kernel fills them (kernel/assembly/scan/{fields,computed}.ts), each a field of the record. */
import type { MappedColumn } from '../../tables/mapping.ts';
import type { Extraction } from '../../tables/schema.ts';
import { bit, indexOfPath, Tag, type Wanted } from './program.ts';

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
  /** A list of numbers or booleans. */
  numbers: 9,
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

export interface PathField {
  readonly column: string;
  readonly kind: number;
  readonly slot: number;
  /** Tags that the column holds; others are null and counted, or make the record doubtful. */
  readonly holds: number;
  readonly isDoubtful: boolean;
}

const bits = (...tags: number[]): number => tags.reduce((all, tag) => all | bit(tag), 0);
const nothing = bits(Tag.Absent, Tag.Null);
const everything = 0x3ff;

export function pathField(extraction: Extraction, isPromoted: boolean, all: readonly Wanted[]): PathField {
  const { column, type, json, path, strict } = extraction;
  const common = { column, slot: indexOfPath(all, path) };
  const isDoubtful = strict || (path.length === 1 && !isPromoted);
  if (json) return { ...common, kind: Field.json, holds: everything, isDoubtful };
  const [kind, holds] = kindOf(type);
  return { ...common, kind, holds: holds | nothing, isDoubtful };
}

/** By slot: the tags that need no second look, since all columns of the path hold every value of them. */
export function plainTags(fields: readonly PathField[], slots: number): number[] {
  const plain = new Array<number>(slots).fill(everything);
  for (const { slot, kind, holds } of fields) {
    plain[slot]! &= kind === Field.int || kind === Field.time ? nothing : holds;
  }
  return plain;
}

/** What is made of the value of an alternative; codes of the kernel (assembly/scan/alternatives.ts). */
const Action = { take: 0, empty: 1, present: 2, true: 3, false: 4, join: 5 } as const;

/** What a mapped column is in the kernel: its kind, and what each of its alternatives takes. Any value picked fits it. */
export function mappedField({ type, alternatives }: MappedColumn): {
  readonly kind: number;
  readonly holds: number;
  readonly alternatives: readonly { readonly action: number; readonly usable: number }[];
} {
  const [kind, holds] = kindOf(type);
  const asText = holds | bits(Tag.Int, Tag.Number, Tag.True, Tag.False);
  return {
    kind,
    holds: everything,
    alternatives: alternatives.map(({ is, join, isExact }) => ({
      action: is !== undefined ? Action[is] : join !== undefined ? Action.join : Action.take,
      usable: type === 'string' && isExact !== true ? asText : holds,
    })),
  };
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
      if ('list' in type) return [type.list === 'string' ? Field.strings : Field.numbers, bits(Tag.Array)];
      return [type.map.value === 'long' ? Field.longMap : Field.stringMap, bits(Tag.Object)];
  }
}
