/**
 * What the byte scanner looks for, compiled once from an annotated schema and the config's promoted columns: a tree
 * of object members, and one slot for each path that becomes a column.
 */
import { Guess } from '../../columns/string-builder.ts';
import { slack, Text } from '../../columns/text.ts';
import type { Extraction } from '../../tables/schema.ts';

/** What a scanned value is. Int: an integer of at most 15 digits, so exact as a number. */
export const Tag = {
  Absent: 0,
  Null: 1,
  True: 2,
  False: 3,
  Int: 4,
  Number: 5,
  String: 6,
  /** A string with escapes in it. */
  Escaped: 7,
  Array: 8,
  Object: 9,
} as const;

export const bit = (tag: number): number => 1 << tag;

const any = 0x3ff;
const stringBits = bit(Tag.String) | bit(Tag.Escaped);
const booleanBits = bit(Tag.True) | bit(Tag.False);

const bitsOfJsonType: Readonly<Record<string, number>> = {
  null: bit(Tag.Null),
  boolean: booleanBits,
  integer: bit(Tag.Int),
  number: bit(Tag.Int) | bit(Tag.Number),
  string: stringBits,
  array: bit(Tag.Array),
  object: bit(Tag.Object),
};

/** A member that an object may have. Also made for unknown keys, so that they too are predicted. */
export class Member {
  /** The key as it stands in the text, quotes included. */
  readonly key: Uint8Array;
  /** What stands in front of its value where nothing is spaced: a comma, the key, a colon. */
  readonly lead: Text;
  readonly slot: number;
  /** Its slot and those of all members below. */
  readonly slots: readonly number[];
  /** Tags for which the scanner may accept the record. */
  readonly accepts: number;
  /** Tags that all its columns hold, whatever the value is. */
  readonly plain: number;
  /** How its value is taken apart: not at all, as an object with known members, as a map, as a list of strings. */
  readonly shape: 'raw' | 'object' | 'map' | 'list';
  /** Tags that the values of a map or a list may have. */
  readonly elements: number;
  readonly node: ObjectNode | null;
  /** Of members of the root: whether the schema has it; what it has not goes to `extra`, promoted or not. */
  readonly known: boolean;
  /** Of members of maps: the code of the key. */
  readonly keyGuess = new Guess();
  /** The record in which it was last met: twice in one record is a duplicate key. */
  epoch = 0;

  constructor(init: {
    key: string;
    slot?: number;
    accepts?: number;
    plain?: number;
    shape?: Member['shape'];
    elements?: number;
    node?: ObjectNode | null;
    known?: boolean;
  }) {
    const lead = Buffer.from(`,${JSON.stringify(init.key)}:`);
    this.lead = new Text(new Uint8Array([...lead, ...new Uint8Array(slack)]));
    this.key = this.lead.bytes.subarray(1, lead.length - 1);
    this.slot = init.slot ?? -1;
    this.accepts = init.accepts ?? any;
    this.plain = init.plain ?? any;
    this.shape = init.shape ?? 'raw';
    this.elements = init.elements ?? 0;
    this.node = init.node ?? null;
    this.known = init.known ?? true;
    const below = [...(this.node?.members.values() ?? [])].flatMap(({ slots }) => slots);
    this.slots = this.slot < 0 ? below : [this.slot, ...below];
  }
}

/** Keys past this number, or longer than this, are not remembered: they are not a schema but data. */
const maxUnknownKeys = 1024;
const maxKeyBytes = 256;

/** Stands for a member of which nothing matters: not even whether its key comes twice. */
export const anyMember = new Member({ key: '' });

/** An object whose members matter. Remembers the order of keys of the last one met, since the next one repeats it. */
export class ObjectNode {
  readonly members = new Map<string, Member>();
  readonly predicted: Member[] = [];
  /** Whether members without a path matter: those of the record go to `extra`, those of a map into it. */
  readonly isWhole: boolean;
  /** Whether a path goes through this place with a number, which on the reference path may be an array's index. */
  hasIndexes = false;
  #unknown = 0;

  constructor(isWhole: boolean) {
    this.isWhole = isWhole;
  }

  /** The member of a key without escapes, made where it is new; undefined where it matters, but is not worth keeping. */
  member(key: string): Member | undefined {
    const member = this.members.get(key);
    if (member !== undefined) return member;
    if (this.#unknown >= maxUnknownKeys || key.length > maxKeyBytes) return this.isWhole ? undefined : anyMember;
    this.#unknown++;
    const unknown = new Member({ key, known: false });
    this.members.set(key, unknown);
    return unknown;
  }
}

export interface Program {
  readonly root: ObjectNode;
  /** By slot. */
  readonly slots: readonly Extraction[];
  /** Slots that every record must have. */
  readonly required: readonly number[];
}

interface SchemaNode {
  readonly type?: string | readonly string[];
  readonly properties?: Readonly<Record<string, SchemaNode>>;
  readonly additionalProperties?: { readonly type?: string | readonly string[] } | boolean;
}

/**
 * @param schema the JSON Schema of the record
 * @param extractions every path that becomes a column, promoted ones included
 * @param plain by slot: tags of which every value is one for all columns of the path
 */
export function compile(
  schema: SchemaNode & { readonly required: readonly string[] },
  extractions: readonly Extraction[],
  plain: readonly number[],
): Program {
  const build = (path: readonly string[], node: SchemaNode | undefined, isWhole: boolean): ObjectNode => {
    const object = new ObjectNode(isWhole);
    const below = extractions.filter((extraction) => path.every((name, i) => extraction.path[i] === name));
    const names = new Set([
      ...below.map((extraction) => extraction.path[path.length]),
      ...(path.length === 0 ? Object.keys(schema.properties ?? {}) : []),
    ]);
    for (const name of names) {
      if (name === undefined) continue;
      object.hasIndexes ||= /^\d+$/.test(name);
      object.members.set(name, memberAt([...path, name], propertyOf(node, name)));
    }
    return object;
  };
  const memberAt = (path: readonly string[], node: SchemaNode | undefined): Member => {
    const key = path.at(-1)!;
    const slot = extractions.findIndex(
      (e) => e.path.length === path.length && e.path.every((name, i) => path[i] === name),
    );
    const type = slot < 0 ? undefined : extractions[slot]!.type;
    const isDeep = extractions.some((e) => e.path.length > path.length && path.every((name, i) => e.path[i] === name));
    const isMap = type !== undefined && typeof type !== 'string' && 'map' in type;
    const common = {
      key,
      slot,
      accepts: acceptedTags(node?.type),
      plain: plain[slot] ?? any,
      node: isDeep || isMap ? build(path, node, isMap) : null,
      known: node !== undefined,
    };
    if (type !== undefined && typeof type !== 'string') {
      if ('list' in type) return new Member({ ...common, shape: 'list', elements: stringBits });
      return new Member({ ...common, shape: 'map', elements: type.map.value === 'long' ? bit(Tag.Int) : stringBits });
    }
    return new Member({ ...common, shape: isDeep ? 'object' : 'raw' });
  };
  return {
    root: build([], schema, true),
    slots: extractions,
    required: schema.required.map((name) => extractions.findIndex((e) => e.path.length === 1 && e.path[0] === name)),
  };
}

/** A name may be anything that the configuration says, `constructor` too. */
const propertyOf = (node: SchemaNode | undefined, name: string): SchemaNode | undefined =>
  node?.properties !== undefined && Object.hasOwn(node.properties, name) ? node.properties[name] : undefined;

function acceptedTags(type: string | readonly string[] | undefined): number {
  if (type === undefined) return any;
  return [type].flat().reduce((bits, name) => bits | (bitsOfJsonType[name] ?? 0), 0);
}
