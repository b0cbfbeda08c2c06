/**
 * What the scanner looks for: a tree of objects and their members, made by the host from an annotated schema
 * (records/scan/program.ts), and grown by the keys that turn up beside it.
 */
import { copy, hashOf, isSame } from '../bytes';
import { allocate, allocateZeros, grown, release, room } from '../memory';
import { anyTag } from './tags';

/** A member that an object may have. Also made for unknown keys, so that they too are predicted. */
@unmanaged
export class Member {
  /** What stands in front of its value where nothing is spaced: a comma, the key, a colon. */
  lead: usize;
  leadLength: i32;
  slot: i32;
  /** Tags for which the scanner may accept the record. */
  accepts: i32;
  /** Tags that all its columns hold, whatever the value is. */
  plain: i32;
  shape: i32;
  /** Tags that the values of a map or a list may have. */
  elements: i32;
  /** Its members, where it has columns below. */
  node: ObjectNode | null;
  /** Of members of the root: whether the schema has it; what it has not goes to `extra`, promoted or not. */
  isKnown: bool;
  /** Made for a key that turned up, and not by the host. */
  isMet: bool;
  /** Its slot and those of all members below. */
  slots: usize;
  slotCount: i32;
  /** The record in which it was last met: twice in one record is a duplicate key. */
  epoch: i32;
  /** Of members of maps: the code of the key, as of a generation of its column. */
  keyGeneration: i32;
  keyCode: i32;
}

/** Keys of an object that are predicted: an object of more is data. */
export const maxPredicted: i32 = 1024;
/** Keys past this number, or longer than this, are not remembered: they are not a schema but data. */
const maxUnknownKeys: i32 = 1024;
const maxKeyBytes: i32 = 256;

/** An object whose members matter. Remembers the order of keys of the last one met, since the next one repeats it. */
@unmanaged
export class ObjectNode {
  /** By position. */
  predicted: usize;
  predictedCount: i32;
  /** By hash of the key; 0 where free, at most half full. */
  table: usize;
  tableSize: i32;
  members: i32;
  unknown: i32;
  /** Whether members without a path matter: those of the record go to `extra`, those of a map into it. */
  isWhole: bool;
  /** Whether a path goes through this place with a number, which on the reference path may be an array's index. */
  hasIndexes: bool;
}

export function newNode(isWhole: bool, hasIndexes: bool): ObjectNode {
  const node = changetype<ObjectNode>(allocateZeros(offsetof<ObjectNode>()));
  node.isWhole = isWhole;
  node.hasIndexes = hasIndexes;
  node.tableSize = 64;
  node.table = allocateZeros(64 << 2);
  return node;
}

/** A member whose key, as it stands between the quotes, is [key, key + length). */
export function newMember(node: ObjectNode, key: usize, length: i32): Member {
  const member = changetype<Member>(allocateZeros(offsetof<Member>()));
  member.slot = -1;
  member.accepts = anyTag;
  member.plain = anyTag;
  member.keyGeneration = -1;
  member.lead = allocate(length + 4);
  member.leadLength = length + 4;
  store<u16>(member.lead, 0x222c);
  copy(member.lead + 2, key, length);
  store<u16>(member.lead + 2 + length, 0x3a22);
  add(node, member);
  return member;
}

export function describeMember(
  member: Member,
  slot: i32,
  accepts: i32,
  plain: i32,
  shape: i32,
  elements: i32,
  node: ObjectNode | null,
  isKnown: bool,
): void {
  member.slot = slot;
  member.accepts = accepts;
  member.plain = plain;
  member.shape = shape;
  member.elements = elements;
  member.node = node;
  member.isKnown = isKnown;
}

/** `slots`: its own and those below, a word each. The block belongs to the member from now on. */
export function setSlots(member: Member, slots: usize, count: i32): void {
  member.slots = slots;
  member.slotCount = count;
}

function add(node: ObjectNode, member: Member): void {
  node.members++;
  if (node.members << 1 > node.tableSize) {
    const old = node.table;
    const oldSize = node.tableSize;
    node.tableSize <<= 1;
    node.table = allocateZeros(node.tableSize << 2);
    for (let i = 0; i < oldSize; i++) {
      const moved = load<usize>(old + ((<usize>i) << 2));
      if (moved !== 0) place(node, changetype<Member>(moved));
    }
  }
  place(node, member);
}

function place(node: ObjectNode, member: Member): void {
  const mask = node.tableSize - 1;
  let at = <i32>hashOf(member.lead + 2, member.leadLength - 4) & mask;
  while (load<usize>(node.table + ((<usize>at) << 2)) !== 0) at = (at + 1) & mask;
  store<usize>(node.table + ((<usize>at) << 2), changetype<usize>(member));
}

/** The member of a key without escapes, made where it is new; null where it is not worth keeping. */
export function memberOf(node: ObjectNode, key: usize, length: i32): Member | null {
  const mask = node.tableSize - 1;
  let at = <i32>hashOf(key, length) & mask;
  while (true) {
    const found = load<usize>(node.table + ((<usize>at) << 2));
    if (found === 0) break;
    const member = changetype<Member>(found);
    if (member.leadLength - 4 === length && isSame(member.lead + 2, key, length)) return member;
    at = (at + 1) & mask;
  }
  if (node.unknown >= maxUnknownKeys || length > maxKeyBytes) return null;
  node.unknown++;
  const met = newMember(node, key, length);
  met.isMet = true;
  return met;
}

/**
 * Forgets the keys that have turned up in objects that have met too many to remember another one: so a batch of records whose
 * keys are data costs later ones nothing. Nothing may hold a member: between batches.
 */
export function forgetKeys(node: ObjectNode): void {
  const isFull = node.unknown >= maxUnknownKeys;
  const old = node.table;
  if (isFull) {
    node.table = allocateZeros(node.tableSize << 2);
    node.members -= node.unknown;
    node.unknown = 0;
    node.predictedCount = 0;
  }
  for (let i = 0; i < node.tableSize; i++) {
    const found = load<usize>(old + ((<usize>i) << 2));
    if (found === 0) continue;
    const member = changetype<Member>(found);
    if (member.node !== null) forgetKeys(member.node!);
    if (!isFull) continue;
    if (!member.isMet) place(node, member);
    else {
      release(member.lead);
      release(found);
    }
  }
  if (isFull) release(old);
}

export function predict(node: ObjectNode, position: i32, member: Member): void {
  if (position >= maxPredicted || position > node.predictedCount) return;
  const bytes = (position + 1) << 2;
  if (bytes > room(node.predicted)) node.predicted = grown(node.predicted, position << 2, bytes);
  store<usize>(node.predicted + ((<usize>position) << 2), changetype<usize>(member));
  if (position === node.predictedCount) node.predictedCount++;
}
