/**
 * What the scanner of the kernel looks for (kernel/assembly/scan/program.ts), made once from an annotated schema and the
 * config's promoted columns: a tree of objects and their members, and one slot for each path that becomes a column.
 */

import type { ScalarType } from '../../columns/types.ts';
import {
  Shape_List,
  Shape_Map,
  Shape_Object,
  Shape_Raw,
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
import type { Kernel } from '../../kernel/kernel.ts';
import { isBelow } from '../../tables/mapping.ts';
import type { Extraction } from '../../tables/schema.ts';
import { reservedNames } from '../extra.ts';

export const bit = (tag: number): number => 1 << tag;

const any = 0x3ff;
const stringBits = bit(Tag_String) | bit(Tag_Escaped);
const booleanBits = bit(Tag_True) | bit(Tag_False);

const bitsOfJsonType: Readonly<Record<string, number>> = {
  null: bit(Tag_Null),
  boolean: booleanBits,
  integer: bit(Tag_Int),
  number: bit(Tag_Int) | bit(Tag_Number),
  string: stringBits,
  array: bit(Tag_Array),
  object: bit(Tag_Object),
};

interface Member {
  /** Its slot and those of all members below. */
  readonly slots: readonly number[];
}

interface ObjectNode {
  readonly place: number;
  readonly slots: readonly number[];
}

interface SchemaNode {
  readonly type?: string | readonly string[];
  readonly properties?: Readonly<Record<string, SchemaNode>>;
  readonly additionalProperties?: { readonly type?: string | readonly string[] } | boolean;
}

/** A path whose value has to be noted, and the type of the column that it is for. */
export type Wanted = Pick<Extraction, 'path' | 'type'>;

/**
 * The place of the root object's node.
 *
 * @param schema the JSON Schema of the record
 * @param wanted every path that becomes a column or may become one
 * @param plain by slot: tags of which every value is one for all columns of the path
 */
export function compile(
  kernel: Kernel,
  schema: SchemaNode,
  wanted: readonly Wanted[],
  plain: readonly number[],
): number {
  const { call } = kernel;
  const build = (path: readonly string[], node: SchemaNode | undefined, isWhole: boolean): ObjectNode => {
    const below = wanted.filter((other) => path.every((name, i) => other.path[i] === name));
    const names = new Set([
      ...below.flatMap((other) => other.path[path.length] ?? []),
      ...(path.length === 0 ? [...Object.keys(schema.properties ?? {}), ...reservedNames] : []),
    ]);
    const hasIndexes = [...names].some((name) => /^\d+$/.test(name));
    const place = call.newNode(Number(isWhole), Number(hasIndexes));
    const members = [...names].map((name) => memberAt([...path, name], propertyOf(node, name), place));
    return { place, slots: members.flatMap(({ slots }) => slots) };
  };
  const memberAt = (path: readonly string[], node: SchemaNode | undefined, parent: number): Member => {
    const slot = indexOfPath(wanted, path);
    const types = wanted.filter((other) => isSamePath(other.path, path)).map(({ type }) => type);
    const isDeep = wanted.some((other) => isBelow(other.path, path));
    const map = types.find((type) => typeof type !== 'string' && 'map' in type) as
      | { map: { value: ScalarType } }
      | undefined;
    const isMap = map !== undefined;
    const lists = types.flatMap((type) => (typeof type !== 'string' && 'list' in type ? [elementBits(type.list)] : []));
    const isList = lists.length > 0;
    const shape = isMap ? Shape_Map : isList ? Shape_List : isDeep ? Shape_Object : Shape_Raw;
    // What all lists of the path can hold: any other element is left to the reference path.
    const elements = map !== undefined ? elementBits(map.map.value) : lists.reduce((all, some) => all & some, any);
    const below = isDeep || isMap ? build(path, node, isMap) : undefined;
    // As it stands in the text: a key with escapes is left to the reference path.
    const { start, length } = kernel.text(JSON.stringify(path.at(-1)).slice(1, -1));
    const place = call.newMember(parent, start, length);
    call.describeMember(
      place,
      slot,
      // Members of these names have a place of their own in `extra`: the reference path sees to that.
      path.length === 1 && reservedNames.includes(path[0]!) ? 0 : acceptedTags(node?.type),
      plain[slot] ?? any,
      shape,
      elements,
      below?.place ?? 0,
      Number(node !== undefined),
    );
    const slots = [...(slot < 0 ? [] : [slot]), ...(below?.slots ?? [])];
    call.setSlots(place, kernel.block(slots), slots.length);
    return { slots };
  };
  return build([], schema, true).place;
}

/** The slot of a path: that of its first column, which several may share. */
export const indexOfPath = (all: readonly Wanted[], path: readonly string[]): number =>
  all.findIndex((other) => isSamePath(other.path, path));

const isSamePath = (a: readonly string[], b: readonly string[]): boolean =>
  a.length === b.length && a.every((segment, i) => b[i] === segment);

const elementBits = (type: ScalarType): number =>
  type === 'string' ? stringBits : type === 'boolean' ? booleanBits : bit(Tag_Int);

/** A name may be anything that the configuration says, `constructor` too. */
const propertyOf = (node: SchemaNode | undefined, name: string): SchemaNode | undefined =>
  node?.properties !== undefined && Object.hasOwn(node.properties, name) ? node.properties[name] : undefined;

function acceptedTags(type: string | readonly string[] | undefined): number {
  if (type === undefined) return any;
  return [type].flat().reduce((bits, name) => bits | (bitsOfJsonType[name] ?? 0), 0);
}
