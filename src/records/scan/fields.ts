/** The columns of a table as the kernel fills them (kernel/assembly/scan/{fields,computed}.ts), each a field of the record. */
import {
  Action_Empty,
  Action_False,
  Action_Join,
  Action_Present,
  Action_Take,
  Action_True,
  Field_Boolean,
  Field_Int,
  Field_Json,
  Field_LongMap,
  Field_Number,
  Field_Numbers,
  Field_String,
  Field_StringMap,
  Field_Strings,
  Field_Time,
  Tag_Absent,
  Tag_Array,
  Tag_Escaped,
  Tag_False,
  Tag_Int,
  Tag_Null,
  Tag_Number,
  Tag_Object,
  Tag_String,
  Tag_True,
} from '../../kernel/assembly/codes.ts';
import type { MappedColumn } from '../../tables/mapping.ts';
import type { Extraction } from '../../tables/schema.ts';
import { bit, indexOfPath, type Wanted } from './program.ts';

export interface PathField {
  readonly column: string;
  readonly kind: number;
  readonly slot: number;
  /** Tags that the column holds; others are null and counted, or make the record doubtful. */
  readonly holds: number;
  readonly isDoubtful: boolean;
}

const bits = (...tags: number[]): number => tags.reduce((all, tag) => all | bit(tag), 0);
const nothing = bits(Tag_Absent, Tag_Null);
const everything = 0x3ff;

export function pathField(extraction: Extraction, isPromoted: boolean, all: readonly Wanted[]): PathField {
  const { column, type, json, path, strict } = extraction;
  const common = { column, slot: indexOfPath(all, path) };
  const isDoubtful = strict || (path.length === 1 && !isPromoted);
  if (json) return { ...common, kind: Field_Json, holds: everything, isDoubtful };
  const [kind, holds] = kindOf(type);
  return { ...common, kind, holds: holds | nothing, isDoubtful };
}

/** By slot: the tags that need no second look, since all columns of the path hold every value of them. */
export function plainTags(fields: readonly PathField[], slots: number): number[] {
  const plain = new Array<number>(slots).fill(everything);
  for (const { slot, kind, holds } of fields) {
    plain[slot]! &= kind === Field_Int || kind === Field_Time ? nothing : holds;
  }
  return plain;
}

const actions = {
  empty: Action_Empty,
  present: Action_Present,
  true: Action_True,
  false: Action_False,
} as const;

/** What a mapped column is in the kernel: its kind, and what each of its alternatives takes. Any value picked fits it. */
export function mappedField({ type, alternatives }: MappedColumn): {
  readonly kind: number;
  readonly holds: number;
  readonly alternatives: readonly { readonly action: number; readonly usable: number }[];
} {
  const [kind, holds] = kindOf(type);
  const asText = holds | bits(Tag_Int, Tag_Number, Tag_True, Tag_False);
  return {
    kind,
    holds: everything,
    alternatives: alternatives.map(({ is, join, isExact }) => ({
      action: is !== undefined ? actions[is] : join !== undefined ? Action_Join : Action_Take,
      usable: type === 'string' && isExact !== true ? asText : holds,
    })),
  };
}

function kindOf(type: Extraction['type']): [kind: number, holds: number] {
  switch (type) {
    case 'string':
      return [Field_String, bits(Tag_String, Tag_Escaped)];
    case 'boolean':
      return [Field_Boolean, bits(Tag_True, Tag_False)];
    case 'long':
    case 'double':
      return [Field_Number, bits(Tag_Int)];
    case 'int':
      return [Field_Int, bits(Tag_Int)];
    case 'timestamp':
      return [Field_Time, bits(Tag_String, Tag_Escaped)];
    default:
      if ('list' in type) return [type.list === 'string' ? Field_Strings : Field_Numbers, bits(Tag_Array)];
      return [type.map.value === 'long' ? Field_LongMap : Field_StringMap, bits(Tag_Object)];
  }
}
